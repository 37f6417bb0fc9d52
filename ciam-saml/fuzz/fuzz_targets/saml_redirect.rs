//! Queries and forms from anybody: nothing panics, what is inflated has an end, and a relay state is one line.

#![no_main]

use ciam_saml::binding::{PostMessage, RedirectMessage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    if let Ok(message) = RedirectMessage::from_raw_query(input) {
        let xml = message.xml(message.direction()).expect("its own direction");
        assert!(xml.len() <= 256 * 1024);
        assert!(message.relay_state().is_none_or(|state| !state.as_str().contains(['\r', '\n'])));
    }
    if let Ok(message) = PostMessage::parse(input.as_bytes()) {
        assert!(message.xml(message.direction()).expect("its own direction").len() <= 256 * 1024);
        assert!(message.relay_state().is_none_or(|state| !state.as_str().contains(['\r', '\n'])));
    }
});
