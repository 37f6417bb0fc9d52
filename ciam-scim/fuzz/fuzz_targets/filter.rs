//! Filters from anybody: nothing panics, and what is read is bound and evaluated, or refused.

#![no_main]

use ciam_scim::filter::{BindPolicy, Filter};
use ciam_scim::schema::ResourceType;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

fn kim() -> Map<String, Value> {
    let kim = json!({
        "userName": "kim", "active": true, "name": { "familyName": "K" }, "meta": { "created": "2026-01-02T03:04:05Z" },
        "emails": [{ "type": "work", "value": "k@x", "primary": true }, { "value": "h@x" }],
    });
    kim.as_object().cloned().unwrap_or_default()
}

fuzz_target!(|input: &str| {
    let Ok(filter) = Filter::parse(input) else { return };
    assert!(filter.terms().len() <= Filter::MAX_TERMS);
    assert_eq!(filter.canonical(), Filter::parse(input).expect("read before").canonical());
    for policy in
        [BindPolicy::strict(), BindPolicy::strict().with_bool_strings(true).with_unknown_absent(true)]
    {
        let Ok(bound) = filter.bind(&ResourceType::user(), policy) else { continue };
        let matches = bound.matches(&kim());
        // The opposite is the opposite.
        if input.len() < 1_000
            && let Ok(negated) = Filter::parse(&format!("not ({input})"))
        {
            let negated = negated.bind(&ResourceType::user(), policy).expect("bound before");
            assert_eq!(negated.matches(&kim()), !matches, "{input}");
        }
    }
});
