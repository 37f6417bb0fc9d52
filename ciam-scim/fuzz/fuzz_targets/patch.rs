//! Bodies of patches from anybody: nothing panics, and what one profile applies stays within the schema.

#![no_main]

use ciam_scim::patch::Patch;
use ciam_scim::profile::Profile;
use ciam_scim::schema::ResourceType;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|input: &[u8]| {
    let Ok(body) = ciam_scim::json::read_object(input) else { return };
    let kind = ResourceType::user();
    for profile in [Profile::Strict, Profile::Entra, Profile::Okta, Profile::Interop] {
        let Ok(patch) = Patch::compile(&body, &kind, &profile.tolerance()) else { continue };
        let start = json!({
            "userName": "kim", "name": { "givenName": "K" },
            "emails": [{ "type": "work", "value": "k@x", "primary": true }, { "value": "h@x" }],
        });
        let mut resource = start.as_object().expect("an object").clone();
        if patch.apply(&kind, &mut resource).is_err() {
            continue;
        }
        for (name, value) in &resource {
            assert!(kind.resolve(name).is_some(), "{name}");
            assert!(!value.is_null());
        }
        let emails = resource
            .get("emails")
            .and_then(|it| it.as_array())
            .map_or(0, |it| it.iter().filter(|it| it.get("primary") == Some(&json!(true))).count());
        assert!(emails <= 1, "two are primary");
    }
});
