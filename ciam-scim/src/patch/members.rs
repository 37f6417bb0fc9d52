//! What happens to the members of a group.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compile::Op;
use crate::error::{ScimError, ScimType};
use crate::filter::{BoundFilter, BoundTerm, Operand, Operator};
use crate::profile::Tolerance;

/// One change of the members of a group. Members are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644, section 3.5.2")]
pub enum MemberChange {
    /// These become members; who is one already stays one.
    Add(BTreeSet<String>),
    /// These are members no more; who was none stays none.
    Remove(BTreeSet<String>),
    /// Nobody is a member.
    Clear,
    /// These are the members and nobody else.
    Replace(BTreeSet<String>),
}

/// The ids in a list of members. `"u9"`, `{"value":"u9"}` and a list of either are understood.
pub(crate) fn ids_of(value: &Value, tolerance: &Tolerance) -> Result<BTreeSet<String>, ScimError> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        Value::Null => &[],
        single => std::slice::from_ref(single),
    };
    let mut ids = BTreeSet::new();
    for value in values {
        let id = match value {
            Value::Object(members) => {
                members.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")).map(|(_, id)| id)
            }
            text @ Value::String(_) if tolerance.complex_from_text => Some(text),
            _ => None,
        };
        match id {
            Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_ID => ids.insert(id.clone()),
            _ => return Err(ScimError::value("a member has no `value`")),
        };
    }
    Ok(ids)
}

/// An id is at most this long, in bytes.
const MAX_ID: usize = 128;

/// Compiles an operation on `members` as a whole.
pub(super) fn compile(
    op: Op,
    value: Option<&Value>,
    tolerance: &Tolerance,
) -> Result<MemberChange, ScimError> {
    match (op, value) {
        (Op::Add, Some(value)) => Ok(MemberChange::Add(ids_of(value, tolerance)?)),
        (Op::Replace, Some(value)) => Ok(MemberChange::Replace(ids_of(value, tolerance)?)),
        (Op::Add | Op::Replace, None) => Err(ScimError::value("the operation has no value")),
        (Op::Remove, None | Some(Value::Null)) => Ok(MemberChange::Clear),
        // By the letter it would remove everybody: never that.
        (Op::Remove, Some(_)) if !tolerance.remove_value_selects => {
            Err(ScimError::value("a removal has no value"))
        }
        (Op::Remove, Some(value)) => Ok(MemberChange::Remove(ids_of(value, tolerance)?)),
    }
}

/// The ids that a filter on members names: `value eq "a" or value eq "b"`, and nothing else.
pub(super) fn named_by(filter: &BoundFilter) -> Result<BTreeSet<String>, ScimError> {
    let wrong = || ScimError::new(ScimType::InvalidPath, "members are chosen by `value eq`");
    let mut ids = BTreeSet::new();
    for term in filter.terms() {
        match term {
            BoundTerm::Or => {}
            BoundTerm::Compare(at) => {
                let compare = filter.compare(*at).ok_or_else(wrong)?;
                match (&compare.operand, compare.operator, compare.last_name()) {
                    (Operand::Exact(id), Operator::Eq, "value") => ids.insert(id.clone()),
                    _ => return Err(wrong()),
                };
            }
            _ => return Err(wrong()),
        }
    }
    Ok(ids)
}
