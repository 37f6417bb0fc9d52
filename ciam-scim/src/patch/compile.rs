//! The operations of a patch, checked.

use serde_json::{Map, Value};

use super::members::{self, MemberChange};
use crate::error::{ScimError, ScimType};
use crate::filter::{BindPolicy, BoundFilter, Operand, Operator, Parser};
use crate::normalize::{Normal, Normalizer};
use crate::profile::{Tolerance, Unknown};
use crate::schema::{AttrId, AttributeType, Mutability, Node, ResourceType};

/// The operations of a patch, checked against a resource type: what is left is to apply them.
///
/// ```
/// use ciam_scim::patch::Patch;
/// use ciam_scim::profile::Profile;
/// use ciam_scim::schema::ResourceType;
/// use serde_json::json;
///
/// let body = json!({
///     "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
///     "Operations": [{ "op": "replace", "path": "name.givenName", "value": "Ada" }],
/// });
/// let user = ResourceType::user();
/// let patch = Patch::compile(body.as_object().unwrap(), &user, &Profile::Strict.tolerance())?;
/// let mut ada = json!({ "userName": "ada" }).as_object().unwrap().clone();
/// assert!(patch.apply(&user, &mut ada)?);
/// assert_eq!(ada["name"]["givenName"], "Ada");
/// # Ok::<(), ciam_scim::error::ScimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Patch {
    pub(super) actions: Vec<Action>,
    members: Vec<MemberChange>,
    ids: Vec<Value>,
    pub(super) lenient: bool,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Replace,
    Remove,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) op: Op,
    /// The attribute that the path leads to: with a filter, the one that is filtered.
    pub(super) attribute: AttrId,
    pub(super) chosen: Option<Chosen>,
    /// `None` to remove.
    pub(super) value: Option<Value>,
}

/// The elements that a filter chooses.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) filter: BoundFilter,
    pub(super) sub: Option<AttrId>,
    /// What an element is made of that the filter did not find.
    pub(super) template: Option<Map<String, Value>>,
}

impl Patch {
    /// The schema of a patch.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    /// The most operations.
    pub const MAX_OPERATIONS: usize = 1_000;

    /// Checks a patch.
    ///
    /// # Errors
    ///
    /// Fails when it is not of the form, when a path is none, when a value is not of the attribute's type, and when an
    /// attribute may not be written.
    pub fn compile(
        body: &Map<String, Value>,
        kind: &ResourceType,
        tolerance: &Tolerance,
    ) -> Result<Self, ScimError> {
        check_schemas(body, tolerance)?;
        let Some(Value::Array(operations)) = member(body, "Operations") else {
            return Err(ScimError::syntax("`Operations` is not a list"));
        };
        if operations.is_empty() {
            return Err(ScimError::syntax("`Operations` is empty"));
        }
        if operations.len() > Self::MAX_OPERATIONS {
            return Err(ScimError::status(413, "there are too many operations"));
        }
        let mut compiler = Compiler {
            normal: Normalizer::new(kind, tolerance),
            members_of: group_members(kind),
            patch: Self {
                actions: Vec::with_capacity(operations.len()),
                members: Vec::new(),
                ids: Vec::new(),
                lenient: tolerance.create_on_unmatched_filter,
            },
        };
        for operation in operations {
            compiler.operation(operation)?;
        }
        Ok(compiler.patch)
    }

    /// What happens to the members of a group, in order.
    #[must_use]
    pub fn members(&self) -> &[MemberChange] {
        &self.members
    }

    /// Whether nothing but members changes: such a patch needs no group.
    #[must_use]
    pub fn is_of_members_alone(&self) -> bool {
        self.actions.is_empty()
    }

    /// Checks the ids that came in values without a path: they must be the resource's own.
    ///
    /// # Errors
    ///
    /// Fails with `mutability` when one is another.
    pub fn check_id(&self, id: &str) -> Result<(), ScimError> {
        if self.ids.iter().all(|it| it.as_str() == Some(id)) { Ok(()) } else { Err(read_only("id")) }
    }
}

/// The `members` of a group, which are edges.
pub(crate) fn group_members(kind: &ResourceType) -> Option<AttrId> {
    let group = kind.schema().is_some_and(|schema| schema.id == crate::schema::GROUP);
    if group { kind.child(None, "members") } else { None }
}

fn check_schemas(body: &Map<String, Value>, tolerance: &Tolerance) -> Result<(), ScimError> {
    match member(body, "schemas") {
        Some(Value::Array(schemas)) => {
            let known = schemas
                .iter()
                .filter_map(Value::as_str)
                .any(|schema| schema.eq_ignore_ascii_case(Patch::SCHEMA));
            if known { Ok(()) } else { Err(ScimError::syntax("`schemas` has not the schema of a patch")) }
        }
        None if tolerance.unknown_schemas == Unknown::Ignore => Ok(()),
        _ => Err(ScimError::syntax("`schemas` is missing")),
    }
}

