//! The order of a listing ([RFC 7644, section 3.4.2.3]).
//!
//! [RFC 7644, section 3.4.2.3]: https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2.3

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{ScimError, ScimType};
use crate::filter::moment_of;
use crate::fold::fold;
use crate::schema::{AttrId, AttributeType, ResourceType, Returned};

/// By which attribute a listing is ordered. Resources of equal values, and of none, are ordered by their ids, so that the order
/// is total and the same on every page.
#[derive(Clone, Debug)]
pub struct Sort {
    names: Arc<[String]>,
    kind: AttributeType,
    case_exact: bool,
    many: bool,
    descending: bool,
}

/// What a resource is ordered by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum SortKey {
    Text(String),
    Number(f64),
    Moment(i64),
    Bool(bool),
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`.
    ///
    /// # Errors
    ///
    /// Fails with `invalidValue` when the attribute is unknown, complex without a `value`, or never returned, and when the
    /// order is neither `ascending` nor `descending`.
    pub fn parse(kind: &ResourceType, by: &str, order: Option<&str>) -> Result<Self, ScimError> {
        let wrong = |detail: &str| ScimError::new(ScimType::InvalidValue, detail);
        let found = kind.resolve(by).ok_or_else(|| wrong("`sortBy` names no attribute"))?;
        let id = kind.comparable(found);
        let node = kind.node(id).ok_or_else(|| wrong("`sortBy` names no attribute"))?;
        let secret = |id: Option<AttrId>| {
            id.and_then(|id| kind.node(id)).is_some_and(|it| it.attribute.returned == Returned::Never)
        };
        if secret(Some(id)) || secret(node.parent) {
            return Err(wrong("`sortBy` names an attribute that is never returned"));
        }
        if node.attribute.kind == AttributeType::Complex {
            return Err(wrong("`sortBy` names an attribute that has no order"));
        }
        let descending = match order {
            None => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(_) => return Err(wrong("`sortOrder` is `ascending` or `descending`")),
        };
        let many = node.attribute.multi_valued
            || node.parent.and_then(|parent| kind.node(parent)).is_some_and(|it| it.attribute.multi_valued);
        Ok(Self {
            names: Arc::clone(&node.names),
            kind: node.attribute.kind,
            case_exact: node.attribute.case_exact,
            many,
            descending,
        })
    }

    /// What a resource is ordered by: of many values the primary one, else the first.
    pub(crate) fn key(&self, resource: &Map<String, Value>) -> Option<SortKey> {
        let mut names = self.names.iter();
        let mut value = resource.get(names.next()?)?;
        for name in names {
            if let (true, Value::Array(elements)) = (self.many, value) {
                let primary = |it: &&Value| it.get("primary") == Some(&Value::Bool(true));
                value = elements.iter().find(primary).or_else(|| elements.first())?;
            }
            value = value.get(name)?;
        }
        if let Value::Array(elements) = value {
            value = elements.first()?;
        }
        Some(match (self.kind, value) {
            (AttributeType::DateTime, Value::String(text)) => SortKey::Moment(micros(text)?),
            (_, Value::String(text)) if self.case_exact => SortKey::Text(text.clone()),
            (_, Value::String(text)) => SortKey::Text(fold(text).into_owned()),
            (_, Value::Number(number)) => SortKey::Number(number.as_f64()?),
            (_, Value::Bool(value)) => SortKey::Bool(*value),
            _ => return None,
        })
    }

    /// Orders two resources by their keys and ids. Those without a value are last when ascending and first when descending.
    pub(crate) fn order(&self, left: (&Option<SortKey>, &str), right: (&Option<SortKey>, &str)) -> Ordering {
        let by_key = match (left.0, right.0) {
            (Some(left), Some(right)) => compare(left, right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let by_key = if self.descending { by_key.reverse() } else { by_key };
        by_key.then_with(|| left.1.cmp(right.1))
    }

    /// The order as text, to bind a cursor to it.
    pub(crate) fn canonical(&self) -> String {
        format!("{:?} {}", self.names, self.descending)
    }
}

fn micros(text: &str) -> Option<i64> {
    i64::try_from(moment_of(text)?.unix_timestamp_nanos() / 1_000).ok()
}

fn compare(left: &SortKey, right: &SortKey) -> Ordering {
    match (left, right) {
        (SortKey::Text(left), SortKey::Text(right)) => left.cmp(right),
        (SortKey::Number(left), SortKey::Number(right)) => left.total_cmp(right),
        (SortKey::Moment(left), SortKey::Moment(right)) => left.cmp(right),
        (SortKey::Bool(left), SortKey::Bool(right)) => left.cmp(right),
        // One attribute has one type.
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sorted(by: &str, order: Option<&str>) -> String {
        let sort = Sort::parse(&ResourceType::user(), by, order).unwrap();
        let people = [
            (
                "1",
                json!({ "userName": "b", "emails": [{ "value": "z" }, { "value": "a", "primary": true }] }),
            ),
            (
                "2",
                json!({ "userName": "A", "active": true, "meta": { "created": "2026-01-01T01:00:00+02:00" } }),
            ),
            (
                "3",
                json!({ "userName": "C", "active": false, "emails": [{ "value": "M" }], "meta": { "created": "2026-01-01T00:00:00Z" } }),
            ),
            ("4", json!({ "userName": "a" })),
        ];
        let mut keys: Vec<_> =
            people.iter().map(|(id, it)| (sort.key(it.as_object().unwrap()), *id)).collect();
        keys.sort_by(|left, right| sort.order((&left.0, left.1), (&right.0, right.1)));
        keys.into_iter().map(|(_, id)| id).collect()
    }

    #[test]
    fn the_order_is_total() {
        assert_eq!(sorted("userName", None), "2413");
        assert_eq!(sorted("username", Some("Descending")), "3124");
        assert_eq!(sorted("emails", None), "1324");
        assert_eq!(sorted("emails.value", Some("descending")), "2431");
        assert_eq!(sorted("meta.created", None), "2314");
        assert_eq!(sorted("active", None), "3214");
    }

    #[test]
    fn what_has_no_order_is_refused() {
        for (by, order) in [
            ("password", None),
            ("name", None),
            ("nothing", None),
            ("", None),
            ("userName", Some("sideways")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", None),
        ] {
            let error = Sort::parse(&ResourceType::user(), by, order).map(|_| ()).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{by}");
        }
    }
}
