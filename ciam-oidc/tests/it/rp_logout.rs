//! OpenID Connect Back-Channel Logout 1.0 at the relying party, section 2.6: which logout tokens it takes, and which sessions
//! they end. The provider's key is in the hands of the test.

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::id::{AccountId, SessionId};
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_oidc::rp::{LogoutToken, LogoutTokenError};
use http::Response;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::world::{ISSUER, World};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

struct Provider {
    world: World,
    signer: LocalSigner,
}

impl Provider {
    async fn new() -> Self {
        let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("provider");
        let world = World::new().await;
        let jwk = signer.public_jwk().unwrap();
        world.tamper(move |path, response| match path {
            "/jwks" => {
                let keys = json!({ "keys": [jwk] }).to_string();
                let mut replaced = Response::new(Bytes::from(keys));
                *replaced.headers_mut() = response.headers().clone();
                replaced.headers_mut().remove("content-length");
                replaced
            }
            _ => response,
        });
        Self { world, signer }
    }

    fn claims(&self) -> Value {
        let now = self.world.rp_ports.now().unix_timestamp();
        json!({
            "iss": ISSUER, "aud": "web", "iat": now, "exp": now + 120, "jti": "one",
            "sub": "ada", "sid": "s1", "events": { EVENT: {} },
        })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(header), part(claims));
        format!("{input}.{}", base64url::encode(&self.signer.sign_now(input.as_bytes()).unwrap()))
    }

    async fn check(&self, claims: &Value) -> Result<LogoutToken, LogoutTokenError> {
        let header = json!({ "alg": "ES256", "kid": "provider", "typ": "logout+jwt" });
        self.world.party.check_logout_token(&self.sign(&header, claims)).await
    }
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    claims
}

#[tokio::test]
async fn s27_a_logout_token_is_taken_once() {
    let provider = Provider::new().await;
    let token = provider.check(&provider.claims()).await.unwrap();
    assert_eq!((token.subject.as_deref(), token.session.as_deref()), (Some("ada"), Some("s1")));
    assert!(matches!(provider.check(&provider.claims()).await, Err(LogoutTokenError::Replayed)));
    provider.check(&with(provider.claims(), "jti", json!("two"))).await.unwrap();
}

#[tokio::test]
async fn s27_what_is_no_logout_token_ends_nothing() {
    let provider = Provider::new().await;
    let claims = || provider.claims();
    let now = provider.world.rp_ports.now().unix_timestamp();
    let rows = [
        ("another issuer", with(claims(), "iss", json!("https://evil.example"))),
        ("another client", with(claims(), "aud", json!("other"))),
        ("no audience", with(claims(), "aud", Value::Null)),
        ("expired", with(claims(), "exp", json!(now - 60))),
        ("from tomorrow", with(claims(), "iat", json!(now + 86_400))),
        ("from yesterday", with(claims(), "iat", json!(now - 86_400))),
        ("no time", with(claims(), "iat", Value::Null)),
        ("no name of its own", with(claims(), "jti", Value::Null)),
        ("no event: an ID token", with(claims(), "events", Value::Null)),
        ("another event", with(claims(), "events", json!({ "urn:other": {} }))),
        ("an event that is no object", with(claims(), "events", json!({ EVENT: true }))),
        ("a nonce: an ID token", with(claims(), "nonce", json!("n"))),
        ("a nonce that is nothing", with(claims(), "nonce", json!(""))),
        ("nobody", with(with(claims(), "sub", Value::Null), "sid", Value::Null)),
    ];
    for (what, claims) in rows {
        assert!(matches!(provider.check(&claims).await, Err(LogoutTokenError::Invalid)), "{what}");
    }
    for header in [
        json!({ "alg": "ES256", "kid": "provider", "typ": "JWT" }),
        json!({ "alg": "ES256", "kid": "provider", "typ": "at+jwt" }),
        json!({ "alg": "none", "typ": "logout+jwt" }),
        json!({ "alg": "HS256", "kid": "provider", "typ": "logout+jwt" }),
        json!({ "alg": "ES256", "kid": "unheard-of", "typ": "logout+jwt" }),
    ] {
        let token = provider.sign(&header, &claims());
        let refused = provider.world.party.check_logout_token(&token).await;
        assert!(matches!(refused, Err(LogoutTokenError::Invalid)), "{header}: {refused:?}");
    }
    for text in ["", "a.b.c", "a"] {
        assert!(provider.world.party.check_logout_token(text).await.is_err(), "{text:?}");
    }
    // None of them has used up the good one.
    provider.check(&claims()).await.unwrap();
}

#[tokio::test]
async fn a_session_is_found_by_its_provider_session_and_a_person_by_all_of_theirs() {
    let provider = Provider::new().await;
    let party = &provider.world.party;
    let end = provider.world.rp_ports.now() + Duration::HOUR;
    let id = |number| SessionId::from_uuid(Uuid::from_u128(number));
    let [ada, bob] = [101, 102].map(|number| AccountId::from_uuid(Uuid::from_u128(number)));
    party.remember(ada, id(1), end, "ada", Some("s1")).await.unwrap();
    party.remember(ada, id(2), end, "ada", Some("s2")).await.unwrap();
    party.remember(bob, id(3), end, "bob", Some("s3")).await.unwrap();
    party.remember(ada, id(4), end, "ada", None).await.unwrap();
    let of = async |sub: Value, sid: Value, jti: &str| {
        let claims = with(with(with(provider.claims(), "sub", sub), "sid", sid), "jti", json!(jti));
        let token = provider.check(&claims).await.unwrap();
        let mut found = party.sessions_of(&token).await.unwrap();
        found.sort_unstable();
        found
    };
    assert_eq!(of(json!("ada"), json!("s1"), "a").await, [id(1)]);
    assert_eq!(of(Value::Null, json!("s2"), "b").await, [id(2)]);
    assert_eq!(of(json!("ada"), Value::Null, "c").await, [id(1), id(2), id(4)]);
    assert_eq!(of(json!("bob"), json!("s1"), "d").await, [], "the session of somebody else");
    provider.world.clock.advance(Duration::HOUR);
    assert_eq!(of(json!("ada"), json!("s1"), "e").await, [], "over anyway");
}
