//! ID tokens that are signed well and say something wrong: a provider whose key is in the hands of the test
//! ([OpenID Connect Core, section 3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_core::secret::SecretBytes;
use ciam_oidc::rp::{IdTokenError, SignInError, SignInOptions, Tokens};
use http::Response;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Browser, ISSUER, World, claims_of};

fn signer() -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("stolen")
}

fn sign(signer: &LocalSigner, header: &Value, payload: &str) -> String {
    let part = |text: &str| base64url::encode(text.as_bytes());
    let input = format!("{}.{}", part(&header.to_string()), part(payload));
    format!("{input}.{}", base64url::encode(&signer.sign_now(input.as_bytes()).unwrap()))
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "stolen", "typ": "JWT" })
}

/// Makes an ID token of the claims that the provider meant.
type Forge = Box<dyn Fn(&LocalSigner, Value) -> String + Send>;

/// A world whose provider publishes the test's key, and sends the ID tokens that the test makes.
struct Forged {
    world: World,
    forge: Arc<Mutex<Forge>>,
}

impl Forged {
    async fn new() -> Self {
        let forge: Arc<Mutex<Forge>> =
            Arc::new(Mutex::new(Box::new(|signer, claims| sign(signer, &header(), &claims.to_string()))));
        let (signer, world, current) = (signer(), World::new().await, forge.clone());
        world.tamper(move |path, response| match path {
            "/jwks" => replace(&response, &json!({ "keys": [signer.public_jwk().unwrap()] })),
            "/token" if response.status().is_success() => {
                let mut body: Value = serde_json::from_slice(response.body()).unwrap();
                let meant = claims_of(body["id_token"].as_str().unwrap());
                body["id_token"] = json!((current.lock().unwrap())(&signer, meant));
                replace(&response, &body)
            }
            _ => response,
        });
        Self { world, forge }
    }

    async fn sign_in(&self, options: &SignInOptions) -> Result<Tokens, IdTokenError> {
        match self.world.sign_in(&mut Browser::new(&self.world), options).await {
            Ok(signed_in) => Ok(signed_in.tokens),
            Err(SignInError::IdToken(error)) => Err(error),
            Err(other) => panic!("another error: {other:?}"),
        }
    }

    async fn with(
        &self,
        forge: impl Fn(&LocalSigner, Value) -> String + Send + 'static,
    ) -> Option<IdTokenError> {
        *self.forge.lock().unwrap() = Box::new(forge);
        self.sign_in(&SignInOptions::new()).await.err()
    }

    /// What becomes of a sign-in whose ID token has one claim changed, or removed.
    async fn claim(&self, name: &'static str, value: Option<Value>) -> Option<IdTokenError> {
        self.with(move |signer, claims| {
            sign(signer, &header(), &changed(claims, name, value.as_ref()).to_string())
        })
        .await
    }
}

fn changed(mut claims: Value, name: &str, value: Option<&Value>) -> Value {
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => _ = members.insert(name.to_owned(), value.clone()),
        None => _ = members.remove(name),
    }
    claims
}

fn replace(response: &Response<Bytes>, body: &Value) -> Response<Bytes> {
    response.clone().map(|_| Bytes::from(body.to_string()))
}

/// The test's own key works: what is refused below is refused for what it says.
#[tokio::test]
async fn the_published_key_is_used() {
    let forged = Forged::new().await;
    let tokens = forged.sign_in(&SignInOptions::new()).await.unwrap();
    assert_eq!(tokens.claims.all["iss"], ISSUER);
}

