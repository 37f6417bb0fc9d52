//! What is kept of a registered device, on a credential of the account.

use ciam_core::credential::{Credential, CredentialState};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::jose::PublicJwk;
use ciam_core::ports::Ports;
use ciam_core::store::Versioned;
use serde::{Deserialize, Serialize};

use super::factor::PushFactor;
use crate::attestation::AttestedKey;

/// A registered device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PushDevice {
    /// Its public key.
    pub(crate) key: PublicJwk,
    /// Where the push service reaches it; empty where the app asks by itself.
    pub(crate) address: String,
    /// What somebody says of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attested: Option<AttestedKey>,
}

impl PushDevice {
    /// Reads it from a credential; `None` when it is none of a device.
    pub(crate) fn of(credential: &Credential) -> Option<Self> {
        let ours = credential.factor == PushFactor::NAME && credential.state == CredentialState::Active;
        ours.then(|| Self::deserialize(&credential.data).ok())?
    }

    /// The active devices of an account.
    pub(crate) fn active(
        credentials: &[Versioned<Credential>],
    ) -> impl Iterator<Item = (&Versioned<Credential>, Self)> {
        credentials.iter().filter_map(|it| Some((it, Self::of(&it.value)?)))
    }
}

/// The credential of a device.
pub(crate) fn credential(
    ports: &Ports,
    account: AccountId,
    device: &PushDevice,
) -> Result<Credential, PortError> {
    let id = CredentialId::generate(ports.clock(), ports.entropy())?;
    let data = serde_json::to_value(device).map_err(PortError::permanent)?;
    Ok(Credential::new(id, account, PushFactor::NAME, data, ports.now()))
}
