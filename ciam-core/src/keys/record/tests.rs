use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::crypto::PublicKey;
use crate::store::Record;

const START: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

fn key(number: u8) -> PublicJwk {
    PublicJwk::new(PublicKey::Ed25519(vec![number; 32])).with_kid(format!("k{number}"))
}

fn sealed() -> Sealed {
    Sealed::from_text("sealed")
}

fn states(keys: &AlgorithmKeys) -> Vec<(&str, &'static str)> {
    keys.keys.iter().map(|key| (key.kid(), key.state.name())).collect()
}

#[test]
fn keys_succeed_each_other_without_a_gap() {
    let policy = KeyPolicy::default();
    let mut keys = AlgorithmKeys::new(Algorithm::EdDsa);
    assert!(keys.wants_key(START, &policy));
    keys.add(key(1), sealed(), START, &policy);
    assert_eq!(states(&keys), [("k1", "current")]);

    // One day before the rotation the successor is published.
    let publish = START + Duration::days(89);
    assert_eq!(keys.next_due(&policy), Some(publish));
    assert!(!keys.wants_key(publish - Duration::SECOND, &policy));
    assert!(keys.wants_key(publish, &policy));
    keys.add(key(2), sealed(), publish, &policy);
    assert_eq!(states(&keys), [("k1", "current"), ("k2", "pending")]);
    assert!(!keys.wants_key(publish + Duration::days(1000), &policy), "one successor is enough");

    let rotate = publish + policy.publish_ahead;
    assert_eq!(keys.next_due(&policy), Some(rotate));
    assert_eq!(keys.advance(rotate - Duration::SECOND, &policy), []);
    assert_eq!(keys.advance(rotate, &policy).len(), 2);
    assert_eq!(states(&keys), [("k1", "retiring"), ("k2", "current")]);
    assert!(keys.find("k1").unwrap().material.is_none(), "what signs no more cannot sign");
    assert!(keys.find("k2").unwrap().material.is_some());

    let retired = rotate + policy.retire_for();
    assert_eq!(keys.next_due(&policy), Some(retired));
    keys.advance(retired - Duration::SECOND, &policy);
    assert_eq!(states(&keys), [("k1", "retiring"), ("k2", "current")]);
    keys.advance(retired, &policy);
    assert_eq!(states(&keys), [("k1", "retired"), ("k2", "current")]);

    keys.advance(retired + policy.remember - Duration::SECOND, &policy);
    assert_eq!(keys.keys.len(), 2);
    keys.advance(retired + policy.remember, &policy);
    assert_eq!(states(&keys), [("k2", "current")]);
}

#[test]
fn a_rotation_that_was_slept_through_still_publishes_first() {
    let policy = KeyPolicy::default();
    let mut keys = AlgorithmKeys::new(Algorithm::EdDsa);
    keys.add(key(1), sealed(), START, &policy);
    let late = START + Duration::days(400);
    assert_eq!(keys.advance(late, &policy), []);
    assert!(keys.wants_key(late, &policy));
    keys.add(key(2), sealed(), late, &policy);
    assert_eq!(states(&keys), [("k1", "current"), ("k2", "pending")]);
    keys.advance(late + policy.publish_ahead, &policy);
    assert_eq!(states(&keys), [("k1", "retiring"), ("k2", "current")]);
}

#[test]
fn a_withdrawn_key_is_replaced_by_the_one_that_waits() {
    let policy = KeyPolicy::default();
    let mut keys = AlgorithmKeys::new(Algorithm::EdDsa);
    keys.add(key(1), sealed(), START, &policy);
    keys.add(key(2), sealed(), START, &policy);
    assert_eq!(keys.withdraw("other", START).unwrap(), []);
    assert_eq!(keys.withdraw("k1", START).unwrap().len(), 2);
    assert_eq!(states(&keys), [("k1", "retired"), ("k2", "current")]);
    assert!(keys.find("k1").unwrap().material.is_none());
    assert_eq!(keys.withdraw("k1", START).unwrap(), [], "again is no change");
    keys.withdraw("k2", START).unwrap();
    assert_eq!(states(&keys), [("k1", "retired"), ("k2", "retired")]);
    assert!(keys.wants_key(START, &policy));
}

