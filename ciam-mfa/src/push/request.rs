//! A request, between the question and what came of it.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, TokenDigest};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// A request as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) account: AccountId,
    /// What the app signs.
    pub(super) challenge: String,
    /// What the page shows.
    pub(super) number: u8,
    /// Who may answer.
    pub(super) devices: Vec<CredentialId>,
    pub(super) state: State,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Pending,
    Approved(CredentialId),
    Denied,
}

impl Request {
    /// A request for an account, and its name.
    pub(super) fn new(
        ports: &Ports,
        account: AccountId,
        devices: Vec<CredentialId>,
        lifetime: Duration,
    ) -> Result<(Secret, Self), PortError> {
        let name = Secret::random(ports.entropy())?;
        let challenge = Secret::random(ports.entropy())?.expose().to_owned();
        let number = number(ports)?;
        let expires_at = ports.now() + lifetime;
        Ok((name, Self { account, challenge, number, devices, state: State::Pending, expires_at }))
    }

    pub(super) async fn put(&self, ports: &Ports, name: &str) -> Result<(), PortError> {
        ports.ephemeral().put(&key(name), ephemeral::encode(self)?, self.rest(ports)).await
    }

    /// The request of this name, with its bytes.
    pub(super) async fn get(ports: &Ports, name: &str) -> Result<Option<(Self, Vec<u8>)>, PortError> {
        let Some(bytes) = ports.ephemeral().get(&key(name)).await? else { return Ok(None) };
        // One that another release has made is over.
        Ok(ephemeral::decode(&bytes).ok().map(|request| (request, bytes)))
    }

    /// Takes it: exactly one gets it.
    pub(super) async fn take(ports: &Ports, name: &str) -> Result<Option<Self>, PortError> {
        let bytes = ports.ephemeral().take(&key(name)).await?;
        Ok(bytes.and_then(|bytes| ephemeral::decode(&bytes).ok()))
    }

    /// Moves it on, if it still is as it was read.
    pub(super) async fn moved(
        &self,
        ports: &Ports,
        name: &str,
        read: &[u8],
        to: State,
    ) -> Result<bool, PortError> {
        let next = Self { state: to, ..self.clone() };
        let bytes = ephemeral::encode(&next)?;
        ports.ephemeral().compare_and_swap(&key(name), read, bytes, self.rest(ports)).await
    }

    fn rest(&self, ports: &Ports) -> Duration {
        self.expires_at - ports.now()
    }
}

/// Two digits, 10 to 99, each as likely as the others.
fn number(ports: &Ports) -> Result<u8, PortError> {
    let mut byte = [0_u8; 1];
    loop {
        ports.entropy().fill(&mut byte)?;
        let [byte] = byte;
        if byte < 180 {
            return Ok(10 + byte % 90);
        }
    }
}

/// The last request of an account, so that a new one takes its place and an app can ask for it.
pub(super) fn latest(account: AccountId) -> EphemeralKey {
    EphemeralKey::new("mfa.push_latest", account.to_string())
}

/// That an account gets no requests for a while.
pub(super) fn silenced(account: AccountId) -> EphemeralKey {
    EphemeralKey::new("mfa.push_silenced", account.to_string())
}

fn key(name: &str) -> EphemeralKey {
    EphemeralKey::new("mfa.push", TokenDigest::of(name).to_text())
}
