use proptest::prelude::*;

use super::*;

#[test]
fn accepts_what_applications_register() {
    for (text, kind) in [
        ("https://app.example/callback", RedirectUriKind::Https),
        ("https://app.example", RedirectUriKind::Https),
        ("https://app.example:8443/cb?x=1&y=%20", RedirectUriKind::Https),
        ("http://127.0.0.1/cb", RedirectUriKind::Loopback),
        ("http://[::1]:4711/cb", RedirectUriKind::Loopback),
        ("http://localhost:3000/cb", RedirectUriKind::Loopback),
        ("com.example.app:/oauth/callback", RedirectUriKind::PrivateUse),
        ("com.example.app://callback", RedirectUriKind::PrivateUse),
    ] {
        let uri: RedirectUri = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(uri.as_str(), text);
        assert_eq!(uri.kind(), kind, "{text}");
    }
}

#[test]
fn refuses_what_must_never_be_registered() {
    for (text, error) in [
        ("", RedirectUriError::NotAbsolute),
        ("/callback", RedirectUriError::NotAbsolute),
        ("//evil.example/cb", RedirectUriError::NotAbsolute),
        ("https:app.example/cb", RedirectUriError::NotAbsolute),
        ("https:/app.example/cb", RedirectUriError::NotAbsolute),
        ("https:///app.example/cb", RedirectUriError::NotAbsolute),
        ("https://app.example/cb#", RedirectUriError::HasFragment),
        ("https://app.example/cb#x", RedirectUriError::HasFragment),
        ("javascript:alert(1)", RedirectUriError::Scheme),
        ("JavaScript://app.example/%0aalert(1)", RedirectUriError::Scheme),
        ("data:text/html,x", RedirectUriError::Scheme),
        ("vbscript:x", RedirectUriError::Scheme),
        ("file:///etc/passwd", RedirectUriError::Scheme),
        ("blob:https://app.example/1", RedirectUriError::Scheme),
        ("about:blank", RedirectUriError::Scheme),
        ("myapp://callback", RedirectUriError::Scheme),
        ("http://app.example/cb", RedirectUriError::PlainHttp),
        ("http://127.0.0.1.evil.example/cb", RedirectUriError::PlainHttp),
        ("http://localhost.evil.example/cb", RedirectUriError::PlainHttp),
        ("https://user@app.example/cb", RedirectUriError::UserInfo),
        ("https://app.example@evil.example/cb", RedirectUriError::UserInfo),
        ("https://@app.example/cb", RedirectUriError::UserInfo),
        ("com.example.app://@", RedirectUriError::UserInfo),
        ("com.example.app://:@host/cb", RedirectUriError::UserInfo),
        ("https://app.example/a/../b", RedirectUriError::DotSegment),
        ("https://app.example/a/%2e%2E/b", RedirectUriError::DotSegment),
        ("https://app.example/a/.%2e", RedirectUriError::DotSegment),
        ("https://app.example/a%2fb", RedirectUriError::DotSegment),
        ("https://app.example/a%5Cb", RedirectUriError::DotSegment),
        ("https://app.example\\@evil.example/", RedirectUriError::BadCharacter),
        ("https://app.example/ cb", RedirectUriError::BadCharacter),
        ("https://app.example/\r\nSet-Cookie:x", RedirectUriError::BadCharacter),
        ("https://äpp.example/cb", RedirectUriError::BadCharacter),
        ("https://app.example/cb?code=1", RedirectUriError::ReservedParameter),
        ("https://app.example/cb?a=1&%73tate=1", RedirectUriError::ReservedParameter),
        ("https://app.example/cb?iss", RedirectUriError::ReservedParameter),
        ("https://app.example/cb?error=x", RedirectUriError::ReservedParameter),
        ("https://app.example/cb?a=%zz", RedirectUriError::BadCharacter),
    ] {
        assert_eq!(text.parse::<RedirectUri>(), Err(error), "{text:?}");
    }
    let long = format!("https://app.example/{}", "a".repeat(RedirectUri::MAX_LENGTH));
    assert_eq!(long.parse::<RedirectUri>(), Err(RedirectUriError::TooLong));
}

/// RFC 9700, section 4.1.3: simple string comparison.
#[test]
fn rfc9700_4_1_3_compares_bytes() {
    let registered: RedirectUri = "https://app.example/cb".parse().unwrap();
    assert!(registered.matches_exactly("https://app.example/cb"));
    for other in [
        "https://app.example/cb/",
        "https://app.example/CB",
        "https://APP.example/cb",
        "https://app.example:443/cb",
        "https://app.example/cb?",
        "https://app.example/cb?x=1",
        "https://app.example/c%62",
        "https://app.example/./cb",
        "http://app.example/cb",
        "https://app.example.evil.example/cb",
        "https://app.example@evil.example/cb",
        "",
    ] {
        assert!(!registered.matches_exactly(other), "{other}");
        assert!(!registered.matches_on_any_loopback_port(other), "{other}");
    }
}

