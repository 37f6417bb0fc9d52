//! A sign-in that an identity elsewhere has begun: it goes on with what the upstream has proved.

use super::conclude::{Outcome, Proving};
use super::service::Journeys;
use super::sign_in::Asked;
use super::state::{Goal, JourneyHandle, Stage};
use super::step::{RefusalReason, Step};
use super::types::{JourneyError, Requirements, Visitor};
use crate::account::federated::{FederatedIdentity, UpstreamIdentity};
use crate::factor::FactorProof;
use crate::store;

impl Journeys {
    /// Goes on from an identity elsewhere whose upstream's answer has been verified, and which is linked to an account: see
    /// [`Accounts::join`](crate::account::Accounts::join). What the upstream has proved counts as proved here; further
    /// factors, terms and the profile are asked for as after any other first factor.
    ///
    /// # Errors
    ///
    /// Fails when the account kept changing meanwhile, and when a port fails. An identity that is linked to no account, or to
    /// one that may not sign in, is [`Step::Refused`].
    pub async fn begin_federated(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
        identity: &UpstreamIdentity,
    ) -> Result<(JourneyHandle, Step), JourneyError> {
        let (handle, _question) = self.begin(visitor, requirements, Stage::Credentials, None).await?;
        let mut journey = self.read(&handle).await?;
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let key = identity.id(&self.ports).await?.to_text();
            let link = store::load::<FederatedIdentity>(self.ports.store(), &key).await?;
            let account = link.map(|link| link.value.account);
            let found = match account {
                Some(account) => self.found(account).await?,
                None => None,
            };
            let asked = Asked { account, ..Asked::of(Goal::Session, found.as_ref(), &journey) };
            let risk = self.assess(visitor, asked).await;
            let open = found.filter(|found| Goal::Session.is_open_to(&found.account.value, self.ports.now()));
            let (Some(found), Some((last, earlier))) = (open, identity.proofs.split_last()) else {
                let step = self.refuse(&journey, None, &risk).await?;
                return Ok((handle, step));
            };
            let subject = found.account.value.event_subject();
            let proving =
                Proving { proofs: earlier.to_vec(), ..Proving::begun(found, Goal::Session, risk.clone()) };
            let proof = FactorProof::new(last.clone());
            match self.proved(&handle, visitor, &journey, current.as_ref(), proving, proof).await? {
                Outcome::Next(step) => return Ok((handle, *step)),
                Outcome::OutOfReach => {
                    self.record_refusal(subject, &risk).await?;
                    let step = self.refused(&journey, RefusalReason::Credentials);
                    return Ok((handle, step));
                }
                Outcome::Raced(restored) => {
                    journey = *restored;
                    current = self.look_again(current).await?;
                }
            }
        }
        Err(JourneyError::Changed)
    }
}