/// A member of an object, by its name in any case.
pub(crate) fn member<'m>(object: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    object.get(name).or_else(|| object.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, it)| it))
}

struct Compiler<'k> {
    normal: Normalizer<'k>,
    members_of: Option<AttrId>,
    patch: Patch,
}

impl<'k> Compiler<'k> {
    fn operation(&mut self, operation: &Value) -> Result<(), ScimError> {
        let Value::Object(operation) = operation else {
            return Err(ScimError::syntax("an operation is not an object"));
        };
        let op = self.op(member(operation, "op"))?;
        let value = member(operation, "value");
        match member(operation, "path") {
            None | Some(Value::Null) => self.without_path(op, value),
            Some(Value::String(path)) => self.with_path(op, path, value),
            Some(_) => Err(ScimError::new(ScimType::InvalidPath, "the path is no text")),
        }
    }

    fn op(&self, word: Option<&Value>) -> Result<Op, ScimError> {
        let Some(Value::String(word)) = word else {
            return Err(ScimError::syntax("an operation has no `op`"));
        };
        let lower = word.to_ascii_lowercase();
        let word = if self.normal.tolerance.op_case { lower.as_str() } else { word.as_str() };
        match word {
            "add" => Ok(Op::Add),
            "replace" => Ok(Op::Replace),
            "remove" => Ok(Op::Remove),
            _ => Err(ScimError::syntax("`op` is not `add`, `replace` or `remove`")),
        }
    }

    fn without_path(&mut self, op: Op, value: Option<&Value>) -> Result<(), ScimError> {
        if op == Op::Remove {
            return Err(ScimError::new(ScimType::NoTarget, "a removal has a path"));
        }
        let Some(Value::Object(value)) = value else {
            return Err(ScimError::value("without a path the value is an object"));
        };
        for (name, value) in value {
            self.key(op, name, value)?;
        }
        Ok(())
    }

    /// One member of a value without a path.
    fn key(&mut self, op: Op, name: &str, value: &Value) -> Result<(), ScimError> {
        let kind = self.normal.kind;
        let common = kind.common();
        if let Some(id) = kind.extension(name).or_else(|| kind.child(None, name)) {
            let Some(node) = kind.node(id) else { return Ok(()) };
            if id == common.id {
                self.patch.ids.push(value.clone());
                return Ok(());
            }
            if id == common.schemas {
                return Ok(());
            }
            if node.attribute.mutability == Mutability::ReadOnly {
                // A client that sends back what it was given may not change it, and need not know that.
                let tolerated = self.normal.tolerance.unknown_attributes == Unknown::Ignore;
                return if tolerated { Ok(()) } else { Err(read_only(&node.path)) };
            }
            return self.write(op, id, None, Some(value));
        }
        if self.normal.tolerance.dotted_keys && name.contains(['.', ':', '[']) {
            return self.with_path(op, name, Some(value));
        }
        match self.normal.tolerance.unknown_attributes {
            Unknown::Ignore => Ok(()),
            Unknown::Reject => Err(ScimError::syntax("a value has an attribute that the type has not")),
        }
    }

    fn with_path(&mut self, op: Op, path: &str, value: Option<&Value>) -> Result<(), ScimError> {
        let kind = self.normal.kind;
        let wrong = |detail: &str| ScimError::new(ScimType::InvalidPath, detail);
        let (name, filter, sub) = Parser::path(path)
            .map_err(|error| wrong(&format!("the path is not valid at byte {}", error.position)))?;
        let id = kind.resolve(name).ok_or_else(|| wrong("the path names no attribute"))?;
        let Some(filter) = filter else {
            return self.write(op, id, None, value);
        };
        let node = kind.node(id).ok_or_else(|| wrong("the path names no attribute"))?;
        if node.attribute.kind != AttributeType::Complex || node.is_extension {
            return Err(wrong("the attribute has no elements to choose from"));
        }
        let policy = BindPolicy::strict().with_bool_strings(self.normal.tolerance.bool_strings);
        let filter = filter
            .bind_in(kind, Some(id), policy)
            .map_err(|_| wrong("the filter of the path is not valid"))?;
        let sub = match sub {
            None => None,
            Some(sub) => {
                Some(kind.child(Some(id), sub).ok_or_else(|| wrong("the path names no sub-attribute"))?)
            }
        };
        if self.members_of == Some(id) {
            return self.chosen_members(op, &filter, sub, value);
        }
        let template =
            if self.normal.tolerance.create_on_unmatched_filter { template(&filter) } else { None };
        self.write(op, id, Some(Chosen { filter, sub, template }), value)
    }

    fn chosen_members(
        &mut self,
        op: Op,
        filter: &BoundFilter,
        sub: Option<AttrId>,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let ids = members::named_by(filter)?;
        match (op, sub) {
            (Op::Remove, None) => self.patch.members.push(MemberChange::Remove(ids)),
            // Directories add a member like that, too.
            (Op::Add, None)
                if value.is_none_or(|it| {
                    members::ids_of(it, self.normal.tolerance).is_ok_and(|it| it == ids)
                }) =>
            {
                self.patch.members.push(MemberChange::Add(ids));
            }
            _ => return Err(read_only("members")),
        }
        Ok(())
    }

