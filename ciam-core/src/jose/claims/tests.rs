use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

fn rules() -> ClaimRules {
    ClaimRules::new("https://id.example", AudienceRule::Includes("api".to_owned()))
}

fn check(rules: &ClaimRules, change: impl FnOnce(&mut serde_json::Value)) -> Result<(), ClaimsError> {
    let now = NOW.unix_timestamp();
    let mut claims =
        json!({ "iss": "https://id.example", "aud": "api", "exp": now + 60, "iat": now, "nbf": now });
    change(&mut claims);
    let text = claims.to_string();
    let claims: RegisteredClaims<'_> = serde_json::from_str(&text).unwrap();
    rules.check(&claims, NOW)
}

#[test]
fn good_claims_pass() {
    assert_eq!(check(&rules(), |_| ()), Ok(()));
    assert_eq!(check(&rules(), |claims| claims["aud"] = json!(["other", "api"])), Ok(()));
}

#[test]
fn each_claim_is_checked() {
    let now = NOW.unix_timestamp();
    for (name, value, expected) in [
        ("iss", json!("https://id.example/"), ClaimsError::WrongIssuer),
        ("iss", json!("HTTPS://ID.EXAMPLE"), ClaimsError::WrongIssuer),
        ("iss", json!(null), ClaimsError::Missing("iss")),
        ("aud", json!("other"), ClaimsError::WrongAudience),
        ("aud", json!(["other", "API"]), ClaimsError::WrongAudience),
        ("aud", json!([]), ClaimsError::WrongAudience),
        ("aud", json!(null), ClaimsError::Missing("aud")),
        ("exp", json!(null), ClaimsError::Missing("exp")),
        ("exp", json!(now), ClaimsError::Expired),
        ("exp", json!(now - 1), ClaimsError::Expired),
        ("exp", json!(0), ClaimsError::Expired),
        ("exp", json!(-1), ClaimsError::Expired),
        ("nbf", json!(now + 11), ClaimsError::NotYetValid),
        ("iat", json!(now + 11), ClaimsError::IssuedInFuture),
        ("iat", json!(253_402_300_799_i64), ClaimsError::IssuedInFuture),
    ] {
        let outcome = check(&rules(), |claims| claims[name] = value.clone());
        assert_eq!(outcome, Err(expected), "{name} = {value}");
    }
}

#[test]
fn clocks_may_differ_a_little() {
    let now = NOW.unix_timestamp();
    for (name, value) in [("exp", now + 1), ("nbf", now + 10), ("iat", now + 10)] {
        assert_eq!(check(&rules(), |claims| claims[name] = json!(value)), Ok(()), "{name}");
    }
    let lax = rules().with_expiry_skew(Duration::seconds(5)).with_future_skew(Duration::seconds(60));
    assert_eq!(check(&lax, |claims| claims["exp"] = json!(now - 4)), Ok(()));
    assert_eq!(check(&lax, |claims| claims["exp"] = json!(now - 5)), Err(ClaimsError::Expired));
    assert_eq!(check(&lax, |claims| claims["iat"] = json!(now + 60)), Ok(()));
    assert_eq!(check(&lax, |claims| claims["nbf"] = json!(now + 61)), Err(ClaimsError::NotYetValid));
}

#[test]
fn lifetimes_can_be_capped_and_issue_times_required() {
    let now = NOW.unix_timestamp();
    let strict = rules().with_max_lifetime(Duration::minutes(5)).requiring_issued_at();
    assert_eq!(check(&strict, |claims| claims["exp"] = json!(now + 300)), Ok(()));
    assert_eq!(check(&strict, |claims| claims["exp"] = json!(now + 301)), Err(ClaimsError::LivesTooLong));
    let forever = check(&strict, |claims| claims["exp"] = json!(253_402_300_799_i64));
    assert_eq!(forever, Err(ClaimsError::LivesTooLong));
    assert_eq!(check(&strict, |claims| claims["iat"] = json!(null)), Err(ClaimsError::Missing("iat")));
    assert_eq!(check(&rules(), |claims| claims["iat"] = json!(null)), Ok(()));
}

