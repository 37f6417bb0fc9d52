//! The status of tokens at a resource: draft-ietf-oauth-status-list-21, section 8.3.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::entropy::SystemEntropy;
use ciam_core::jose::{Algorithm, KeySet, LocalSigner, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::status_list::{StatusBits, StatusList, TokenStatus};
use ciam_oauth::validate::{
    CachingValidator, StatusChecker, StatusPolicy, TokenCachePolicy, ValidateError, Validator,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::API;
use super::validate::{NOW, good, keys, signer, token};
use crate::support::ISSUER;

pub(super) const URI: &str = "https://id.example/status/one";

/// A resource that checks the status of tokens, an issuer, and the network between them.
pub(super) struct Setting {
    pub(super) outside: MemoryHttpClient,
    pub(super) clock: Arc<ManualClock>,
    pub(super) issuer: LocalSigner,
    pub(super) checker: StatusChecker,
    pub(super) validator: Validator,
}

impl Setting {
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(super) fn with(change: impl FnOnce(&mut StatusPolicy)) -> Self {
        let (outside, clock, issuer) = (MemoryHttpClient::new(), Arc::new(ManualClock::new(NOW)), signer());
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_http_client(Arc::new(outside.clone()));
        let mut policy = StatusPolicy::default();
        change(&mut policy);
        let checker = StatusChecker::with_policy(ports, policy);
        let validator =
            Validator::new(ISSUER.parse().unwrap(), API, keys(&issuer)).with_status_checks(checker.clone());
        Self { outside, clock, issuer, checker, validator }
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        use ciam_core::clock::Clock as _;
        self.clock.now()
    }

    pub(super) async fn token(&self, idx: u64) -> String {
        self.token_with(&json!({ "status_list": { "idx": idx, "uri": URI } })).await
    }

    pub(super) async fn token_with(&self, status: &Value) -> String {
        let mut claims = good();
        claims["exp"] = (NOW + Duration::days(1)).unix_timestamp().into();
        claims["jti"] = status.to_string().into();
        claims["status"] = status.clone();
        token(&self.issuer, &claims).await
    }

    /// The claims of a list in which index 1 is invalid, 2 suspended and 3 something else.
    pub(super) fn list(&self) -> Value {
        let mut list = StatusList::new(StatusBits::Two, 1_024);
        for (index, status) in
            [(1, TokenStatus::Invalid), (2, TokenStatus::Suspended), (3, TokenStatus::Other(3))]
        {
            list.set(index, status);
        }
        json!({
            "sub": URI, "iat": self.now().unix_timestamp(), "exp": self.now().unix_timestamp() + 600, "ttl": 60,
            "status_list": { "bits": 2, "lst": list.compress() },
        })
    }

    pub(super) async fn publish(&self, claims: &Value) {
        self.publish_as(&self.issuer, "statuslist+jwt", claims).await;
    }

    pub(super) async fn publish_as(&self, signer: &LocalSigner, typ: &'static str, claims: &Value) {
        let body = sign(signer, typ, claims).await.unwrap();
        self.serve(200, "application/statuslist+jwt", body);
    }

    /// Publishes a list that cannot be fetched again: its tokens are good for so long, and no more a little later.
    pub(super) async fn counts_for(&self, claims: &Value, so_long: Duration, no_more: Duration) {
        self.publish(claims).await;
        let token = self.token(0).await;
        assert_eq!(self.validate(&token).await, Ok(()));
        self.serve(503, "text/plain", "");
        self.clock.advance(so_long);
        assert_eq!(self.validate(&token).await, Ok(()));
        self.clock.advance(no_more);
        assert_eq!(self.validate(&token).await, Err(ValidateError::StatusUnknown));
    }

    pub(super) fn serve(&self, status: u16, content_type: &str, body: impl Into<Bytes>) {
        let response = http::Response::builder().status(status).header("content-type", content_type);
        self.outside.answer(URI, response.body(body.into()).unwrap());
    }

    pub(super) async fn validate(&self, token: &str) -> Result<(), ValidateError> {
        self.validator.validate_or_fetch(token, self.now()).await.map(drop)
    }

    pub(super) fn fetches(&self) -> usize {
        self.outside.requests().len()
    }
}

/// Section 8.3: what the list says of a token, decides; what it does not say is not good.
#[tokio::test]
async fn section_8_3_the_list_decides() {
    let setting = Setting::new();
    setting.publish(&setting.list()).await;
    for (idx, expected) in [
        (0, Ok(())),
        (1, Err(ValidateError::Revoked)),
        (2, Err(ValidateError::Suspended)),
        (3, Err(ValidateError::Revoked)),
        (1_023, Ok(())),
        (1_024, Err(ValidateError::Revoked)),
        (u64::MAX, Err(ValidateError::Revoked)),
    ] {
        assert_eq!(setting.validate(&setting.token(idx).await).await, expected, "{idx}");
    }
    assert_eq!(setting.fetches(), 1, "one list for all of them");
    let asked = &setting.outside.requests()[0];
    assert_eq!(asked.headers()["accept"], "application/statuslist+jwt");
}

/// Nothing is fetched without being awaited, and what is not known does not pass.
#[tokio::test]
async fn without_a_list_nothing_passes() {
    let setting = Setting::new();
    let token = setting.token(0).await;
    assert_eq!(setting.validator.validate(&token, NOW).unwrap_err(), ValidateError::StatusUnknown);
    assert_eq!(setting.fetches(), 0);
    assert_eq!(setting.validate(&token).await, Err(ValidateError::StatusUnknown), "nobody answers");
    setting.clock.advance(Duration::seconds(6));
    setting.publish(&setting.list()).await;
    assert_eq!(setting.validate(&token).await, Ok(()));
    assert!(setting.validator.validate(&token, setting.now()).is_ok(), "now it is there");
}

/// Sections 5.1 and 8.3: what is no Status List Token of this issuer for this address.
#[tokio::test]
async fn section_8_3_a_list_that_does_not_count() {
    let stranger = signer();
    // (what, who signs, its type, what is changed)
    type Row = (&'static str, bool, &'static str, fn(&mut Value));
    let rows: [Row; 19] = [
        ("a stranger's", false, "statuslist+jwt", |_| ()),
        ("another kind of token", true, "at+jwt", |_| ()),
        ("no kind of its own", true, "JWT", |_| ()),
        ("another list", true, "statuslist+jwt", |it| it["sub"] = "https://id.example/status/two".into()),
        ("nearly this list", true, "statuslist+jwt", |it| {
            it["sub"] = "https://id.example/status/one/".into()
        }),
        ("no list", true, "statuslist+jwt", |it| _ = it.as_object_mut().unwrap().remove("sub")),
        ("another issuer's", true, "statuslist+jwt", |it| it["iss"] = "https://other.example".into()),
        ("expired", true, "statuslist+jwt", |it| it["exp"] = NOW.unix_timestamp().into()),
        ("of the future", true, "statuslist+jwt", |it| it["iat"] = (NOW.unix_timestamp() + 120).into()),
        ("of no time", true, "statuslist+jwt", |it| _ = it.as_object_mut().unwrap().remove("iat")),
        ("not to be kept", true, "statuslist+jwt", |it| it["ttl"] = 0.into()),
        ("kept for less than nothing", true, "statuslist+jwt", |it| it["ttl"] = (-5).into()),
        ("three bits", true, "statuslist+jwt", |it| it["status_list"]["bits"] = 3.into()),
        ("bits in words", true, "statuslist+jwt", |it| it["status_list"]["bits"] = "2".into()),
        ("not compressed", true, "statuslist+jwt", |it| it["status_list"]["lst"] = "AAAA".into()),
        ("cut off", true, "statuslist+jwt", |it| it["status_list"]["lst"] = "eNpjY".into()),
        ("nothing in it", true, "statuslist+jwt", |it| it["status_list"] = json!({})),
        ("a bomb", true, "statuslist+jwt", |it| {
            let bomb = StatusList::new(StatusBits::Eight, 8 << 20).compress();
            it["status_list"] = json!({ "bits": 8, "lst": bomb });
        }),
        ("one byte more than is unpacked", true, "statuslist+jwt", |it| {
            let large = StatusList::new(StatusBits::Eight, (1 << 20) + 1).compress();
            it["status_list"] = json!({ "bits": 8, "lst": large });
        }),
    ];
    for (what, ours, typ, change) in rows {
        let setting = Setting::new();
        let mut claims = setting.list();
        change(&mut claims);
        let signer = if ours { &setting.issuer } else { &stranger };
        setting.publish_as(signer, typ, &claims).await;
        let found = setting.validate(&setting.token(0).await).await;
        assert_eq!(found, Err(ValidateError::StatusUnknown), "{what}");
        assert_eq!((setting.fetches(), setting.checker.lists()), (1, 0), "{what}");
    }
}

/// Section 8.2: what an address may answer with.
#[tokio::test]
async fn section_8_2_an_answer_that_is_no_list() {
    let setting = Setting::new();
    let good = sign(&setting.issuer, "statuslist+jwt", &setting.list()).await.unwrap();
    for (status, content_type, body, passes) in [
        (200, "application/json", good.clone(), false),
        (200, "application/statuslist+cwt", good.clone(), false),
        (404, "application/statuslist+jwt", good.clone(), false),
        (206, "application/statuslist+jwt", good.clone(), false),
        (200, "application/statuslist+jwt", String::new(), false),
        (200, "application/statuslist+jwt", format!("{good}{}", " ".repeat(2 * 1024 * 1024)), false),
        (200, "Application/StatusList+JWT; charset=utf-8", format!("{good}\n"), true),
    ] {
        setting.serve(status, content_type, body);
        setting.clock.advance(Duration::seconds(6));
        let found = setting.validate(&setting.token(0).await).await;
        assert_eq!(found.is_ok(), passes, "{status} {content_type}");
    }
}

/// A list counts for its `ttl`, is fetched before that has passed, and not again and again when it cannot be.
#[tokio::test]
async fn section_13_7_a_list_is_kept_as_long_as_it_says() {
    let setting = Setting::new();
    setting.publish(&setting.list()).await;
    let token = setting.token(0).await;
    setting.clock.advance(Duration::ZERO);
    assert_eq!(setting.validate(&token).await, Ok(()));
    setting.clock.advance(Duration::seconds(44));
    assert_eq!((setting.validate(&token).await, setting.fetches()), (Ok(()), 1));
    // It is due, and good enough while nobody answers.
    setting.serve(503, "text/plain", "");
    setting.clock.advance(Duration::seconds(2));
    for _ in 0..5 {
        assert_eq!((setting.validate(&token).await, setting.fetches()), (Ok(()), 2));
    }
    setting.clock.advance(Duration::seconds(6));
    assert_eq!((setting.validate(&token).await, setting.fetches()), (Ok(()), 3));
    setting.clock.advance(Duration::seconds(8));
    assert_eq!(setting.validate(&token).await, Err(ValidateError::StatusUnknown), "a minute has passed");
    assert_eq!(setting.validator.validate(&token, setting.now()).unwrap_err(), ValidateError::StatusUnknown);
    setting.clock.advance(Duration::seconds(6));
    setting.publish(&setting.list()).await;
    assert_eq!(setting.validate(&token).await, Ok(()));
}

/// Who would rather let tokens pass than refuse them all says for how long; never beyond the end of the list.
#[tokio::test]
async fn a_host_may_wait_for_a_list_a_little_longer() {
    let setting = Setting::with(|policy| policy.stale_for = Duration::hours(1));
    let mut claims = setting.list();
    claims["exp"] = (NOW.unix_timestamp() + 300).into();
    setting.counts_for(&claims, Duration::seconds(299), Duration::SECOND).await;
}

/// However long a list wants to be kept, a revocation is seen within the host's time.
#[tokio::test]
async fn a_ttl_is_bounded() {
    for ttl in [86_400, u64::MAX] {
        a_ttl_of_this_is_bounded(ttl).await;
    }
}

async fn a_ttl_of_this_is_bounded(ttl: u64) {
    let setting = Setting::new();
    let mut claims = setting.list();
    claims["ttl"] = json!(ttl);
    claims.as_object_mut().unwrap().remove("exp");
    setting.counts_for(&claims, Duration::minutes(59), Duration::minutes(1)).await;
}

/// An old list does not take a revocation back.
#[tokio::test]
async fn a_list_is_not_replaced_by_an_older_one() {
    let setting = Setting::with(|policy| policy.stale_for = Duration::hours(1));
    let mut before = setting.list();
    before["status_list"]["lst"] = StatusList::new(StatusBits::Two, 1_024).compress().into();
    before["iat"] = (NOW.unix_timestamp() - 10).into();
    setting.publish(&setting.list()).await;
    let token = setting.token(1).await;
    assert_eq!(setting.validate(&token).await, Err(ValidateError::Revoked));
    setting.publish(&before).await;
    setting.clock.advance(Duration::seconds(50));
    assert_eq!(setting.validate(&token).await, Err(ValidateError::Revoked));
    assert_eq!(setting.fetches(), 2, "it was looked at");
}

/// A remembered token is looked up at every hit.
#[tokio::test]
async fn a_cached_token_is_refused_when_the_list_says_so() {
    let setting = Setting::new();
    let mut list = setting.list();
    list["status_list"]["lst"] = StatusList::new(StatusBits::Two, 1_024).compress().into();
    setting.publish(&list).await;
    let caching =
        CachingValidator::new(setting.validator.clone(), TokenCachePolicy::default(), &SystemEntropy::new())
            .unwrap();
    let token = setting.token(1).await;
    assert!(!caching.validate_or_fetch(&token, setting.now()).await.unwrap().was_cached());
    assert!(caching.validate_or_fetch(&token, setting.now()).await.unwrap().was_cached());
    assert_eq!(setting.fetches(), 1);
    setting.clock.advance(Duration::seconds(50));
    list["iat"] = setting.now().unix_timestamp().into();
    setting.publish(&list).await;
    assert!(caching.validate_or_fetch(&token, setting.now()).await.unwrap().was_cached());
    assert_eq!(setting.fetches(), 2, "it was due, and the token is remembered all the same");
    setting.clock.advance(Duration::seconds(50));
    setting.publish(&setting.list()).await;
    let refused = caching.validate_or_fetch(&token, setting.now()).await.unwrap_err();
    assert_eq!(refused, ValidateError::Revoked);
    assert_eq!(caching.validate(&token, setting.now()).unwrap_err(), ValidateError::Revoked);
    setting.serve(503, "text/plain", "");
    setting.clock.advance(Duration::minutes(2));
    assert_eq!(caching.validate(&token, setting.now()).unwrap_err(), ValidateError::StatusUnknown);
    let refused = caching.validate_or_fetch(&token, setting.now()).await.unwrap_err();
    assert_eq!(refused, ValidateError::StatusUnknown);
}

/// Section 6: a token that says nothing of its status, or something else.
#[tokio::test]
async fn section_6_a_token_without_a_place() {
    let setting = Setting::new();
    setting.publish(&setting.list()).await;
    let none = token(&setting.issuer, &good()).await;
    assert_eq!(setting.validate(&none).await, Err(ValidateError::MissingClaim("status")));
    let other = setting.token_with(&json!({ "other_way": { "idx": 0 } })).await;
    assert_eq!(setting.validate(&other).await, Err(ValidateError::MissingClaim("status")));
    for malformed in [
        json!(null),
        json!("x"),
        json!({ "status_list": { "idx": 0 } }),
        json!({ "status_list": { "idx": -1, "uri": URI } }),
        json!({ "status_list": { "idx": "0", "uri": URI } }),
        json!({ "status_list": { "idx": 0.5, "uri": URI } }),
        json!({ "status_list": { "idx": 0, "uri": 1 } }),
    ] {
        let token = setting.token_with(&malformed).await;
        assert_eq!(setting.validate(&token).await, Err(ValidateError::Malformed), "{malformed}");
    }
    assert_eq!(setting.fetches(), 0);
    let lenient = Setting::with(|policy| policy.required = false);
    let none = token(&lenient.issuer, &good()).await;
    assert_eq!(lenient.validate(&none).await, Ok(()));
    lenient.publish(&lenient.list()).await;
    assert_eq!(lenient.validate(&lenient.token(1).await).await, Err(ValidateError::Revoked));
}

/// S17: nothing is fetched for a token that is not good otherwise, nor from where nothing may be fetched.
#[tokio::test]
async fn s17_only_a_good_token_makes_the_resource_fetch() {
    let setting = Setting::new();
    setting.publish(&setting.list()).await;
    let listed = json!({ "status_list": { "idx": 0, "uri": URI } });
    let mut claims = good();
    claims["status"] = listed.clone();
    let forged = token(&signer(), &claims).await;
    claims["aud"] = "https://other.example".into();
    let for_others = token(&setting.issuer, &claims).await;
    claims["aud"] = API.into();
    claims["exp"] = (NOW.unix_timestamp() - 60).into();
    let expired = token(&setting.issuer, &claims).await;
    for bad in [forged, for_others, expired] {
        assert!(setting.validate(&bad).await.is_err());
    }
    for uri in ["http://id.example/status/one", "https://127.0.0.1/status", "file:///etc/passwd", "x", ""] {
        let token = setting.token_with(&json!({ "status_list": { "idx": 0, "uri": uri } })).await;
        assert_eq!(setting.validate(&token).await, Err(ValidateError::StatusUnknown), "{uri}");
    }
    assert_eq!(setting.fetches(), 0);
}

/// RFC 8725, section 3.8: an issuer's list says nothing of another's tokens.
#[tokio::test]
async fn one_issuers_list_says_nothing_of_anothers_tokens() {
    let setting = Setting::new();
    let other = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let validator =
        setting.validator.clone().with_issuer("https://other.example".parse().unwrap(), keys(&other));
    setting.publish(&setting.list()).await;
    let ours = setting.token(0).await;
    assert!(validator.validate_or_fetch(&ours, NOW).await.is_ok());
    let mut claims = good();
    claims["iss"] = "https://other.example".into();
    claims["status"] = json!({ "status_list": { "idx": 0, "uri": URI } });
    let theirs = token(&other, &claims).await;
    assert_eq!(validator.validate_or_fetch(&theirs, NOW).await.unwrap_err(), ValidateError::StatusUnknown);
    assert!(validator.validate_or_fetch(&ours, NOW).await.is_ok(), "and takes none away");
}

/// Many lists cannot take all memory.
#[tokio::test]
async fn lists_are_bounded() {
    let setting = Setting::with(|policy| policy.max_lists = 2);
    for number in 0..5 {
        let uri = format!("https://id.example/status/{number}");
        let mut claims = setting.list();
        claims["sub"] = uri.as_str().into();
        let body = sign(&setting.issuer, "statuslist+jwt", &claims).await.unwrap();
        let response = http::Response::builder().header("content-type", "application/statuslist+jwt");
        setting.outside.answer(&uri, response.body(Bytes::from(body)).unwrap());
        let token = setting.token_with(&json!({ "status_list": { "idx": 0, "uri": uri } })).await;
        assert_eq!(setting.validate(&token).await, Ok(()));
        assert!(setting.checker.lists() <= 2);
    }
}

/// The lists of a server of this crate, as a resource of this crate reads them: over HTTP from one to the other.
#[tokio::test]
async fn a_resource_learns_of_a_revocation() {
    let lists = |builder: ciam_oauth::ServerBuilder| {
        super::with_vault(builder).status_lists(ciam_oauth::status_list::StatusListSettings::new())
    };
    let world = super::prepare(crate::support::World::with(lists).await).await;
    let tokens = super::person(&world).await.tokens_at(&world, "shop", API).await;
    let uri = super::claims(&tokens.access)["status"]["status_list"]["uri"].as_str().unwrap().to_owned();
    let outside = MemoryHttpClient::new();
    let fetched = async || {
        let path = uri.strip_prefix(ISSUER).unwrap();
        let request = http::Request::get(path).body(Bytes::new()).unwrap();
        let response = world.server.handle(request, &super::peer()).await;
        outside.answer(&uri, response);
    };
    let jwks =
        ciam_core::jose::PublicJwkSet::try_from(super::get(&world.server, "/jwks").await.body).unwrap();
    let keys = KeySet::from_jwks(&*crypto::ring(), &jwks).unwrap();
    let ports = world.ports.clone().with_http_client(Arc::new(outside.clone()));
    let validator =
        Validator::new(ISSUER.parse().unwrap(), API, keys).with_status_checks(StatusChecker::new(ports));
    fetched().await;
    assert!(validator.validate_or_fetch(&tokens.access, world.ports.now()).await.is_ok());
    assert_eq!(super::revoke(&world, "shop", &tokens.access).await.status, 200);
    world.clock.advance(Duration::seconds(60));
    fetched().await;
    let refused = validator.validate_or_fetch(&tokens.access, world.ports.now()).await.unwrap_err();
    assert_eq!(refused, ValidateError::Revoked);
    assert_eq!(refused.code(), Some("invalid_token"));
}
