//! What of a resource a response has ([RFC 7644, section 3.9]).
//!
//! [RFC 7644, section 3.9]: https://www.rfc-editor.org/rfc/rfc7644#section-3.9

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::schema::{AttrId, ResourceType, Returned};

/// Which attributes a response has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    wanted: Option<BTreeSet<AttrId>>,
    excluded: BTreeSet<AttrId>,
}

impl Projection {
    /// The most attributes that can be named.
    pub const MAX_NAMES: usize = 256;

    /// Reads `attributes` and `excludedAttributes`, comma-separated. Names that the type has not are passed over: they name
    /// nothing that could be in a response.
    ///
    /// # Errors
    ///
    /// Fails with `invalidValue` when both are given, and when too many attributes are named.
    pub fn parse(
        kind: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, ScimError> {
        let attributes = attributes.filter(|it| !it.trim().is_empty());
        let excluded = excluded.filter(|it| !it.trim().is_empty());
        if attributes.is_some() && excluded.is_some() {
            return Err(ScimError::value("`attributes` and `excludedAttributes` exclude each other"));
        }
        let wanted = attributes.map(|names| read(kind, names)).transpose()?;
        let excluded = excluded.map(|names| read(kind, names)).transpose()?.unwrap_or_default();
        Ok(Self { wanted, excluded })
    }

    /// Whether a response has anything of an attribute: what is not asked for need not be read.
    #[must_use]
    pub fn has(&self, kind: &ResourceType, id: AttrId) -> bool {
        let Some(node) = kind.node(id) else { return false };
        self.keeps(kind, id) || node.children.iter().any(|child| self.keeps(kind, *child))
    }

    /// Whether an attribute itself is kept, as far as it can be kept without what is in it.
    fn keeps(&self, kind: &ResourceType, id: AttrId) -> bool {
        let Some(node) = kind.node(id) else { return false };
        let above: Vec<AttrId> = ancestors(kind, id).collect();
        match node.attribute.returned {
            Returned::Never => return false,
            Returned::Always => return true,
            Returned::Default | Returned::Request => {}
        }
        match &self.wanted {
            Some(wanted) => wanted.contains(&id) || above.iter().any(|it| wanted.contains(it)),
            None => {
                node.attribute.returned == Returned::Default
                    && !self.excluded.contains(&id)
                    && !above.iter().any(|it| self.excluded.contains(it))
            }
        }
    }

    /// Takes from a resource what the response has not.
    #[must_use]
    pub fn apply(&self, kind: &ResourceType, resource: Map<String, Value>) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, value) in resource {
            let id = kind.extension(&name).or_else(|| kind.child(None, &name));
            let Some(id) = id else { continue };
            if let Some(value) = self.value(kind, id, value) {
                out.insert(name, value);
            }
        }
        out
    }

    /// What is kept of a value. An extension has attributes, these have sub-attributes, and there it ends.
    fn value(&self, kind: &ResourceType, id: AttrId, value: Value) -> Option<Value> {
        let node = kind.node(id)?;
        if node.children.is_empty() {
            return self.keeps(kind, id).then_some(value);
        }
        let never = node.attribute.returned == Returned::Never;
        match value {
            _ if never => None,
            Value::Object(members) => self.members(kind, id, members).map(Value::Object),
            Value::Array(elements) => {
                let kept: Vec<Value> = elements
                    .into_iter()
                    .filter_map(|element| match element {
                        Value::Object(members) => self.leaves(kind, id, members).map(Value::Object),
                        other => self.keeps(kind, id).then_some(other),
                    })
                    .collect();
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            other => self.keeps(kind, id).then_some(other),
        }
    }

    fn members(
        &self,
        kind: &ResourceType,
        id: AttrId,
        members: Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        if !kind.node(id)?.is_extension {
            return self.leaves(kind, id, members);
        }
        let mut out = Map::new();
        for (name, value) in members {
            let Some(child) = kind.child(Some(id), &name) else { continue };
            let kept = match value {
                Value::Object(members) => self.leaves(kind, child, members).map(Value::Object),
                Value::Array(elements) => {
                    let kept: Vec<Value> = elements
                        .into_iter()
                        .filter_map(|element| match element {
                            Value::Object(members) => self.leaves(kind, child, members).map(Value::Object),
                            other => self.keeps(kind, child).then_some(other),
                        })
                        .collect();
                    (!kept.is_empty()).then_some(Value::Array(kept))
                }
                leaf => self.keeps(kind, child).then_some(leaf),
            };
            if let Some(kept) = kept {
                out.insert(name, kept);
            }
        }
        (!out.is_empty()).then_some(out)
    }

    fn leaves(
        &self,
        kind: &ResourceType,
        id: AttrId,
        members: Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        let mut out = Map::new();
        for (name, value) in members {
            if kind.child(Some(id), &name).is_some_and(|child| self.keeps(kind, child)) {
                out.insert(name, value);
            }
        }
        (!out.is_empty()).then_some(out)
    }
}

