//! What a client sends, in the one form in which it is kept.
//!
//! Names are spelled as the schema spells them, values have their attribute's type, and what is not assigned (`null`, an empty
//! array) is not there. Texts stay byte for byte what they were. Nothing here recurses: a resource has attributes, and these
//! have sub-attributes, and there it ends ([RFC 7643, section 2.3.8]).
//!
//! [RFC 7643, section 2.3.8]: https://www.rfc-editor.org/rfc/rfc7643#section-2.3.8

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::error::{ScimError, ScimType};
use crate::filter::bool_of;
use crate::filter::moment_of;
use crate::profile::{Tolerance, Unknown};
use crate::schema::{AttrId, AttributeType, Mutability, Node, ResourceType};

/// The most values of one attribute, members apart.
const MAX_VALUES: usize = 1_000;
/// The longest text of one value, in bytes.
pub(crate) const MAX_TEXT: usize = 65_536;

/// Reads values of a resource type with the tolerance of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normalizer<'k> {
    pub(crate) kind: &'k ResourceType,
    pub(crate) tolerance: &'k Tolerance,
}

/// What became of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Normal {
    /// It is not assigned.
    Unassigned,
    /// It is this.
    Value(Value),
}

impl<'k> Normalizer<'k> {
    pub(crate) const fn new(kind: &'k ResourceType, tolerance: &'k Tolerance) -> Self {
        Self { kind, tolerance }
    }

    /// Reads a whole resource. What only the server writes is left out.
    pub(crate) fn resource(&self, input: Map<String, Value>) -> Result<Map<String, Value>, ScimError> {
        self.schemas(&input)?;
        let mut out = Map::new();
        for (name, value) in input {
            let Some((id, node)) = self.top_level(&name)? else { continue };
            if node.attribute.mutability == Mutability::ReadOnly || id == self.kind.common().schemas {
                continue;
            }
            if let Normal::Value(value) = self.attribute(id, node, value)? {
                out.insert(node.attribute.name.clone(), value);
            }
        }
        self.required(&out)?;
        Ok(out)
    }

    fn top_level(&self, name: &str) -> Result<Option<(AttrId, &'k Node)>, ScimError> {
        let id = self.kind.extension(name).or_else(|| self.kind.child(None, name));
        match id.and_then(|id| Some((id, self.kind.node(id)?))) {
            Some(found) => Ok(Some(found)),
            None => self.unknown().map(|()| None),
        }
    }

    fn unknown(&self) -> Result<(), ScimError> {
        match self.tolerance.unknown_attributes {
            Unknown::Ignore => Ok(()),
            Unknown::Reject => Err(ScimError::syntax("the resource has an attribute that its type has not")),
        }
    }

    /// Checks `schemas` ([RFC 7643, section 3](https://www.rfc-editor.org/rfc/rfc7643#section-3)).
    fn schemas(&self, input: &Map<String, Value>) -> Result<(), ScimError> {
        let found = input.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")).map(|(_, it)| it);
        let Some(Value::Array(schemas)) = found else {
            return Err(ScimError::syntax("`schemas` is missing"));
        };
        let core = self.kind.schema().map_or("", |schema| schema.id.as_str());
        let mut seen: Vec<&str> = Vec::new();
        for schema in schemas {
            let Value::String(schema) = schema else {
                return Err(ScimError::syntax("`schemas` has something that is no text"));
            };
            let known = self.kind.knows_schema(schema);
            if !known && self.tolerance.unknown_schemas == Unknown::Reject {
                return Err(ScimError::syntax("`schemas` has a schema that the type has not"));
            }
            if seen.iter().any(|it| it.eq_ignore_ascii_case(schema)) {
                return Err(ScimError::syntax("`schemas` has a schema twice"));
            }
            seen.push(schema);
        }
        if seen.iter().any(|it| it.eq_ignore_ascii_case(core)) {
            Ok(())
        } else {
            Err(ScimError::syntax("`schemas` has not the schema of the type"))
        }
    }

