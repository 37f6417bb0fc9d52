//! What was written, and what has to be written: pure.
//!
//! Of what was written nothing is kept but digests, one for each leaf of an attribute: enough to see a difference, and no
//! second copy of people's data.

use std::collections::{BTreeMap, BTreeSet};

use ciam_core::secret::TokenDigest;
use serde_json::{Map, Value, json};

use super::super::TargetProfile;

/// The digests of what was written, by attribute.
pub(super) type Written = BTreeMap<String, BTreeSet<String>>;

/// The digests of a resource's attributes.
pub(super) fn digests(attributes: &Map<String, Value>) -> Written {
    attributes.iter().map(|(name, value)| (name.clone(), leaves(value))).collect()
}

/// The digests of the leaves of a value. An element of many is told by its `value`, not by its place.
pub(super) fn leaves(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![(String::new(), value)];
    while let Some((at, value)) = open.pop() {
        match value {
            Value::Null => {}
            Value::Object(members) => {
                let members = members.iter().filter(|(name, _)| *name != "$ref");
                open.extend(members.map(|(name, it)| (format!("{at}.{}", name.to_ascii_lowercase()), it)));
            }
            Value::Array(elements) => open.extend(elements.iter().map(|element| {
                let name = element.get("value").and_then(Value::as_str).unwrap_or_default();
                (format!("{at}[{name}]"), element)
            })),
            leaf => {
                let text = TokenDigest::of(&format!("{at}={leaf}")).to_text();
                found.insert(text.chars().take(22).collect());
            }
        }
    }
    found
}

/// What is to be sent for a resource that is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Update {
    /// Nothing: it is as it is to be.
    Nothing,
    /// The whole resource.
    Put,
    /// These operations.
    Patch(Vec<Value>),
}

/// Decides what is to be sent: what differs from what was written, and the removal of what is no more.
pub(super) fn update(written: &Written, wanted: &Map<String, Value>, profile: &TargetProfile) -> Update {
    let next = digests(wanted);
    let changed: Vec<&String> =
        next.iter().filter(|(name, it)| written.get(*name) != Some(*it)).map(|(name, _)| name).collect();
    let gone: Vec<&String> = written.keys().filter(|name| !next.contains_key(*name)).collect();
    if changed.is_empty() && gone.is_empty() {
        return Update::Nothing;
    }
    if !profile.patch {
        return Update::Put;
    }
    let mut operations = Vec::new();
    let values =
        changed.iter().filter_map(|name| wanted.get(*name).map(|value| ((*name).clone(), value.clone())));
    if profile.patch_without_path {
        let values: Map<String, Value> = values.collect();
        if !values.is_empty() {
            operations.push(json!({ "op": "replace", "value": values }));
        }
    } else {
        operations
            .extend(values.map(|(name, value)| json!({ "op": "replace", "path": name, "value": value })));
    }
    operations.extend(gone.iter().map(|name| json!({ "op": "remove", "path": name })));
    Update::Patch(operations)
}

/// The attributes in which what is there is not what was written. Whatever is there besides is somebody else's.
pub(super) fn drifted(written: &Written, there: &Map<String, Value>) -> Vec<String> {
    let of = |name: &str| {
        let found = there.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| leaves(value)).unwrap_or_default()
    };
    written
        .iter()
        .filter(|(name, digests)| !digests.is_subset(&of(name)))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether so many may leave of so many.
pub(super) fn may_leave(leaving: usize, of: usize, most: usize, percent: u8) -> bool {
    leaving <= most || leaving.saturating_mul(100) <= of.saturating_mul(usize::from(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn kim() -> Map<String, Value> {
        map(
            &json!({ "userName": "kim", "title": "Dr", "emails": [{ "value": "a@x", "type": "work" }, { "value": "b@x" }] }),
        )
    }

    #[test]
    fn nothing_is_sent_for_what_is_as_it_was() {
        let written = digests(&kim());
        assert_eq!(update(&written, &kim(), &TargetProfile::standard()), Update::Nothing);
        // The order of values is no difference.
        let mut turned = kim();
        turned.get_mut("emails").and_then(Value::as_array_mut).unwrap().reverse();
        assert_eq!(update(&written, &turned, &TargetProfile::standard()), Update::Nothing);
    }

    #[test]
    fn the_difference_is_sent_as_the_target_understands_it() {
        let written = digests(&kim());
        let mut next = kim();
        next.remove("title");
        next.insert("userName".to_owned(), json!("kim2"));
        next.insert("active".to_owned(), json!(true));
        let standard = update(&written, &next, &TargetProfile::standard());
        let expected = vec![
            json!({ "op": "replace", "value": { "active": true, "userName": "kim2" } }),
            json!({ "op": "remove", "path": "title" }),
        ];
        assert_eq!(standard, Update::Patch(expected));
        let Update::Patch(aws) = update(&written, &next, &TargetProfile::aws_identity_center()) else {
            panic!()
        };
        assert_eq!(aws.len(), 3);
        assert!(aws.iter().all(|it| it.get("path").is_some()), "{aws:?}");
        assert_eq!(update(&written, &next, &TargetProfile::put_only()), Update::Put);
    }

    #[test]
    fn drift_is_what_we_wrote_and_is_not_there() {
        let written = digests(&kim());
        let mut there = kim();
        there.insert("nickName".to_owned(), json!("theirs"));
        there.insert("meta".to_owned(), json!({ "version": "1" }));
        assert!(drifted(&written, &there).is_empty(), "what others add is theirs");
        there.insert("title".to_owned(), json!("Prof"));
        there.insert("emails".to_owned(), json!([{ "value": "b@x", "display": "B" }]));
        assert_eq!(drifted(&written, &there), ["emails", "title"]);
    }

    #[test]
    fn nothing_that_was_written_can_be_read_back() {
        let text = format!("{:?}", digests(&kim()));
        assert!(!text.contains("kim") && !text.contains("a@x") && !text.contains("Dr"), "{text}");
    }

    #[test]
    fn few_may_leave_and_many_may_not() {
        for (leaving, of, expected) in [
            (0, 0, true),
            (5, 5, true),
            (6, 6, false),
            (6, 1_000, true),
            (100, 1_000, true),
            (101, 1_000, false),
        ] {
            assert_eq!(may_leave(leaving, of, 5, 10), expected, "{leaving} of {of}");
        }
    }
}
