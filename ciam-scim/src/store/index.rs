//! By which values resources are looked up.

use ciam_core::id::OrganizationId;
use ciam_core::secret::TokenDigest;
use ciam_core::store::IndexValue;
use serde_json::{Map, Value};

use super::resource::{EQUAL, UNIQUE};
use super::scoped;
use crate::fold::fold;
use crate::schema::{AttrId, AttributeType, ResourceType};

/// The attributes that have an index: those that are unique, `externalId`, and the addresses of people.
pub(crate) fn indexed(kind: &ResourceType) -> impl Iterator<Item = AttrId> {
    let external = kind.common().external_id;
    kind.unique().chain([external]).chain(kind.resolve("emails.value"))
}

/// The index values of a resource.
pub(crate) fn index_values(
    kind: &ResourceType,
    organization: OrganizationId,
    attributes: &Map<String, Value>,
) -> Vec<IndexValue> {
    let unique: Vec<AttrId> = kind.unique().collect();
    let mut values = Vec::new();
    for id in indexed(kind) {
        for text in texts(kind, id, attributes) {
            let Some(value) = lookup_value(kind, organization, id, text) else { continue };
            if unique.contains(&id) {
                values.push(IndexValue::new(UNIQUE, value.clone()));
            }
            let next = IndexValue::new(EQUAL, value);
            if !values.contains(&next) && values.len() < MAX_VALUES {
                values.push(next);
            }
        }
    }
    values
}

/// At most this many index values of one resource.
const MAX_VALUES: usize = 64;

/// The value under which an attribute's text is found; `None` where it has no index.
pub(crate) fn lookup_value(
    kind: &ResourceType,
    organization: OrganizationId,
    id: AttrId,
    text: &str,
) -> Option<String> {
    let node = kind.node(id)?;
    if !matches!(node.attribute.kind, AttributeType::String | AttributeType::Reference) {
        return None;
    }
    let key = if node.attribute.case_exact { text.to_owned() } else { fold(text).into_owned() };
    // A database's index takes no long values.
    let key =
        if key.len() > MAX_KEY { format!("#{}", TokenDigest::of(&key).to_text()) } else { format!("={key}") };
    Some(scoped(organization, &format!("{}|{}{key}", kind.name(), node.path)))
}

/// A longer key is digested.
const MAX_KEY: usize = 256;

/// The texts of an attribute: at the top, or of the elements of one.
fn texts<'a>(kind: &ResourceType, id: AttrId, attributes: &'a Map<String, Value>) -> Vec<&'a str> {
    let Some(node) = kind.node(id) else { return Vec::new() };
    let mut found: Vec<&Value> = Vec::new();
    let mut names = node.names.iter();
    found.extend(names.next().and_then(|name| attributes.get(name)));
    for name in names {
        found = found.into_iter().flat_map(elements).filter_map(|it| it.get(name)).collect();
    }
    found.into_iter().flat_map(elements).filter_map(Value::as_str).collect()
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}