    /// Checks that what a resource must have is there.
    pub(crate) fn required(&self, resource: &Map<String, Value>) -> Result<(), ScimError> {
        for (_, node) in self.kind.nodes() {
            let top = node.parent.is_none();
            if top && node.attribute.required && !resource.get(&node.attribute.name).is_some_and(is_assigned)
            {
                return Err(missing(node));
            }
        }
        for (_, node) in self.kind.nodes() {
            let Some(parent) = node.parent.and_then(|parent| self.kind.node(parent)) else { continue };
            if !node.attribute.required {
                continue;
            }
            let elements = match resource.get(&parent.attribute.name) {
                Some(Value::Array(elements)) => elements.as_slice(),
                Some(single) => std::slice::from_ref(single),
                None => continue,
            };
            if !elements.iter().all(|it| it.get(&node.attribute.name).is_some_and(is_assigned)) {
                return Err(missing(node));
            }
        }
        Ok(())
    }

    /// Reads the value of an attribute: one, or many.
    pub(crate) fn attribute(&self, id: AttrId, node: &Node, value: Value) -> Result<Normal, ScimError> {
        if value.is_null() {
            return Ok(Normal::Unassigned);
        }
        if node.is_extension {
            return self.extension(id, value);
        }
        if !node.attribute.multi_valued {
            return self.single(id, node, value);
        }
        let values = many(node, value)?;
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            if let Normal::Value(value) = self.single(id, node, value)?
                && !out.contains(&value)
            {
                out.push(value);
            }
        }
        one_primary(&out)?;
        Ok(if out.is_empty() { Normal::Unassigned } else { Normal::Value(Value::Array(out)) })
    }

    fn extension(&self, id: AttrId, value: Value) -> Result<Normal, ScimError> {
        let Value::Object(members) = value else {
            return Err(ScimError::value("an extension is an object"));
        };
        let mut out = Map::new();
        for (name, value) in members {
            // Clients that treat an extension like a resource send its `schemas`, which says nothing new.
            if name.eq_ignore_ascii_case("schemas") {
                continue;
            }
            let Some(child) = self.kind.child(Some(id), &name) else {
                self.unknown()?;
                continue;
            };
            let Some(node) = self.kind.node(child) else { continue };
            if node.attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            if let Normal::Value(value) = self.attribute_within(child, node, value)? {
                out.insert(node.attribute.name.clone(), value);
            }
        }
        Ok(if out.is_empty() { Normal::Unassigned } else { Normal::Value(Value::Object(out)) })
    }

    /// An attribute of an extension, which is never an extension itself.
    fn attribute_within(&self, id: AttrId, node: &Node, value: Value) -> Result<Normal, ScimError> {
        if node.is_extension { Ok(Normal::Unassigned) } else { self.attribute(id, node, value) }
    }

    /// Reads one value.
    pub(crate) fn single(&self, id: AttrId, node: &Node, value: Value) -> Result<Normal, ScimError> {
        if node.attribute.kind == AttributeType::Complex {
            return self.complex(id, node, value);
        }
        self.simple(node, value)
    }

    fn complex(&self, id: AttrId, node: &Node, value: Value) -> Result<Normal, ScimError> {
        let members = match value {
            Value::Object(members) => members,
            Value::Null => return Ok(Normal::Unassigned),
            Value::String(text) if self.tolerance.complex_from_text => {
                let has_value = self.kind.child(Some(id), "value").is_some();
                if text.is_empty() {
                    return Ok(Normal::Unassigned);
                }
                if !has_value {
                    return Err(wrong_type(node));
                }
                Map::from_iter([("value".to_owned(), Value::String(text))])
            }
            _ => return Err(wrong_type(node)),
        };
        let mut out = Map::new();
        for (name, value) in members {
            let Some(child) = self.kind.child(Some(id), &name) else {
                self.unknown()?;
                continue;
            };
            let Some(sub) = self.kind.node(child) else { continue };
            if sub.attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            let read = if sub.attribute.multi_valued {
                self.simple_many(sub, value)?
            } else {
                self.simple(sub, value)?
            };
            if let Normal::Value(value) = read {
                out.insert(sub.attribute.name.clone(), value);
            }
        }
        Ok(if out.is_empty() { Normal::Unassigned } else { Normal::Value(Value::Object(out)) })
    }

    fn simple_many(&self, node: &Node, value: Value) -> Result<Normal, ScimError> {
        let values = many(node, value)?;
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            if let Normal::Value(value) = self.simple(node, value)? {
                out.push(value);
            }
        }
        Ok(if out.is_empty() { Normal::Unassigned } else { Normal::Value(Value::Array(out)) })
    }

    /// Reads a value of a simple type.
    pub(crate) fn simple(&self, node: &Node, value: Value) -> Result<Normal, ScimError> {
        use AttributeType::{Binary, Boolean, Complex, DateTime, Decimal, Integer, Reference, String};
        if let Value::String(text) = &value {
            if text.len() > MAX_TEXT || text.contains('\0') {
                return Err(wrong_type(node));
            }
            // Directories clear an attribute with an empty text.
            if text.is_empty() {
                return Ok(Normal::Unassigned);
            }
        }
        let fits = match (node.attribute.kind, &value) {
            (_, Value::Null) => return Ok(Normal::Unassigned),
            (String | Reference, Value::String(_))
            | (Boolean, Value::Bool(_))
            | (Decimal, Value::Number(_)) => true,
            (Boolean, Value::String(text)) if self.tolerance.bool_strings => {
                return bool_of(text)
                    .map(|it| Normal::Value(Value::Bool(it)))
                    .ok_or_else(|| wrong_type(node));
            }
            (Integer, Value::Number(number)) => number.is_i64() || number.is_u64(),
            (DateTime, Value::String(text)) => moment_of(text).is_some(),
            (Binary, Value::String(text)) => is_base64(text),
            (String | Reference | Boolean | Decimal | Integer | DateTime | Binary | Complex, _) => false,
        };
        if fits { Ok(Normal::Value(value)) } else { Err(wrong_type(node)) }
    }
}

