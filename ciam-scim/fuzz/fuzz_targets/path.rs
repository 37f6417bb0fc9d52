//! Paths of patch operations from anybody: nothing panics, whatever the operation.

#![no_main]

use ciam_scim::patch::Patch;
use ciam_scim::profile::Profile;
use ciam_scim::schema::ResourceType;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|input: &str| {
    let values = [
        json!(null),
        json!("x"),
        json!(true),
        json!({ "value": "x" }),
        json!([{ "value": "x", "primary": true }]),
    ];
    for kind in [ResourceType::user(), ResourceType::group()] {
        for op in ["add", "replace", "remove"] {
            for value in &values {
                let body = json!({
                    "schemas": [Patch::SCHEMA],
                    "Operations": [{ "op": op, "path": input, "value": value }],
                });
                let body = body.as_object().expect("an object");
                let Ok(patch) = Patch::compile(body, &kind, &Profile::Interop.tolerance()) else { continue };
                let start = json!({ "userName": "kim", "displayName": "k", "emails": [{ "value": "x" }] });
                let mut resource = start.as_object().expect("an object").clone();
                let before = resource.clone();
                if patch.apply(&kind, &mut resource).is_ok_and(|changed| !changed) {
                    assert_eq!(before, resource, "{input}");
                }
            }
        }
    }
});
