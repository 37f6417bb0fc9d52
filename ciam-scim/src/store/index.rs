//! By which values resources are looked up.

use ciam_core::id::OrganizationId;
use ciam_core::secret::TokenDigest;
use ciam_core::store::IndexValue;
use serde_json::{Map, Value};
use time::{Date, UtcOffset};

use super::resource::{Body, EQUAL, UNIQUE};
use super::scoped;
use crate::fold::fold;
use crate::schema::{AttrId, AttributeType, ENTERPRISE_USER, ResourceType};

/// The attributes that have an index: those that are unique, `externalId`, and the employee numbers and addresses of people,
/// by which directories match as well.
pub(crate) fn indexed(kind: &ResourceType) -> impl Iterator<Item = AttrId> {
    let external = kind.common().external_id;
    let number = format!("{ENTERPRISE_USER}:employeeNumber");
    kind.unique().chain([external]).chain(kind.resolve(&number)).chain(kind.resolve("emails.value"))
}

/// The index values of a resource.
pub(crate) fn index_values(
    kind: &ResourceType,
    organization: OrganizationId,
    body: &Body,
) -> Vec<IndexValue> {
    let attributes = &body.attributes;
    let unique: Vec<AttrId> = kind.unique().collect();
    let mut values = other_values(kind, organization, body);
    let mut left_out = false;
    for id in indexed(kind) {
        let many = is_of_many(kind, id);
        for text in texts(kind, id, attributes) {
            let Some(value) = lookup_value(kind, organization, id, text) else { continue };
            if unique.contains(&id) {
                values.push(IndexValue::new(UNIQUE, value.clone()));
            }
            let next = IndexValue::new(EQUAL, value);
            if values.contains(&next) {
                continue;
            }
            // What there is one of is always looked up by: there, what is found is exactly what matches.
            if values.len() < MAX_VALUES || !many {
                values.push(next);
            } else {
                left_out = true;
            }
        }
    }
    if left_out {
        values.push(IndexValue::new(EQUAL, overflow_value(kind, organization)));
    }
    values
}

/// What is looked up besides by equality: how the names begin, who is switched on and off, on which day something was made and changed.
fn other_values(kind: &ResourceType, organization: OrganizationId, body: &Body) -> Vec<IndexValue> {
    let mut values = Vec::new();
    for id in kind.unique() {
        for text in texts(kind, id, &body.attributes) {
            let Some(folded) = kind.node(id).filter(|it| !it.attribute.case_exact).map(|_| fold(text)) else {
                continue;
            };
            let prefixes = PREFIXES.iter().filter_map(|length| prefix_of(&folded, *length));
            values.extend(prefixes.filter_map(|prefix| {
                prefix_value(kind, organization, id, prefix).map(|it| IndexValue::new(EQUAL, it))
            }));
        }
    }
    if let Some(Value::Bool(active)) = body.attributes.get("active") {
        values.push(IndexValue::new(EQUAL, active_value(kind, organization, *active)));
    }
    let days = [(Day::Created, body.created), (Day::Modified, body.modified)];
    values.extend(days.map(|(day, at)| {
        IndexValue::new(EQUAL, day_value(kind, organization, day, at.to_offset(UtcOffset::UTC).date()))
    }));
    values
}

/// How many characters of a name are looked up by.
const PREFIXES: [usize; 3] = [2, 4, 8];

/// The first characters of a text; `None` when there are not as many.
fn prefix_of(text: &str, length: usize) -> Option<&str> {
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    text.get(..ends.nth(length)?)
}

/// The value under which the names are found that begin with a folded text; `None` when it is too short.
pub(crate) fn prefix_value(
    kind: &ResourceType,
    organization: OrganizationId,
    id: AttrId,
    folded: &str,
) -> Option<String> {
    let node = kind.node(id)?;
    let prefix = PREFIXES.iter().rev().find_map(|length| prefix_of(folded, *length))?;
    Some(scoped(organization, &format!("{}|{}^{prefix}", kind.name(), node.path)))
}

/// Whether a folded text is looked up by whole: then what begins with it is what is found.
pub(crate) fn is_whole_prefix(folded: &str) -> bool {
    PREFIXES.contains(&folded.chars().count())
}

/// The value under which those are found that are switched on, or off.
pub(crate) fn active_value(kind: &ResourceType, organization: OrganizationId, active: bool) -> String {
    scoped(organization, &format!("{}|active:{active}", kind.name()))
}

/// Whether an attribute, or the one that it is in, has many values.
pub(crate) fn is_of_many(kind: &ResourceType, id: AttrId) -> bool {
    let node = kind.node(id);
    let parent = node.and_then(|it| it.parent).and_then(|it| kind.node(it));
    [node, parent].into_iter().flatten().any(|it| it.attribute.multi_valued)
}

/// The value under which those are found that have more values than are looked up by.
pub(crate) fn overflow_value(kind: &ResourceType, organization: OrganizationId) -> String {
    scoped(organization, &format!("{}|*", kind.name()))
}

/// What happened on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Day {
    Created,
    Modified,
}

/// The value under which those are found to which it happened on a day, in UTC.
pub(crate) fn day_value(kind: &ResourceType, organization: OrganizationId, what: Day, day: Date) -> String {
    scoped(organization, &format!("{}|{what:?}:{}", kind.name(), day.to_julian_day()))
}

/// Of a resource with more values than these not all are looked up by.
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