/// RFC 8252, section 7.3: any port, and nothing but the port, of a loopback literal.
#[test]
fn rfc8252_7_3_any_loopback_port() {
    let v4: RedirectUri = "http://127.0.0.1/cb".parse().unwrap();
    let v6: RedirectUri = "http://[::1]:1234/cb?x=1".parse().unwrap();
    let name: RedirectUri = "http://localhost/cb".parse().unwrap();
    assert!(v4.matches_on_any_loopback_port("http://127.0.0.1:49152/cb"));
    assert!(v4.matches_on_any_loopback_port("http://127.0.0.1/cb"));
    assert!(v6.matches_on_any_loopback_port("http://[::1]:65535/cb?x=1"));
    for other in [
        "http://127.0.0.1:49152/cb2",
        "http://127.0.0.1:49152/cb?x=1",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.1:1.evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2:80/cb",
        "http://localhost:80/cb",
        "http://[::1]:80/cb",
        "https://127.0.0.1:80/cb",
        "HTTP://127.0.0.1:80/cb",
    ] {
        assert!(!v4.matches_on_any_loopback_port(other), "{other}");
    }
    assert!(!name.matches_on_any_loopback_port("http://localhost:80/cb"));
    assert!(!name.matches_on_any_loopback_port("http://127.0.0.1:80/cb"));
}

#[test]
fn response_parameters_are_added_and_encoded() {
    let plain: RedirectUri = "https://app.example/cb".parse().unwrap();
    let query: RedirectUri = "https://app.example/cb?t=7".parse().unwrap();
    let empty: RedirectUri = "https://app.example/cb?".parse().unwrap();
    let params = [("code", "a b"), ("state", "x&y=\"<\u{e9}")];
    let encoded = "code=a+b&state=x%26y%3D%22%3C%C3%A9";
    assert_eq!(plain.with_query(&params), format!("https://app.example/cb?{encoded}"));
    assert_eq!(query.with_query(&params), format!("https://app.example/cb?t=7&{encoded}"));
    assert_eq!(empty.with_query(&params), format!("https://app.example/cb?{encoded}"));
    assert_eq!(query.with_fragment(&params), format!("https://app.example/cb?t=7#{encoded}"));
}

#[test]
fn the_origin_is_for_a_content_security_policy() {
    let origin = |text: &str| text.parse::<RedirectUri>().unwrap().origin();
    assert_eq!(origin("https://app.example/cb").as_deref(), Some("https://app.example"));
    assert_eq!(origin("http://[::1]:99/cb").as_deref(), Some("http://[::1]:99"));
    assert_eq!(origin("com.example.app:/cb"), None);
}

proptest! {
    #[test]
    fn parsing_never_panics_and_keeps_the_text(text in "\\PC{0,120}") {
        if let Ok(uri) = text.parse::<RedirectUri>() {
            prop_assert_eq!(uri.as_str(), text.as_str());
            prop_assert!(!text.contains('#'));
        }
    }

    #[test]
    fn what_is_accepted_redirects_where_it_says(path in "[a-z0-9/._~%@:?&=;!$'()*+,-]{0,60}") {
        let text = format!("https://app.example/{path}");
        if let Ok(uri) = text.parse::<RedirectUri>() {
            let sent = Url::parse(&uri.with_query(&[("code", "c"), ("iss", "i")])).unwrap();
            prop_assert_eq!(sent.host_str(), Some("app.example"));
            prop_assert_eq!(sent.username(), "");
            let count = |name: &str| sent.query_pairs().filter(|(key, _)| key == name).count();
            prop_assert_eq!(count("code"), 1);
            prop_assert_eq!(count("iss"), 1);
        }
    }

    #[test]
    fn only_the_port_may_differ(text in "http://(127\\.0\\.0\\.1|\\[::1\\])[:/@.a-z0-9]{0,20}") {
        let registered: RedirectUri = "http://127.0.0.1/cb".parse().unwrap();
        if registered.matches_on_any_loopback_port(&text) {
            let url = Url::parse(&text).unwrap();
            prop_assert_eq!(url.host_str(), Some("127.0.0.1"));
            prop_assert_eq!(url.path(), "/cb");
            prop_assert!(url.username().is_empty());
        }
    }
}
