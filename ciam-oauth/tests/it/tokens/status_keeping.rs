//! What a resource keeps of the lists, for how long, and how often it fetches them: draft-ietf-oauth-status-list-21, section 13.7.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::jose::{Algorithm, LocalSigner, PublicJwkSet, RemoteKeys, sign};
use ciam_core::memory;
use ciam_core::testkit::SeededEntropy;
use ciam_oauth::status_list::{StatusBits, StatusList, TokenStatus};
use ciam_oauth::validate::{ValidateError, Validator};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use time::Duration;
use tokio::sync::Semaphore;

use super::API;
use super::status_checks::{Setting, URI};
use super::validate::{good, keys, token};
use crate::support::ISSUER;

fn list_response(body: String) -> http::Response<Bytes> {
    let response = http::Response::builder().header("content-type", "application/statuslist+jwt");
    response.body(Bytes::from(body)).unwrap()
}

impl Setting {
    /// Serves a list at an address of its own, for so long, and gives a token that is in it.
    async fn kept(&self, name: &str, ttl: u64) -> String {
        let uri = format!("https://id.example/status/{name}");
        let mut claims = self.list();
        claims["sub"] = uri.as_str().into();
        claims["ttl"] = ttl.into();
        claims["exp"] = (self.now() + Duration::days(1)).unix_timestamp().into();
        let body = sign(&self.issuer, "statuslist+jwt", &claims).await.unwrap();
        self.outside.answer(&uri, list_response(body));
        self.token_with(&json!({ "status_list": { "idx": 0, "uri": uri } })).await
    }

    /// Serves the list only to as many requests as are let through.
    async fn serve_slowly(&self, through: usize) -> Arc<Semaphore> {
        let body = sign(&self.issuer, "statuslist+jwt", &self.list()).await.unwrap();
        let gate = Arc::new(Semaphore::new(through));
        let kept = Arc::clone(&gate);
        self.outside.serve("id.example", move |_| {
            let (gate, body) = (Arc::clone(&gate), body.clone());
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                list_response(body)
            })
        });
        kept
    }
}

/// Section 5.1: `ttl` is optional. Without it the host's own time counts, not the longest that a list could say.
#[tokio::test]
async fn section_5_1_a_list_without_a_ttl() {
    let setting = Setting::new();
    let mut claims = setting.list();
    for optional in ["ttl", "exp"] {
        claims.as_object_mut().unwrap().remove(optional);
    }
    setting.counts_for(&claims, Duration::seconds(299), Duration::SECOND).await;
}

/// A list may be larger than other tokens are.
#[tokio::test]
async fn a_large_list_is_read() {
    let setting = Setting::new();
    let mut list = StatusList::new(StatusBits::Eight, 1 << 16);
    for index in 1..1_u32 << 16 {
        // Nothing that could be compressed.
        let [number, ..] = crypto::sha256(&index.to_be_bytes());
        list.set(index as usize, TokenStatus::Other(number.max(4)));
    }
    let mut claims = setting.list();
    claims["status_list"] = json!({ "bits": 8, "lst": list.compress() });
    assert!(claims.to_string().len() > 16_384, "larger than what a JWS may be otherwise");
    setting.publish(&claims).await;
    assert_eq!(setting.validate(&setting.token(0).await).await, Ok(()));
    assert_eq!(setting.validate(&setting.token(1).await).await, Err(ValidateError::Revoked));
}

/// The issuer has changed its key, and the list is the first that the resource sees of it.
#[tokio::test]
async fn a_list_that_is_signed_with_a_new_key() {
    let setting = Setting::new();
    let second = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let ports = memory::ports_with(setting.clock.clone(), Arc::new(SeededEntropy::new(2)))
        .with_http_client(Arc::new(setting.outside.clone()));
    let publish = |signers: &[&LocalSigner]| {
        let set = PublicJwkSet::new(signers.iter().map(|signer| signer.public_jwk().unwrap()).collect());
        let response = http::Response::builder().header("content-type", "application/json");
        let body = Bytes::from(serde_json::to_vec(&set).unwrap());
        setting.outside.answer("https://id.example/jwks", response.body(body).unwrap());
    };
    publish(&[&setting.issuer]);
    let remote = RemoteKeys::new(ports, "https://id.example/jwks");
    let validator =
        Validator::new(ISSUER.parse().unwrap(), API, remote).with_status_checks(setting.checker.clone());
    setting.publish(&setting.list()).await;
    let token = setting.token(0).await;
    assert!(validator.validate_or_fetch(&token, setting.now()).await.is_ok());
    setting.clock.advance(Duration::minutes(2));
    publish(&[&setting.issuer, &second]);
    setting.publish_as(&second, "statuslist+jwt", &setting.list()).await;
    assert!(validator.validate_or_fetch(&token, setting.now()).await.is_ok());
    // What no key of the issuer signed is none of its lists, however often keys are fetched.
    setting.clock.advance(Duration::minutes(2));
    let stranger = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    setting.publish_as(&stranger, "statuslist+jwt", &setting.list()).await;
    let refused = validator.validate_or_fetch(&token, setting.now()).await.unwrap_err();
    assert_eq!(refused, ValidateError::StatusUnknown);
}

