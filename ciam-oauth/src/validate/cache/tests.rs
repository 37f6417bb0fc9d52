use std::sync::atomic::{AtomicU64, Ordering};

use ciam_core::crypto;
use ciam_core::entropy::SystemEntropy;
use ciam_core::jose::{Algorithm, KeySet, LocalSigner, sign};
use serde_json::json;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::issuer::Issuer;
use crate::validate::{Denied, DenyList};

fn issuer() -> Issuer {
    "https://id.example".parse().unwrap()
}

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

struct Setting {
    signer: LocalSigner,
    next: AtomicU64,
}

impl Setting {
    fn new() -> Self {
        let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::EdDsa).unwrap();
        Self { signer, next: AtomicU64::new(0) }
    }

    fn validator(&self) -> Validator {
        let keys = KeySet::from(self.signer.verification_key(&*crypto::ring()).unwrap());
        Validator::new("https://id.example".parse().unwrap(), "https://api.example", keys)
    }

    fn caching(&self, capacity: usize, keeps: Recognition) -> CachingValidator {
        let policy = TokenCachePolicy { capacity, keeps };
        CachingValidator::new(self.validator(), policy, &SystemEntropy::new()).unwrap()
    }

    async fn token(&self, subject: &str) -> String {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let claims = json!({
            "iss": "https://id.example", "aud": "https://api.example", "sub": subject, "client_id": "shop",
            "jti": id.to_string(), "sid": format!("session of {subject}"),
            "iat": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 600,
        });
        sign(&self.signer, "at+jwt", &claims).await.unwrap()
    }
}

#[tokio::test]
async fn the_second_time_is_a_hit_with_the_same_claims() {
    let setting = Setting::new();
    for keeps in [Recognition::WholeToken, Recognition::Digest] {
        let caching = setting.caching(64, keeps);
        let token = setting.token("alice").await;
        let first = caching.validate(&token, NOW).unwrap();
        assert!(!first.was_cached());
        let second = caching.validate(&token, NOW).unwrap();
        assert!(second.was_cached());
        assert_eq!((first.subject(), first.id()), (second.subject(), second.id()));
        assert_eq!(second.into_shared().subject(), "alice");
    }
}

/// The same header, the same length, another signature: never taken for the one that was seen.
#[tokio::test]
async fn a_token_that_only_looks_like_one_is_not_a_hit() {
    let setting = Setting::new();
    for keeps in [Recognition::WholeToken, Recognition::Digest] {
        let caching = setting.caching(1, keeps);
        let token = setting.token("alice").await;
        caching.validate(&token, NOW).unwrap();
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] ^= 1;
            let Ok(altered) = String::from_utf8(altered) else { continue };
            assert!(caching.validate(&altered, NOW).is_err(), "byte {at}");
        }
    }
}

#[tokio::test]
async fn an_entry_does_not_outlive_its_token() {
    let setting = Setting::new();
    let caching = setting.caching(64, Recognition::WholeToken);
    let token = setting.token("alice").await;
    caching.validate(&token, NOW).unwrap();
    let end = NOW + Duration::minutes(10);
    assert!(caching.validate(&token, end + Duration::seconds(9)).unwrap().was_cached());
    assert_eq!(caching.validate(&token, end + Duration::seconds(10)).unwrap_err(), ValidateError::Expired);
}

#[tokio::test]
async fn an_entry_does_not_outlive_revocation() {
    let setting = Setting::new();
    for what in ["token", "session", "subject"] {
        let list = Arc::new(DenyList::new());
        let validator = setting.validator().with_deny_list(Arc::clone(&list));
        let policy = TokenCachePolicy::default();
        let caching = CachingValidator::new(validator, policy, &SystemEntropy::new()).unwrap();
        let (token, other) = (setting.token("alice").await, setting.token("bob").await);
        let id = caching.validate(&token, NOW).unwrap().id().unwrap().to_owned();
        caching.validate(&other, NOW).unwrap();
        let denied = match what {
            "token" => Denied::Token(id),
            "session" => Denied::Session("session of alice".to_owned()),
            _ => Denied::Subject("alice".to_owned(), NOW),
        };
        assert_eq!(list.deny(&issuer(), [(denied, NOW + Duration::minutes(10))], NOW), 0);
        assert_eq!(caching.validate(&token, NOW).unwrap_err(), ValidateError::Revoked, "{what}");
        assert!(caching.validate(&other, NOW).unwrap().was_cached(), "{what}");
    }
}

#[tokio::test]
async fn tokens_issued_after_a_subject_was_denied_pass() {
    let setting = Setting::new();
    let list = Arc::new(DenyList::new());
    let validator = setting.validator().with_deny_list(Arc::clone(&list));
    let token = setting.token("alice").await;
    let before = Denied::Subject("alice".to_owned(), NOW - Duration::seconds(1));
    list.deny(&issuer(), [(before, NOW + Duration::minutes(10))], NOW);
    assert!(validator.validate(&token, NOW).is_ok());
}

#[test]
fn the_deny_list_forgets_what_can_no_longer_live() {
    let list = DenyList::new();
    let until = |minutes| NOW + Duration::minutes(minutes);
    list.deny(
        &issuer(),
        [(Denied::Token("1".to_owned()), until(1)), (Denied::Token("2".to_owned()), until(3))],
        NOW,
    );
    assert_eq!(list.len(), 2);
    list.deny(&issuer(), [(Denied::Session("3".to_owned()), until(5))], until(2));
    assert_eq!(list.len(), 2);
    list.deny(&issuer(), [], until(6));
    assert!(list.is_empty());
}

/// Whoever has many good tokens takes the places of their own, not of others.
#[tokio::test]
async fn one_subject_cannot_push_the_others_out() {
    let setting = Setting::new();
    let caching = setting.caching(8, Recognition::WholeToken);
    let mut others = Vec::new();
    for subject in ["a", "b", "c", "d", "e", "f", "g"] {
        let token = setting.token(subject).await;
        caching.validate(&token, NOW).unwrap();
        others.push(token);
    }
    for _ in 0..200 {
        caching.validate(&setting.token("mallory").await, NOW).unwrap();
    }
    for token in &others {
        assert!(caching.validate(token, NOW).unwrap().was_cached());
    }
}

#[tokio::test]
async fn memory_is_bounded_and_what_is_pushed_out_is_validated_again() {
    let setting = Setting::new();
    let caching = setting.caching(16, Recognition::WholeToken);
    let mut tokens = Vec::new();
    for number in 0..200 {
        tokens.push(setting.token(&number.to_string()).await);
    }
    for token in tokens.iter().chain(&tokens) {
        caching.validate(token, NOW).unwrap();
    }
    let mut cached = 0;
    for token in tokens.iter().rev().take(64) {
        cached += u32::from(caching.validate(token, NOW).unwrap().was_cached());
    }
    assert!(cached < 64);
}

/// Other keys, other tokens: nothing that the old keys verified is believed.
#[tokio::test]
async fn an_entry_does_not_outlive_its_keys() {
    let (setting, newer) = (Setting::new(), Setting::new());
    let caching = setting.caching(64, Recognition::WholeToken);
    let token = setting.token("alice").await;
    caching.validate(&token, NOW).unwrap();
    // The same table in front of a validator whose issuer has replaced its keys.
    let replaced = CachingValidator { validator: newer.validator(), table: Arc::clone(&caching.table) };
    assert!(replaced.validate(&token, NOW).is_err());
}
