//! Redirect URIs: whatever is accepted leads where it says, and answers are added to it without ambiguity.

#![no_main]

use ciam_oauth::redirect_uri::{RESERVED_PARAMETERS, RedirectUri, RedirectUriKind};
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|text: &str| {
    let registered: RedirectUri = "http://127.0.0.1/cb".parse().expect("a good URI");
    if registered.matches_on_any_loopback_port(text) {
        let url = Url::parse(text).expect("a match is a URL");
        assert_eq!((url.host_str(), url.path()), (Some("127.0.0.1"), "/cb"));
        assert!(url.username().is_empty() && url.query().is_none());
    }
    let Ok(uri) = text.parse::<RedirectUri>() else { return };
    assert_eq!(uri.as_str(), text);
    assert!(uri.matches_exactly(text));
    let before = Url::parse(text).expect("what is accepted is a URL");
    let after =
        Url::parse(&uri.with_query(&[("code", "c&d"), ("iss", "https://id.example")])).expect("still a URL");
    assert_eq!(before.origin().ascii_serialization(), after.origin().ascii_serialization());
    assert_eq!(before.host(), after.host());
    assert_eq!(before.path(), after.path());
    let count = |name: &str| after.query_pairs().filter(|(key, _)| key == name).count();
    for name in RESERVED_PARAMETERS {
        assert_eq!(count(name), usize::from(matches!(name, "code" | "iss")), "{name}");
    }
    if uri.kind() == RedirectUriKind::Https {
        assert_eq!(before.scheme(), "https");
    }
});
