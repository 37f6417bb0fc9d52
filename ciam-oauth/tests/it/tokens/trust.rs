//! Validation beyond one issuer and one scope: several issuers, claims of the host's, types, and what it costs.

use ciam_core::crypto;
use ciam_core::entropy::SystemEntropy;
use ciam_core::jose::{Algorithm, KeySet, LocalSigner, TokenType, sign};
use ciam_oauth::validate::{CachingValidator, ClaimRule, TokenCachePolicy, ValidateError, Validator};
use serde_json::{Value, json};

use super::API;
use super::validate::{NOW, good, keys, signer, token};
use crate::support::ISSUER;

const PARTNER: &str = "https://login.partner.example";

fn two(ours: &LocalSigner, theirs: &LocalSigner) -> Validator {
    Validator::new(ISSUER.parse().unwrap(), API, keys(ours))
        .with_issuer(PARTNER.parse().unwrap(), keys(theirs))
}

fn of(issuer: &str) -> Value {
    let mut claims = good();
    claims["iss"] = json!(issuer);
    claims
}

/// RFC 8725, section 3.8: a token is checked with the keys of the issuer that it names, and no other's.
#[tokio::test]
async fn rfc8725_3_8_keys_belong_to_their_issuer() {
    let (ours, theirs) = (signer(), signer());
    let validator = two(&ours, &theirs);
    for (signer, issuer, outcome) in [
        (&ours, ISSUER, Ok(())),
        (&theirs, PARTNER, Ok(())),
        (&ours, PARTNER, Err(ValidateError::UnknownKey)),
        (&theirs, ISSUER, Err(ValidateError::UnknownKey)),
        (&ours, "https://evil.example", Err(ValidateError::Issuer)),
        (&theirs, "https://login.partner.example/", Err(ValidateError::Issuer)),
    ] {
        let token = token(signer, &of(issuer)).await;
        let read = validator.validate(&token, NOW);
        assert_eq!(read.as_ref().map(|_| ()).map_err(Clone::clone), outcome, "{issuer}");
        if let Ok(read) = read {
            assert_eq!(read.issuer(), issuer);
        }
    }
}

/// The same with the other issuer's key under our key's name: the name of a key is no reason to use it.
#[tokio::test]
async fn rfc8725_3_8_a_key_of_the_same_name_is_not_the_same_key() {
    let (ours, theirs) = (signer().with_kid("k"), signer().with_kid("k"));
    let validator = two(&ours, &theirs);
    let forged = token(&theirs, &of(ISSUER)).await;
    assert_eq!(validator.validate(&forged, NOW).unwrap_err(), ValidateError::Signature);
    assert!(validator.validate(&token(&theirs, &of(PARTNER)).await, NOW).is_ok());
    let nameless = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("");
    let stranger = token(&nameless, &of(ISSUER)).await;
    assert_eq!(validator.validate(&stranger, NOW).unwrap_err(), ValidateError::UnknownKey);
}

/// An issuer whose keys were replaced takes nothing from the others, in the cache too.
#[tokio::test]
async fn the_cache_knows_whose_keys_an_entry_was_found_good_with() {
    let (ours, theirs) = (signer(), signer());
    let caching =
        CachingValidator::new(two(&ours, &theirs), TokenCachePolicy::default(), &SystemEntropy::new())
            .unwrap();
    for (signer, issuer) in [(&ours, ISSUER), (&theirs, PARTNER)] {
        let token = token(signer, &of(issuer)).await;
        assert!(!caching.validate(&token, NOW).unwrap().was_cached());
        let again = caching.validate(&token, NOW).unwrap();
        assert!(again.was_cached());
        assert_eq!(again.issuer(), issuer);
        assert!(caching.validate_or_fetch(&token, NOW).await.unwrap().was_cached());
    }
    let forged = token(&theirs, &of(ISSUER)).await;
    assert_eq!(caching.validate(&forged, NOW).unwrap_err(), ValidateError::UnknownKey);
}

#[tokio::test]
async fn claims_of_the_hosts() {
    let signer = signer();
    let mut claims = good();
    claims["tenant"] = json!("acme");
    claims["roles"] = json!(["reader", "writer"]);
    claims["nothing"] = Value::Null;
    let token = token(&signer, &claims).await;
    let demanding = |name: &str, rule| {
        let validator = Validator::new(ISSUER.parse().unwrap(), API, keys(&signer));
        validator.with_required_claim(name, rule).validate(&token, NOW).map(|_| ())
    };
    for (name, rule, accepted) in [
        ("tenant", ClaimRule::Present, true),
        ("tenant", ClaimRule::Is(json!("acme")), true),
        ("tenant", ClaimRule::OneOf(vec![json!("other"), json!("acme")]), true),
        ("roles", ClaimRule::Includes(json!("writer")), true),
        ("tenant", ClaimRule::Includes(json!("acme")), true),
        ("tenant", ClaimRule::Is(json!("other")), false),
        ("tenant", ClaimRule::OneOf(vec![]), false),
        ("roles", ClaimRule::Is(json!("writer")), false),
        ("roles", ClaimRule::Includes(json!("write")), false),
        ("nothing", ClaimRule::Present, false),
        ("absent", ClaimRule::Present, false),
        ("absent", ClaimRule::Is(Value::Null), false),
    ] {
        let expected = if accepted { Ok(()) } else { Err(ValidateError::Claim(name.into())) };
        assert_eq!(demanding(name, rule.clone()), expected, "{name}: {rule:?}");
    }
}

/// A claim that is there twice is refused wherever it stands, whether anybody looks at it or not.
#[tokio::test]
async fn s15_no_claim_is_there_twice() {
    let signer = signer();
    let validator = Validator::new(ISSUER.parse().unwrap(), API, keys(&signer));
    for twice in
        [r#"{"plan":1,"plan":2,"#, r#"{"x":{"y":[{"a":1,"a":1}]},"#, r#"{"exp":1,"#, r#"{"\u0070lan":1,"#]
    {
        let payload = good().to_string().replacen('{', twice, 1);
        let header = json!({ "alg": "ES256", "typ": "at+jwt" });
        let token = super::validate::sign_raw(&signer, &header, &payload).await;
        assert_eq!(validator.validate(&token, NOW).unwrap_err(), ValidateError::Malformed, "{twice}");
    }
}

/// RFC 8725, section 3.11: tokens of another type only where the host says so by name.
#[tokio::test]
async fn types_of_the_time_before_are_accepted_only_on_demand() {
    let signer = signer();
    let token = sign(&signer, "JWT", &good()).await.unwrap();
    let validator = Validator::new(ISSUER.parse().unwrap(), API, KeySet::clone(&keys(&signer)));
    assert_eq!(validator.validate(&token, NOW).unwrap_err(), ValidateError::Type);
    let lax = validator.dangerous_accept_types(TokenType::one_of(&["at+jwt", "JWT"]));
    assert!(lax.validate(&token, NOW).is_ok());
}