/// Says that two elements are both the preferred one.
pub(crate) fn one_primary(values: &[Value]) -> Result<(), ScimError> {
    let primary = values.iter().filter(|it| it.get("primary") == Some(&Value::Bool(true))).count();
    if primary > 1 { Err(ScimError::value("two values are primary")) } else { Ok(()) }
}

/// Whether a value is one that is kept.
pub(crate) fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn is_base64(text: &str) -> bool {
    let bytes = text.as_bytes();
    STANDARD.decode(bytes).is_ok()
        || STANDARD_NO_PAD.decode(bytes).is_ok()
        || URL_SAFE.decode(bytes).is_ok()
        || URL_SAFE_NO_PAD.decode(bytes).is_ok()
}

/// The values of an attribute that may have many. One value where many may be is one of them.
fn many(node: &Node, value: Value) -> Result<Vec<Value>, ScimError> {
    let values = match value {
        Value::Array(values) => values,
        single => vec![single],
    };
    not_too_many(node, &values)?;
    Ok(values)
}

/// Says that an attribute has more values than it may.
pub(crate) fn not_too_many(node: &Node, values: &[Value]) -> Result<(), ScimError> {
    if values.len() > MAX_VALUES {
        return Err(ScimError::value(format!("`{}` has too many values", node.path)));
    }
    Ok(())
}

fn missing(node: &Node) -> ScimError {
    ScimError::new(ScimType::InvalidValue, format!("`{}` is required", node.path))
}