#[test]
fn the_stored_form_is_stable() {
    let policy = KeyPolicy::default();
    let mut keys = AlgorithmKeys::new(Algorithm::EdDsa);
    keys.add(key(1), sealed(), START, &policy);
    keys.add(key(2), sealed(), START, &policy);
    let record = Record::encode(&keys).unwrap();
    assert_eq!((record.key.as_str(), record.kind.name(), record.schema), ("EdDSA", "core.signing_keys", 1));
    let body: serde_json::Value = serde_json::from_str(&record.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({ "algorithm": "EdDSA", "keys": [
            {
                "jwk": {
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "k1",
                    "x": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
                },
                "state": "current", "since": 1_767_268_800, "material": "sealed",
            },
            {
                "jwk": {
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "k2",
                    "x": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
                },
                "state": "pending", "since": 1_767_268_800, "activate_at": 1_767_355_200, "material": "sealed",
            },
        ] })
    );
    assert_eq!(record.decode::<AlgorithmKeys>().unwrap(), keys);
}

fn count(keys: &AlgorithmKeys, state: &str) -> usize {
    keys.keys.iter().filter(|key| key.state.name() == state).count()
}

#[derive(Clone, Debug)]
enum Action {
    Wait(i64),
    Advance,
    AddIfWanted,
    Import,
    Withdraw(u8),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0_i64..60 * 24 * 30).prop_map(Action::Wait),
        4 => Just(Action::Advance),
        3 => Just(Action::AddIfWanted),
        1 => Just(Action::Import),
        1 => any::<u8>().prop_map(Action::Withdraw),
    ]
}

proptest! {
    /// Whatever happens in whatever order: one key signs, its successor was published first, and a key that signed is
    /// published until its tokens have expired, unless it was withdrawn.
    #[test]
    fn the_promises_hold(actions in prop::collection::vec(action(), 1..80)) {
        let policy = KeyPolicy::default();
        let (mut now, mut next) = (START, 1_u8);
        let mut keys = AlgorithmKeys::new(Algorithm::EdDsa);
        for action in actions {
            let before = keys.clone();
            let mut withdrawn = false;
            match action {
                Action::Wait(minutes) => now += Duration::minutes(minutes),
                Action::Advance => { keys.advance(now, &policy); }
                Action::AddIfWanted if !keys.wants_key(now, &policy) => {}
                Action::Import if keys.has_successor() => {}
                Action::AddIfWanted | Action::Import => {
                    keys.add(key(next), sealed(), now, &policy);
                    next += 1;
                }
                Action::Withdraw(number) => {
                    keys.withdraw(&format!("k{}", number % next), now).unwrap();
                    withdrawn = true;
                }
            }
            prop_assert!(count(&keys, "current") <= 1 && count(&keys, "pending") <= 1);
            for key in &keys.keys {
                let signs_or_will = matches!(key.state, KeyState::Pending { .. } | KeyState::Current { .. });
                prop_assert_eq!(key.material.is_some(), signs_or_will);
                let was = before.find(key.kid()).map(|key| key.state);
                if key.state.is_current() && before.current().is_some() && was != Some(key.state) && !withdrawn {
                    let Some(KeyState::Pending { since, .. }) = was else { panic!("{was:?}") };
                    prop_assert!(now - since >= policy.publish_ahead);
                }
            }
            for key in &before.keys {
                let is = keys.find(key.kid()).map(|key| key.state);
                let retired = matches!(is, Some(KeyState::Retired { withdrawn: false, .. }));
                if let (KeyState::Retiring { since, .. }, true) = (key.state, retired) {
                    prop_assert!(now - since >= policy.token_lifetime + policy.max_stale);
                }
                if is.is_none() {
                    prop_assert_eq!(key.state.name(), "retired", "{} is gone", key.kid());
                }
            }
            prop_assert!(before.current().is_none() || withdrawn || keys.current().is_some());
        }
    }
}
