//! A factor that a host plugs in: a PIN that is good once.

use async_trait::async_trait;
use ciam_core::account::Account;
use ciam_core::assurance::{Acr, Amr, FactorKind, Proof};
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use ciam_core::id::CredentialId;
use ciam_core::journey::{Answer, Requirements};
use ciam_core::store::{Batch, EntityRef, Write};
use serde_json::{Value, json};

use crate::world::World;

/// A one-time PIN, as a host would plug in its own factor.
#[derive(Debug)]
pub(crate) struct Pin;

#[async_trait]
impl Factor for Pin {
    fn name(&self) -> &'static str {
        "pin"
    }

    fn kinds(&self) -> &'static [FactorKind] {
        &[FactorKind::Possession]
    }

    async fn challenge(&self, _: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        Ok(FactorChallenge::new(json!({ "hint": "four digits" }), json!({ "salt": 1 })))
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        let credential =
            subject.credentials.iter().find(|credential| credential.value.factor == "pin").unwrap();
        if state["salt"] != 1 || credential.value.data["pin"] != *answer {
            return Ok(None);
        }
        // Single use: the counter moves in the session's commit.
        let mut used = credential.value.clone();
        used.counter = 1;
        let batch = Batch::new()
            .require(ciam_core::store::Precondition::CounterBelow(EntityRef::Credential(used.id), 1))
            .write(Write::PutCredential(used));
        let proof = Proof::new(Amr::OTP, [FactorKind::Possession], subject.ports.now());
        Ok(Some(FactorProof::new(proof).with_batch(batch)))
    }
}

pub(crate) async fn enrol_pin(world: &World, account: &Account) {
    let id = CredentialId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
    let pin = Credential::new(id, account.id, "pin", json!({ "pin": "4711" }), world.ports.now());
    assert!(
        world.ports.store().commit(Batch::new().write(Write::PutCredential(pin))).await.unwrap().is_applied()
    );
}

pub(crate) fn wants_aal2() -> Requirements {
    let mut requirements = Requirements::default();
    requirements.acr_values = vec![Acr::new("urn:ciam:acr:aal2")];
    requirements
}

pub(crate) fn pin(digits: &str) -> Answer {
    Answer::Factor { factor: "pin".to_owned(), response: json!(digits) }
}