fn wrong_type(node: &Node) -> ScimError {
    ScimError::new(ScimType::InvalidValue, format!("`{}` has a value that is not of its type", node.path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::Profile;
    use crate::schema::{ENTERPRISE_USER, USER};

    fn read(profile: Profile, body: Value) -> Result<Value, ScimError> {
        let kind = ResourceType::user();
        let tolerance = profile.tolerance();
        let Value::Object(body) = body else { panic!("no object") };
        Normalizer::new(&kind, &tolerance).resource(body).map(Value::Object)
    }

    #[test]
    fn names_are_spelled_as_in_the_schema_and_nothing_stays_unassigned() {
        let read = read(
            Profile::Strict,
            json!({
                "SCHEMAS": [USER], "username": "kim", "NAME": { "GIVENNAME": "Ada", "familyName": null },
                "emails": [], "title": null, "nickName": "", "active": true, "id": "mine", "meta": { "version": "x" },
                "groups": [{ "value": "g" }],
            }),
        );
        assert_eq!(
            read.unwrap(),
            json!({ "userName": "kim", "name": { "givenName": "Ada" }, "active": true })
        );
    }

    #[test]
    fn what_is_strictly_wrong_has_its_answer() {
        use ScimType::{InvalidSyntax, InvalidValue};
        let base = |extra: Value| {
            let mut body = json!({ "schemas": [USER], "userName": "kim" });
            let Value::Object(extra) = extra else { panic!() };
            body.as_object_mut().unwrap().extend(extra);
            body
        };
        for (body, kind) in [
            (json!({ "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": [], "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": "x", "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": [USER, USER], "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": [USER, "urn:x"], "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": [1], "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": [ENTERPRISE_USER], "userName": "kim" }), InvalidSyntax),
            (json!({ "schemas": [USER] }), InvalidValue),
            (json!({ "schemas": [USER], "userName": "" }), InvalidValue),
            (base(json!({ "unknown": 1 })), InvalidSyntax),
            (base(json!({ "name": { "unknown": 1 } })), InvalidSyntax),
            (base(json!({ "active": "True" })), InvalidValue),
            (base(json!({ "active": 1 })), InvalidValue),
            (base(json!({ "title": 1 })), InvalidValue),
            (base(json!({ "title": ["a"] })), InvalidValue),
            (base(json!({ "title": "a\0" })), InvalidValue),
            (base(json!({ "name": "Kim" })), InvalidValue),
            (base(json!({ "emails": ["kim@x"] })), InvalidValue),
            (base(json!({ "emails": [[{ "value": "x" }]] })), InvalidValue),
            (base(json!({ "emails": [{ "value": { "deep": 1 } }] })), InvalidValue),
            (
                base(
                    json!({ "emails": [{ "primary": true, "value": "a" }, { "primary": true, "value": "b" }] }),
                ),
                InvalidValue,
            ),
            (base(json!({ "x509Certificates": [{ "value": "not base64!" }] })), InvalidValue),
            (base(json!({ ENTERPRISE_USER: "x" })), InvalidValue),
        ] {
            let error = read(Profile::Strict, body.clone()).map(|_| ()).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(kind)), "{body}");
        }
    }

    #[test]
    fn what_directories_send_is_understood() {
        let read = read(
            Profile::Interop,
            json!({
                "schemas": [USER, ENTERPRISE_USER, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                "userName": "kim", "active": "False", "emails": [{ "value": "k@x", "primary": "True", "$ref": null }],
                "roles": [], "unknown": { "deep": [1] },
                ENTERPRISE_USER.to_ascii_lowercase(): { "manager": "u17", "Department": "Ops" },
            }),
        );
        assert_eq!(
            read.unwrap(),
            json!({
                "userName": "kim", "active": false, "emails": [{ "value": "k@x", "primary": true }],
                ENTERPRISE_USER: { "manager": { "value": "u17" }, "department": "Ops" },
            })
        );
    }
}