#[tokio::test]
async fn core_3_1_3_7_every_claim_is_checked() {
    use IdTokenError::{AccessToken, Audience, Issuer, Malformed, Nonce, Time};

    let forged = Forged::new().await;
    let now = forged.world.ports.now().unix_timestamp();
    let long = "x".repeat(256);
    let table = [
        ("iss", Some(json!("https://evil.example")), Some(Issuer)),
        ("iss", Some(json!("https://id.example/")), Some(Issuer)),
        ("iss", Some(json!("https://ID.example")), Some(Issuer)),
        ("iss", Some(json!([ISSUER])), Some(Malformed)),
        ("iss", None, Some(Malformed)),
        ("aud", Some(json!("other")), Some(Audience)),
        ("aud", Some(json!("WEB")), Some(Audience)),
        ("aud", Some(json!("")), Some(Audience)),
        ("aud", Some(json!([])), Some(Audience)),
        ("aud", Some(json!(["other"])), Some(Audience)),
        ("aud", Some(json!(["web"])), None),
        // Several, and nobody says for whom.
        ("aud", Some(json!(["web", "other"])), Some(Audience)),
        ("aud", Some(json!(["web", 7])), Some(Malformed)),
        ("aud", Some(json!({ "web": 1 })), Some(Malformed)),
        ("aud", None, Some(Malformed)),
        ("azp", Some(json!("web")), None),
        ("azp", Some(json!("other")), Some(Audience)),
        ("azp", Some(json!(["web"])), Some(Malformed)),
        ("sub", Some(json!("")), Some(Malformed)),
        ("sub", Some(json!(7)), Some(Malformed)),
        ("sub", Some(json!(null)), Some(Malformed)),
        ("sub", Some(json!("x".repeat(255))), None),
        ("sub", Some(json!(long)), Some(Malformed)),
        ("sub", None, Some(Malformed)),
        ("exp", Some(json!(now - 29)), None),
        ("exp", Some(json!(now - 30)), Some(Time)),
        ("exp", Some(json!(now as f64 + 0.5)), None),
        ("exp", Some(json!(0)), Some(Time)),
        ("exp", Some(json!(-1)), Some(Time)),
        ("exp", Some(json!(253_402_300_799_i64)), None),
        ("exp", Some(json!(i64::MAX)), Some(Malformed)),
        ("exp", Some(json!(i64::MIN)), Some(Malformed)),
        ("exp", Some(json!(1e300)), Some(Malformed)),
        ("exp", Some(json!(u64::MAX)), Some(Malformed)),
        ("exp", Some(json!((now + 60).to_string())), Some(Malformed)),
        ("exp", Some(json!(true)), Some(Malformed)),
        ("exp", None, Some(Malformed)),
        ("iat", Some(json!(now + 30)), None),
        ("iat", Some(json!(now + 31)), Some(Time)),
        ("iat", Some(json!(253_402_300_799_i64)), Some(Time)),
        ("iat", Some(json!("now")), Some(Malformed)),
        ("iat", None, Some(Malformed)),
        ("nbf", Some(json!(now + 30)), None),
        ("nbf", Some(json!(now + 31)), Some(Time)),
        ("nbf", Some(json!([])), Some(Malformed)),
        ("nonce", Some(json!("another")), Some(Nonce)),
        ("nonce", Some(json!("")), Some(Nonce)),
        ("nonce", Some(json!(7)), Some(Malformed)),
        ("nonce", None, Some(Nonce)),
        ("at_hash", Some(json!("AAAAAAAAAAAAAAAAAAAAAA")), Some(AccessToken)),
        ("at_hash", Some(json!("")), Some(AccessToken)),
        ("at_hash", Some(json!(7)), Some(Malformed)),
        // Optional in the code flow (section 3.1.3.6).
        ("at_hash", None, None),
        ("auth_time", Some(json!(now + 31)), Some(Time)),
        ("auth_time", Some(json!(now + 30)), None),
        ("auth_time", Some(json!(i64::MAX)), Some(Malformed)),
        ("auth_time", Some(json!("now")), Some(Malformed)),
        ("auth_time", None, None),
        ("amr", Some(json!("pwd")), Some(Malformed)),
        ("acr", Some(json!(2)), Some(Malformed)),
    ];
    for (name, value, expected) in table {
        assert_eq!(forged.claim(name, value.clone()).await, expected, "{name}: {value:?}");
    }
    // Several audiences, and the token says which of them asked.
    let several = |azp: &'static str| {
        move |signer: &LocalSigner, mut claims: Value| {
            claims["aud"] = json!(["other", "web"]);
            claims["azp"] = json!(azp);
            sign(signer, &header(), &claims.to_string())
        }
    };
    assert_eq!(forged.with(several("web")).await, None);
    assert_eq!(forged.with(several("other")).await, Some(Audience));
}