    /// Checks the write of an attribute, and keeps it.
    fn write(
        &mut self,
        op: Op,
        id: AttrId,
        chosen: Option<Chosen>,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let kind = self.normal.kind;
        let node = kind.node(id).ok_or_else(ScimError::not_found)?;
        let above = node.parent.and_then(|parent| kind.node(parent));
        if self.members_of == Some(id) {
            let change = members::compile(op, value, self.normal.tolerance)?;
            self.patch.members.push(change);
            return Ok(());
        }
        if self.members_of.is_some() && self.members_of == node.parent {
            return Err(read_only(&node.path));
        }
        let target = chosen.as_ref().and_then(|it| it.sub).and_then(|sub| kind.node(sub)).unwrap_or(node);
        let protected = [Some(target), Some(node), above].into_iter().flatten();
        for part in protected {
            if part.attribute.mutability == Mutability::ReadOnly {
                return Err(read_only(&part.path));
            }
        }
        if id == kind.common().schemas {
            return Err(read_only("schemas"));
        }
        if node.is_extension && op != Op::Remove {
            return self.within_extension(op, id, value);
        }
        let read = self.value(op, id, node, chosen.as_ref(), value)?;
        let unassigned = read.is_none();
        if unassigned && op == Op::Add {
            return Ok(());
        }
        if unassigned
            && target.attribute.required
            && chosen.is_none()
            && above.is_none_or(|it| it.is_extension)
        {
            return Err(ScimError::new(ScimType::Mutability, format!("`{}` is required", target.path)));
        }
        self.patch.actions.push(Action { op, attribute: id, chosen, value: read });
        Ok(())
    }

    fn within_extension(&mut self, op: Op, id: AttrId, value: Option<&Value>) -> Result<(), ScimError> {
        let Some(Value::Object(members)) = value else {
            return Err(ScimError::value("an extension is an object"));
        };
        for (name, value) in members {
            match self.normal.kind.child(Some(id), name) {
                Some(child) => self.write(op, child, None, Some(value))?,
                // Clients that treat an extension like a resource send its `schemas`, which says nothing new.
                None if name.eq_ignore_ascii_case("schemas") => {}
                None if self.normal.tolerance.unknown_attributes == Unknown::Ignore => {}
                None => return Err(ScimError::syntax("a value has an attribute that the type has not")),
            }
        }
        Ok(())
    }

    /// The value of an operation in the form in which it is kept; `None` for none.
    fn value(
        &self,
        op: Op,
        id: AttrId,
        node: &Node,
        chosen: Option<&Chosen>,
        value: Option<&Value>,
    ) -> Result<Option<Value>, ScimError> {
        let Some(value) = value else {
            return if op == Op::Remove {
                Ok(None)
            } else {
                Err(ScimError::value("the operation has no value"))
            };
        };
        if op == Op::Remove {
            if value.is_null() || chosen.is_some() || !node.attribute.multi_valued {
                return Ok(None);
            }
            if !self.normal.tolerance.remove_value_selects {
                return Err(ScimError::value("a removal has no value"));
            }
        }
        let kind = self.normal.kind;
        let read = match chosen {
            Some(Chosen { sub: Some(sub), .. }) => match kind.node(*sub) {
                Some(sub) => self.normal.simple(sub, value.clone())?,
                None => Normal::Unassigned,
            },
            // One element, in a list or not.
            Some(Chosen { sub: None, .. }) => match value {
                Value::Array(values) => match values.as_slice() {
                    [one] => self.normal.single(id, node, one.clone())?,
                    _ => return Err(ScimError::value("the operation has one value")),
                },
                one => self.normal.single(id, node, one.clone())?,
            },
            None => self.normal.attribute(id, node, value.clone())?,
        };
        Ok(match read {
            Normal::Value(value) => Some(value),
            Normal::Unassigned => None,
        })
    }
}

/// What an element is made of that a filter did not find: the values of comparisons with `eq` that must all hold.
fn template(filter: &BoundFilter) -> Option<Map<String, Value>> {
    let mut made = Map::new();
    for compare in filter.conjunction()? {
        if compare.operator != Operator::Eq {
            return None;
        }
        let value = match &compare.operand {
            Operand::Bool(value) => Value::Bool(*value),
            Operand::Exact(text) => Value::String(text.clone()),
            Operand::Folded(_) => Value::String(compare.text()?.to_owned()),
            Operand::Number(_) | Operand::Moment(_) | Operand::Null => return None,
        };
        if made.insert(compare.last_name().to_owned(), value).is_some() {
            return None;
        }
    }
    Some(made)
}

fn read_only(path: &str) -> ScimError {
    ScimError::new(ScimType::Mutability, format!("`{path}` cannot be changed"))
}
