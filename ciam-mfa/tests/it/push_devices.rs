//! Devices for approvals: two answers at the same moment, devices that were withdrawn, keys that are bound to an algorithm.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::Owner;
use ciam_core::credential::CredentialState;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, LocalSigner, sign_with_header};
use ciam_core::journey::{Answer, Step};
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, Write};
use ciam_mfa::manage::FactorError;
use ciam_mfa::push::{PushApprovals, PushStatus};
use futures_util::future::join;
use serde_json::{Map, Value, json};
use time::Duration;

use crate::push::{Phone, asked, code, number, world};

/// Short-lived state at which somebody else comes in between a look and what is done after it.
#[derive(Debug)]
struct Far(Ports);

#[async_trait]
impl Ephemeral for Far {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.0.ephemeral().put(key, value, ttl).await
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let found = self.0.ephemeral().get(key).await;
        tokio::task::yield_now().await;
        found
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.0.ephemeral().take(key).await
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.0.ephemeral().put_if_absent(key, value, ttl).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        self.0.ephemeral().increment(key, window).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.0.ephemeral().compare_and_swap(key, old, new, ttl).await
    }
}

/// Both have looked before either has answered, such as on two nodes.
#[tokio::test]
async fn of_an_approval_and_a_denial_at_the_same_moment_one_counts() {
    for decisions in [["approve", "deny"], ["deny", "approve"]] {
        let (world, _) = world().await;
        let (phone, _) = Phone::registered(&world).await;
        let (browser, handle, data) = asked(&world).await;
        let request = phone.look(&world).await.unwrap().unwrap();
        let [one, other] = decisions.map(|decision| phone.message(&request, decision, number(&data)));
        let (one, other) = (one.await, other.await);
        let far = Far(world.ports.clone());
        let approvals = PushApprovals::new(world.ports.clone().with_ephemeral(Arc::new(far)));
        let (one, other) = join(approvals.answer(&one), approvals.answer(&other)).await;
        assert!(one.is_ok(), "{decisions:?}: {one:?}");
        assert_eq!(code(other), "over", "{decisions:?}");
        let approved = decisions[0] == "approve";
        let expected = if approved { PushStatus::Approved } else { PushStatus::Over };
        assert_eq!(approvals.status(&request.request).await.unwrap(), expected);
        let step = world.answer(&browser, &handle, Answer::factor("push", json!({}))).await;
        assert_eq!(matches!(step, Step::Done(_)), approved, "{step:?}");
    }
}

#[tokio::test]
async fn a_device_that_is_not_in_use_is_asked_nothing_and_says_nothing() {
    for state in [CredentialState::Pending, CredentialState::Revoked] {
        let (world, kept) = world().await;
        let (first, _) = Phone::registered(&world).await;
        let second = first.another(&world).await;
        asked(&world).await;
        assert_eq!(kept.0.lock().unwrap().len(), 2, "both are woken");

        let all = world.credentials(&first.account).await;
        let mut withdrawn = all.into_iter().map(|it| it.value).find(|it| it.id == second.device).unwrap();
        withdrawn.state = state;
        let batch = Batch::new().write(Write::PutCredential(withdrawn));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
        let (_, _, data) = asked(&world).await;
        let woken: Vec<_> = kept.0.lock().unwrap()[2..].iter().map(|it| it.device).collect();
        assert_eq!(woken, [first.device], "{state:?}");
        assert!(second.look(&world).await.is_err(), "{state:?}");
        let request = first.look(&world).await.unwrap().unwrap();
        assert_eq!(code(second.says(&world, &request, "approve", number(&data)).await), "refused");
        assert!(first.says(&world, &request, "approve", number(&data)).await.is_ok());
    }
}

/// An RSA key fits two algorithms: one that says which is for no other.
#[tokio::test]
async fn a_key_that_is_bound_to_an_algorithm_signs_by_no_other() {
    let pkcs8 = include_bytes!("../data/rsa.pk8");
    for (bound, right) in [(None, true), (Some("RS256"), true), (Some("PS256"), false)] {
        let (world, _) = world().await;
        let account = world.account("ada@example.com").await;
        let current = world.signed_in("ada@example.com").await;
        let owner = Owner::new(&current);
        let signer =
            |algorithm| LocalSigner::from_pkcs8(world.ports.crypto(), algorithm, pkcs8.as_slice()).unwrap();
        let offer = world.factors.begin_push(&owner).await.unwrap();
        let mut jwk = serde_json::to_value(signer(Algorithm::Rs256).public_jwk().unwrap()).unwrap();
        match bound {
            Some(bound) => jwk["alg"] = Value::from(bound),
            None => drop(jwk.as_object_mut().unwrap().remove("alg")),
        }
        let header = Map::from_iter([("jwk".to_owned(), jwk)]);
        let claims = json!({ "challenge": offer.challenge, "address": "fcm:1" });
        let typ = "ciam-push-register+jwt";
        let message = sign_with_header(&signer(Algorithm::Rs256), typ, &header, &claims).await.unwrap();
        let registered = world.factors.confirm_push(&owner, &offer.enrolment, &message, "").await;
        if !right {
            assert!(matches!(registered, Err(FactorError::Code)), "{registered:?}");
            continue;
        }
        // What it was registered by holds from then on.
        let device = registered.unwrap().device;
        for (algorithm, right) in [(Algorithm::Rs256, true), (Algorithm::Ps256, bound.is_none())] {
            let phone = Phone { signer: signer(algorithm), account: account.clone(), device };
            assert_eq!(phone.look(&world).await.is_ok(), right, "{bound:?} {algorithm:?}");
        }
    }
}
