//! How a seed is kept: sealed, on a credential of the account.

use ciam_core::assurance::{Amr, FactorKind, Proof};
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::error::PortError;
use ciam_core::factor::{FactorChallenge, FactorProof, FactorSubject};
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, EntityRef, Precondition, Versioned, Write};
use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::parameters::{OtpDigits, OtpParameters};
use super::seed::OtpSeed;

/// What a credential holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredOtp {
    pub(crate) seed: Sealed,
    #[serde(flatten)]
    pub(crate) parameters: OtpParameters,
}

/// Seals a seed under the account's key.
pub(crate) async fn seal_seed(
    ports: &Ports,
    account: AccountId,
    seed: &OtpSeed,
) -> Result<Sealed, PortError> {
    ports.vault().seal(&SealScope::Account(account), PURPOSE, seed.key().expose()).await
}

/// Opens a seed.
pub(crate) async fn open_seed(
    ports: &Ports,
    account: AccountId,
    sealed: &Sealed,
) -> Result<OtpSeed, PortError> {
    let bytes = ports.vault().open(&SealScope::Account(account), PURPOSE, sealed).await?;
    OtpSeed::from_bytes(bytes.expose().to_vec()).map_err(PortError::permanent)
}

/// A credential with a sealed seed. `counter` is the last accepted step of a time-based one, or the next number of a
/// counter.
pub(crate) fn credential(
    ports: &Ports,
    account: AccountId,
    factor: &str,
    seed: Sealed,
    parameters: OtpParameters,
    counter: i64,
) -> Result<Credential, PortError> {
    let id = CredentialId::generate(ports.clock(), ports.entropy())?;
    let data = serde_json::to_value(StoredOtp { seed, parameters }).map_err(PortError::permanent)?;
    let mut credential = Credential::new(id, account, factor, data, ports.now());
    credential.counter = counter;
    Ok(credential)
}

/// The active credentials of a factor, with what they hold.
pub(super) fn active<'a>(
    credentials: &'a [Versioned<Credential>],
    factor: &'a str,
) -> impl Iterator<Item = (&'a Versioned<Credential>, StoredOtp)> {
    credentials
        .iter()
        .filter(move |it| it.value.factor == factor && it.value.state == CredentialState::Active)
        .filter_map(|it| Some((it, serde_json::from_value(it.value.data.clone()).ok()?)))
}

/// Asks for a code of as many digits as the longest that the person has.
pub(super) fn challenge(subject: FactorSubject<'_>, factor: &str) -> FactorChallenge {
    let digits = active(subject.credentials, factor)
        .map(|(_, stored)| stored.parameters.digits)
        .max_by_key(|it| it.get());
    FactorChallenge::new(json!({ "digits": digits.unwrap_or(OtpDigits::Six).get() }), Value::Null)
}

/// The proof by a code that was right. The commit moves the credential's counter up to `counter`, which of two with the same code
/// one can do.
pub(super) fn proof(
    credential: &Versioned<Credential>,
    counter: i64,
    kinds: &[FactorKind],
    now: OffsetDateTime,
) -> FactorProof {
    let mut used = credential.value.clone();
    (used.counter, used.last_used_at) = (counter, Some(now));
    let known = EntityRef::Credential(used.id);
    let batch = Batch::new()
        .require_version(known.clone(), credential.version)
        .require(Precondition::CounterBelow(known, counter))
        .write(Write::PutCredential(used));
    FactorProof::new(Proof::new(Amr::OTP, kinds.iter().copied(), now)).with_batch(batch)
}

/// The code in an answer: a text, or an object with a `code`.
pub(super) fn typed(answer: &Value) -> &str {
    answer.as_str().or_else(|| answer.get("code")?.as_str()).unwrap_or_default()
}

const PURPOSE: &str = "mfa.otp_seed";