/// RFC 8725, sections 3.1, 3.2, 3.11 and 3.12; S15 and S16.
#[tokio::test]
async fn s15_headers_are_checked_and_never_followed() {
    let forged = Forged::new().await;
    let thief = signer();
    let embedded = thief.public_jwk().unwrap();
    let set = |name: &str, value: Value| changed(header(), name, Some(&value));
    let signed_well = [
        (set("typ", json!("jwt")), true),
        (changed(header(), "typ", None), true),
        (changed(header(), "kid", None), true),
        // What stands beside means nothing.
        (set("jku", json!("https://evil.example/jwks")), true),
        (set("x5u", json!("https://evil.example/cert")), true),
        (set("typ", json!("at+jwt")), false),
        (set("typ", json!("logout+jwt")), false),
        (set("typ", json!("userinfo+jwt")), false),
        (set("typ", json!("")), false),
        (set("crit", json!(["exp"])), false),
        (set("crit", json!([])), false),
        (changed(set("b64", json!(false)), "crit", Some(&json!(["b64"]))), false),
        (set("alg", json!("none")), false),
        (set("alg", json!("None")), false),
        (set("alg", json!("HS256")), false),
        (set("alg", json!("RS256")), false),
        (set("alg", json!("ES384")), false),
        (set("alg", json!("es256")), false),
        (set("alg", json!(["ES256"])), false),
        (changed(header(), "alg", None), false),
        (set("kid", json!("../../stolen")), false),
        (set("kid", json!("' OR 1=1 --")), false),
        (set("kid", json!("x".repeat(10_000))), false),
        (set("kid", json!(7)), false),
    ];
    for (header, accepted) in signed_well {
        let expected = if accepted { None } else { Some(IdTokenError::Signature) };
        let sent = header.clone();
        let found = forged.with(move |signer, claims| sign(signer, &sent, &claims.to_string())).await;
        assert_eq!(found, expected, "{header}");
    }
    // The thief's own signature, under every name and with its key brought along.
    for header in [
        header(),
        changed(header(), "kid", None),
        set("jwk", json!(embedded)),
        changed(set("jwk", json!(embedded)), "kid", None),
        set("kid", json!("unheard-of")),
    ] {
        let (thief, sent) = (thief.clone(), header.clone());
        let found = forged.with(move |_, claims| sign(&thief, &sent, &claims.to_string())).await;
        assert_eq!(found, Some(IdTokenError::Signature), "{header}");
    }
    // The public key as the secret of an HMAC.
    let confused = forged.with(|signer, claims| {
        let key = serde_json::to_vec(&signer.public_jwk().unwrap()).unwrap();
        let secret = LocalSigner::from_secret(&*crypto::ring(), &SecretBytes::new(key)).unwrap();
        sign(&secret, &changed(header(), "alg", Some(&json!("HS256"))), &claims.to_string())
    });
    assert_eq!(confused.await, Some(IdTokenError::Signature));
}

/// Two readers of one payload could see two tokens.
#[tokio::test]
async fn s15_claims_that_are_there_twice_are_refused() {
    let forged = Forged::new().await;
    for extra in [r#""sub":"eve","#, r#""nonce":"x","#, r#""\u0073ub":"eve","#, r#""x":{"y":1,"y":2},"#] {
        let found = forged.with(move |signer, claims| {
            sign(signer, &header(), &claims.to_string().replacen('{', &format!("{{{extra}"), 1))
        });
        assert_eq!(found.await, Some(IdTokenError::Malformed), "{extra}");
    }
}

