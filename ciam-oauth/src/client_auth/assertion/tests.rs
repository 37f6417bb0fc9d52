use serde_json::{Value, json};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
const ISSUER: &str = "https://id.example";
const TOKEN: &str = "https://id.example/token";

fn good() -> Value {
    json!({
        "iss": "app", "sub": "app", "aud": ISSUER, "jti": "1",
        "iat": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 60,
    })
}

fn check_with(claims: &Value, endpoints: &[String]) -> Result<SingleUse, AssertionProblem> {
    let client: ClientId = "app".parse().unwrap();
    let rules = AssertionRules { client: &client, issuer: ISSUER, endpoints, text_only: false, now: NOW };
    rules.check(&serde_json::from_str(&claims.to_string()).unwrap())
}

fn check(claims: &Value) -> Result<SingleUse, AssertionProblem> {
    check_with(claims, &[])
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn a_good_assertion_is_used_once_until_after_its_end() {
    let use_once = check(&good()).unwrap();
    assert_eq!(use_once.key.namespace(), "oauth.client_assertion");
    assert_eq!(use_once.ttl, Duration::seconds(91));
    // The mark outlives every moment at which the assertion would pass the check of time.
    let end = NOW + use_once.ttl;
    let client: ClientId = "app".parse().unwrap();
    let rules =
        AssertionRules { client: &client, issuer: ISSUER, endpoints: &[], text_only: false, now: end };
    let text = good().to_string();
    let claims = serde_json::from_str(&text).unwrap();
    assert_eq!(rules.check(&claims).unwrap_err(), AssertionProblem::Time);
}

/// FAPI 2.0, section 5.3.2.1: the issuer as a text, and no list.
#[test]
fn fapi2_5_3_2_1_the_audience_is_a_text() {
    let client = "app".parse().unwrap();
    let rules = AssertionRules { client: &client, issuer: ISSUER, endpoints: &[], text_only: true, now: NOW };
    for (aud, accepted) in [(json!(ISSUER), true), (json!([ISSUER]), false)] {
        let text = with("aud", aud).to_string();
        assert_eq!(rules.check(&serde_json::from_str(&text).unwrap()).is_ok(), accepted, "{text}");
    }
}

#[test]
fn s13_the_audience_is_the_issuer_alone() {
    for aud in [json!(ISSUER), json!([ISSUER])] {
        assert!(check(&with("aud", aud.clone())).is_ok(), "{aud}");
    }
    for aud in [
        json!([ISSUER, "https://other.example"]),
        json!([ISSUER, ISSUER]),
        json!([]),
        json!("https://other.example"),
        json!("https://id.example/"),
        json!(TOKEN),
        json!([TOKEN]),
        json!("https://id.example/par"),
        json!("https://id.example/introspect"),
        json!(""),
    ] {
        assert_eq!(check(&with("aud", aud.clone())).unwrap_err(), AssertionProblem::Audience, "{aud}");
    }
    assert_eq!(check(&without("aud")).unwrap_err(), AssertionProblem::Audience);
}

#[test]
fn s13_the_token_endpoint_is_an_audience_only_for_clients_registered_so() {
    let endpoints = [TOKEN.to_owned()];
    for aud in [json!(TOKEN), json!([TOKEN]), json!(ISSUER)] {
        assert!(check_with(&with("aud", aud), &endpoints).is_ok());
    }
    for aud in [json!([ISSUER, TOKEN]), json!("https://id.example/par")] {
        assert_eq!(check_with(&with("aud", aud), &endpoints).unwrap_err(), AssertionProblem::Audience);
    }
}

#[test]
fn rfc7523_3_issuer_and_subject_are_the_client() {
    for claims in [
        with("iss", json!("other")),
        with("sub", json!("other")),
        with("iss", json!("APP")),
        without("iss"),
        without("sub"),
        with("sub", Value::Null),
    ] {
        assert_eq!(check(&claims).unwrap_err(), AssertionProblem::Party, "{claims}");
    }
}

#[test]
fn s14_times() {
    let at = |offset: i64| json!(NOW.unix_timestamp() + offset);
    for (name, offset, accepted) in [
        ("iat", 10, true),
        ("iat", 61, false),
        ("iat", -3_000, true),
        ("nbf", 10, true),
        ("nbf", 61, false),
        ("nbf", -10, true),
        ("exp", 1, true),
        ("exp", -10, false),
        ("exp", -300, false),
        ("exp", 3_600, true),
        ("exp", 3_700, false),
    ] {
        let mut claims = with(name, at(offset));
        if name == "exp" && offset < 0 {
            claims["iat"] = at(offset - 60);
            claims["exp"] = at(offset - SKEW.whole_seconds());
        }
        assert_eq!(check(&claims).is_ok(), accepted, "{name} {offset}");
    }
    assert_eq!(check(&without("exp")).unwrap_err(), AssertionProblem::Time);
    assert!(check(&without("iat")).is_ok());
    assert_eq!(check(&with("exp", json!(253_402_300_799_i64))).unwrap_err(), AssertionProblem::Time);
}

#[test]
fn s14_an_assertion_without_a_usable_id_cannot_be_protected_from_replay() {
    for claims in [without("jti"), with("jti", json!("")), with("jti", json!("x".repeat(513)))] {
        assert_eq!(check(&claims).unwrap_err(), AssertionProblem::Replay);
    }
}

#[test]
fn s14_marks_of_different_clients_and_ids_never_meet() {
    let one = check(&good()).unwrap().key;
    assert_ne!(one, check(&with("jti", json!("2"))).unwrap().key);
    let other: ClientId = "app2".parse().unwrap();
    let rules = AssertionRules { client: &other, issuer: ISSUER, endpoints: &[], text_only: false, now: NOW };
    let mut claims = good();
    claims["iss"] = json!("app2");
    claims["sub"] = json!("app2");
    let text = claims.to_string();
    assert_ne!(one, rules.check(&serde_json::from_str(&text).unwrap()).unwrap().key);
}

#[test]
fn s13_types() {
    let allowed = ciam_core::jose::TokenType::one_of(TYPES).or_absent();
    for good in [None, Some("JWT"), Some("jwt"), Some("client-authentication+jwt"), Some("application/JWT")] {
        assert!(allowed.matches(good), "{good:?}");
    }
    for bad in ["at+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "oauth-authz-req+jwt", "", "jwt ", "JOSE"]
    {
        assert!(!allowed.matches(Some(bad)), "{bad}");
    }
}
