//! The `claims` parameter: no panic, no way around the limits, and what was accepted reads the same once it was stored.

#![no_main]

use ciam_oidc::claims::ClaimsRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(request) = ClaimsRequest::parse(text) else { return };
    assert!(request.userinfo.len() + request.id_token.len() <= ClaimsRequest::MAX_CLAIMS);
    let stored = serde_json::to_string(&request).expect("a request is JSON");
    let again: ClaimsRequest = serde_json::from_str(&stored).expect("what was stored is read");
    assert_eq!(again, request);
    for (name, asked) in &request.id_token {
        let wanted = request.wanted_in_id_token(name);
        // A demand is understood whole, or refused.
        if let (true, Some(asked)) = (["acr", "sub"].contains(&name.as_str()), asked) {
            let (values, essential) = wanted.expect("it was asked for");
            assert_eq!(values.len(), usize::from(asked.value.is_some()) + asked.values.len());
            assert_eq!(essential, asked.essential);
        }
    }
});