/// That a list of one issuer is newer says nothing against a list of another at the same address.
#[tokio::test]
async fn a_newer_list_of_another_issuer_is_replaced() {
    let setting = Setting::new();
    let other = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let validator =
        setting.validator.clone().with_issuer("https://other.example".parse().unwrap(), keys(&other));
    setting.publish(&setting.list()).await;
    let ours = setting.token(0).await;
    assert!(validator.validate_or_fetch(&ours, setting.now()).await.is_ok());
    let mut older = setting.list();
    older["iat"] = (setting.now().unix_timestamp() - 30).into();
    setting.publish_as(&other, "statuslist+jwt", &older).await;
    setting.clock.advance(Duration::seconds(6));
    let mut claims: Value = good();
    claims["iss"] = "https://other.example".into();
    claims["status"] = json!({ "status_list": { "idx": 0, "uri": URI } });
    let theirs = token(&other, &claims).await;
    assert!(validator.validate_or_fetch(&theirs, setting.now()).await.is_ok());
}

/// What does not count any more is not kept, though there is room.
#[tokio::test]
async fn lists_of_the_past_are_not_kept() {
    let setting = Setting::new();
    assert_eq!(setting.validate(&setting.kept("one", 60).await).await, Ok(()));
    setting.clock.advance(Duration::minutes(2));
    assert_eq!(setting.validate(&setting.kept("two", 60).await).await, Ok(()));
    assert_eq!(setting.checker.lists(), 1);
}

/// Where there is no room, the list goes that would have to be fetched first; and none goes for one that is there already.
#[tokio::test]
async fn which_list_makes_room() {
    let setting = Setting::with(|policy| policy.max_lists = 2);
    let long = setting.kept("long", 400).await;
    let short = setting.kept("short", 350).await;
    for token in [&long, &short] {
        assert_eq!(setting.validate(token).await, Ok(()));
    }
    setting.clock.advance(Duration::seconds(310));
    assert_eq!(setting.validate(&long).await, Ok(()), "it was due");
    assert_eq!((setting.fetches(), setting.checker.lists()), (3, 2));
    let third = setting.kept("third", 400).await;
    assert_eq!(setting.validate(&third).await, Ok(()));
    let here = |token: &str| setting.validator.validate(token, setting.now()).map(drop);
    assert_eq!((here(&long), here(&third)), (Ok(()), Ok(())));
    assert_eq!(here(&short), Err(ValidateError::StatusUnknown));
}

/// Who waited for somebody else's fetch has what that brought, and fetches nothing.
#[tokio::test]
async fn many_who_need_a_list_fetch_it_once() {
    let setting = Setting::with(|policy| policy.cooldown = Duration::ZERO);
    let gate = setting.serve_slowly(0).await;
    let token = setting.token(0).await;
    let all = futures_util::future::join_all((0..5).map(|_| setting.validate(&token)));
    let (all, ()) = tokio::join!(all, async { gate.add_permits(5) });
    assert_eq!(all, vec![Ok(()); 5]);
    assert_eq!(setting.fetches(), 1);
}

/// A list that is due is good enough for everybody but the one who fetches the next.
#[tokio::test]
async fn nobody_waits_for_a_list_that_is_due() {
    let setting = Setting::new();
    let gate = setting.serve_slowly(1).await;
    let token = setting.token(0).await;
    assert_eq!(setting.validate(&token).await, Ok(()));
    setting.clock.advance(Duration::seconds(46));
    let mut first = Box::pin(setting.validate(&token));
    assert_eq!((&mut first).now_or_never(), None, "it fetches");
    assert_eq!(setting.validate(&token).now_or_never(), Some(Ok(())));
    gate.add_permits(1);
    assert_eq!((first.await, setting.fetches()), (Ok(()), 2));
}