/// S13: how client assertions must name their audience.
#[test]
fn audience_rules() {
    let one = || Audience::One(Text::new("as"));
    let many =
        |members: &[&'static str]| Audience::Many(members.iter().map(|member| Text::new(*member)).collect());
    let as_ = || "as".to_owned();
    for (rule, accepted, refused) in [
        (
            AudienceRule::Includes(as_()),
            vec![one(), many(&["as"]), many(&["x", "as"])],
            vec![many(&[]), many(&["x"]), many(&["AS"])],
        ),
        (
            AudienceRule::Only(as_()),
            vec![one(), many(&["as"])],
            vec![many(&[]), many(&["as", "x"]), many(&["as", "as"]), many(&["x", "as"])],
        ),
        (
            AudienceRule::OnlyOneOf(vec!["token".to_owned(), as_()]),
            vec![one(), many(&["token"])],
            vec![many(&["as", "token"]), many(&["x"]), many(&[])],
        ),
        (AudienceRule::ExactString(as_()), vec![one()], vec![many(&["as"]), Audience::One(Text::new("as/"))]),
    ] {
        for audience in accepted {
            assert!(rule.accepts(&audience), "{rule:?} {audience:?}");
        }
        for audience in refused {
            assert!(!rule.accepts(&audience), "{rule:?} {audience:?}");
        }
    }
}

#[test]
fn dates_are_numbers_that_can_be_represented() {
    let read = |text: &str| serde_json::from_str::<NumericDate>(text).map(|date| date.get().unix_timestamp());
    assert_eq!(read("1300819380").unwrap(), 1_300_819_380);
    assert_eq!(read("1300819380.9").unwrap(), 1_300_819_380);
    assert_eq!(read("1.30081938e9").unwrap(), 1_300_819_380);
    for text in [
        "\"1300819380\"",
        "true",
        "[1]",
        "{}",
        "253402300800",
        "1e12",
        "1e300",
        "18446744073709551615",
        "-1e15",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    assert_eq!(
        serde_json::to_string(&NumericDate::new(datetime!(2026-01-01 00:00:00.9 UTC))).unwrap(),
        "1767225600"
    );
}

#[test]
fn claims_of_another_type_are_refused() {
    for text in [
        r#"{"iss":1}"#,
        r#"{"sub":["a"]}"#,
        r#"{"aud":1}"#,
        r#"{"aud":[1]}"#,
        r#"{"aud":[["a"]]}"#,
        r#"{"aud":{}}"#,
        r#"{"exp":"1"}"#,
        r#"{"jti":1}"#,
        r#"{"exp":1,"exp":2}"#,
    ] {
        assert!(serde_json::from_str::<RegisteredClaims<'_>>(text).is_err(), "{text}");
    }
}

#[test]
fn texts_are_borrowed_where_they_can_be() {
    let claims: RegisteredClaims<'_> =
        serde_json::from_str(r#"{"iss":"https://id.example","sub":"a\u0062","aud":["api"]}"#).unwrap();
    assert!(matches!(claims.iss, Some(Text(Cow::Borrowed(_)))));
    assert!(matches!(claims.sub, Some(Text(Cow::Owned(_)))));
    let Some(Audience::Many(audience)) = claims.aud else { panic!() };
    assert!(matches!(audience[0], Text(Cow::Borrowed("api"))));
}

proptest! {
    #[test]
    fn claims_survive_being_written_and_read(
        iss in prop::option::of(".*"), aud in prop::collection::vec(".*", 0..3), exp in 0_i64..253_402_300_799
    ) {
        let claims = RegisteredClaims {
            iss: iss.map(Text::new),
            aud: Some(Audience::Many(aud.into_iter().map(Text::new).collect())),
            exp: Some(NumericDate::new(OffsetDateTime::from_unix_timestamp(exp).unwrap())),
            ..RegisteredClaims::default()
        };
        let text = serde_json::to_string(&claims).unwrap();
        prop_assert_eq!(serde_json::from_str::<RegisteredClaims<'_>>(&text).unwrap(), claims);
    }

    #[test]
    fn checking_never_panics(exp in any::<f64>(), nbf in any::<i64>(), iat in any::<i64>()) {
        let text = json!({ "exp": exp, "nbf": nbf, "iat": iat }).to_string();
        if let Ok(claims) = serde_json::from_str::<RegisteredClaims<'_>>(&text) {
            let _any = rules().check_times(&claims, NOW);
        }
    }
}