fn ancestors(kind: &ResourceType, id: AttrId) -> impl Iterator<Item = AttrId> {
    std::iter::successors(kind.node(id).and_then(|node| node.parent), move |id| {
        kind.node(*id).and_then(|node| node.parent)
    })
}

fn read(kind: &ResourceType, names: &str) -> Result<BTreeSet<AttrId>, ScimError> {
    let mut found = BTreeSet::new();
    for (at, name) in names.split(',').enumerate() {
        if at >= Projection::MAX_NAMES {
            return Err(ScimError::value("too many attributes are named"));
        }
        found.extend(kind.resolve(name.trim()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::ENTERPRISE_USER;

    fn project(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let kind = ResourceType::user();
        let kim = json!({
            "schemas": ["x"], "id": "1", "userName": "kim", "password": "secret",
            "name": { "givenName": "Ada", "familyName": "Kim" },
            "emails": [{ "type": "work", "value": "a" }, { "value": "b" }],
            ENTERPRISE_USER: { "department": "Ops", "manager": { "value": "7" } },
        });
        let projection = Projection::parse(&kind, attributes, excluded).unwrap();
        Value::Object(projection.apply(&kind, kim.as_object().unwrap().clone()))
    }

    #[test]
    fn what_is_asked_for_is_there_and_nothing_that_is_never_told() {
        let all = project(None, None);
        assert!(all.get("password").is_none() && all.get("userName").is_some());
        for (attributes, excluded, expected) in [
            (Some("userName"), None, json!({ "schemas": ["x"], "id": "1", "userName": "kim" })),
            (Some("USERNAME, password"), None, json!({ "schemas": ["x"], "id": "1", "userName": "kim" })),
            (
                Some("name.givenName"),
                None,
                json!({ "schemas": ["x"], "id": "1", "name": { "givenName": "Ada" } }),
            ),
            (
                Some("emails.type"),
                None,
                json!({ "schemas": ["x"], "id": "1", "emails": [{ "type": "work" }] }),
            ),
            (Some("nothing"), None, json!({ "schemas": ["x"], "id": "1" })),
            (
                Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
                None,
                json!({ "schemas": ["x"], "id": "1", ENTERPRISE_USER: { "department": "Ops" } }),
            ),
            (
                Some(ENTERPRISE_USER),
                None,
                json!({ "schemas": ["x"], "id": "1", ENTERPRISE_USER: { "department": "Ops", "manager": { "value": "7" } } }),
            ),
            (
                None,
                Some(
                    "id,schemas,name,emails.value,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                ),
                json!({ "schemas": ["x"], "id": "1", "userName": "kim", "emails": [{ "type": "work" }] }),
            ),
        ] {
            assert_eq!(project(attributes, excluded), expected, "{attributes:?} {excluded:?}");
        }
    }

    #[test]
    fn both_at_once_are_refused() {
        let kind = ResourceType::user();
        let error = Projection::parse(&kind, Some("a"), Some("b")).unwrap_err();
        assert_eq!(error.status, 400);
        assert!(Projection::parse(&kind, Some(&"a,".repeat(300)), None).is_err());
    }

    #[test]
    fn what_is_not_asked_for_need_not_be_read() {
        let kind = ResourceType::group();
        let members = kind.resolve("members").unwrap();
        let has = |attributes, excluded| {
            Projection::parse(&kind, attributes, excluded).unwrap().has(&kind, members)
        };
        assert!(has(None, None) && has(Some("members"), None) && has(Some("members.value"), None));
        assert!(!has(None, Some("members")) && !has(Some("displayName"), None));
    }
}