/// A wish for a recent sign-in is checked here too: a provider that ignores it is noticed.
#[tokio::test]
async fn core_3_1_2_1_max_age_needs_auth_time() {
    let forged = Forged::new().await;
    let now = forged.world.ports.now().unix_timestamp();
    let asked = SignInOptions::new().with_max_age(60);
    for (value, expected) in [
        (None, Some(IdTokenError::TooOld)),
        (Some(json!(now - 91)), Some(IdTokenError::TooOld)),
        (Some(json!(0)), Some(IdTokenError::TooOld)),
        (Some(json!(now - 90)), None),
    ] {
        let change = value.clone();
        *forged.forge.lock().unwrap() = Box::new(move |signer, claims| {
            sign(signer, &header(), &changed(claims, "auth_time", change.as_ref()).to_string())
        });
        assert_eq!(forged.sign_in(&asked).await.err(), expected, "{value:?}");
    }
}

/// Section 12.2: an ID token that answers a refresh speaks of the same sign-in.
#[tokio::test]
async fn core_12_2_a_refresh_goes_on_from_the_sign_in() {
    use IdTokenError::{Audience, Authentication, Issuer, Nonce, Subject};

    let forged = Forged::new().await;
    let tokens = forged.sign_in(&SignInOptions::new()).await.unwrap();
    let nonce = tokens.claims.all["nonce"].clone();
    let auth_time = tokens.claims.all["auth_time"].as_i64().unwrap();
    forged.world.clock.advance(Duration::hours(1));
    for (name, value, expected) in [
        ("sub", Some(json!("eve")), Some(Subject)),
        ("iss", Some(json!("https://evil.example")), Some(Issuer)),
        ("aud", Some(json!("other")), Some(Audience)),
        ("auth_time", Some(json!(auth_time + 1)), Some(Authentication)),
        ("auth_time", None, None),
        ("nonce", Some(json!("another")), Some(Nonce)),
        ("nonce", Some(nonce), None),
        ("nonce", None, None),
    ] {
        let change = value.clone();
        *forged.forge.lock().unwrap() = Box::new(move |signer, claims| {
            sign(signer, &header(), &changed(claims, name, change.as_ref()).to_string())
        });
        let found = match forged.world.party.refresh(&tokens).await {
            Ok(_) => None,
            Err(SignInError::IdToken(error)) => Some(error),
            Err(other) => panic!("another error: {other:?}"),
        };
        assert_eq!(found, expected, "{name}: {value:?}");
    }
}

/// A key set without the key, with a broken one, or of no form at all signs nobody in.
#[tokio::test]
async fn s16_key_sets_that_cannot_be_used() {
    for (keys, expected) in [
        (json!({ "keys": [] }), IdTokenError::Signature),
        (
            json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "stolen", "x": "AA", "y": "AA" }] }),
            IdTokenError::Signature,
        ),
        (json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "stolen" }] }), IdTokenError::Keys),
        (json!({ "keys": [signer().public_jwk().unwrap()] }), IdTokenError::Signature),
        (json!({ "keys": "none" }), IdTokenError::Keys),
        (json!([]), IdTokenError::Keys),
    ] {
        let (world, mine, sent) = (World::new().await, signer(), keys.clone());
        world.tamper(move |path, response| match path {
            "/jwks" => replace(&response, &sent),
            "/token" => {
                let mut body: Value = serde_json::from_slice(response.body()).unwrap();
                let meant = claims_of(body["id_token"].as_str().unwrap());
                body["id_token"] = json!(sign(&mine, &header(), &meant.to_string()));
                replace(&response, &body)
            }
            _ => response,
        });
        let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
        assert!(matches!(refused, SignInError::IdToken(found) if found == expected), "{keys}: {refused:?}");
    }
}
