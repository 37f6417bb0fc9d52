//! Identities elsewhere: which account one belongs to, and who may make it so.
//!
//! An identity is an issuer and a subject, never an e-mail address. Which account somebody with a verified identity gets is
//! decided in [`decision`], without I/O; what follows from it is one commit. An upstream's word that an address is verified
//! makes nobody the owner of an existing account: its owner proves that, by signing in to it.

pub mod decision;
mod join;
mod link;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::join::{FederatedError, Joined};
use super::{IdentifierKey, Profile};
use crate::assurance::{Acr, Amr, FactorKind, Proof};
use crate::error::PortError;
use crate::id::AccountId;
use crate::ports::Ports;
use crate::secret::TokenDigest;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

/// The link between an identity elsewhere and an account. What the upstream calls the person is kept as a keyed hash only:
/// without the tenant's key nobody can try who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FederatedIdentity {
    /// The keyed hash of issuer and subject, unique in the tenant: the name of the link.
    pub id: TokenDigest,
    /// Who vouches for the identity.
    pub issuer: String,
    /// The account that it belongs to.
    pub account: AccountId,
    /// When it was linked.
    #[serde(with = "time::serde::rfc3339")]
    pub linked_at: OffsetDateTime,
}

impl FederatedIdentity {
    /// A link of this [name](Self::id_of) that is made now.
    #[must_use]
    pub fn new(id: TokenDigest, issuer: impl Into<String>, account: AccountId, now: OffsetDateTime) -> Self {
        Self { id, issuer: issuer.into(), account, linked_at: now }
    }

    /// The name of the link of an identity, in this tenant.
    ///
    /// # Errors
    ///
    /// Fails when the key vault does.
    pub async fn id_of(ports: &Ports, issuer: &str, subject: &str) -> Result<TokenDigest, PortError> {
        let hash = ports.vault().lookup_hash(PURPOSE, preimage(issuer, subject).as_bytes()).await?;
        Ok(TokenDigest::from_bytes(*hash.as_bytes()))
    }
}

/// What is hashed. The length keeps apart what a line break in an issuer could bring together.
fn preimage(issuer: &str, subject: &str) -> String {
    format!("{}\n{issuer}\n{subject}", issuer.len())
}

const PURPOSE: &str = "core.federated_identity";

impl StoredRecord for FederatedIdentity {
    const KIND: RecordKind = RecordKind::new("core.federated_identity", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.to_text()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

/// A person as an upstream, whose answer has been verified, describes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UpstreamIdentity {
    /// Who vouches.
    pub issuer: String,
    /// What the issuer calls the person.
    pub subject: String,
    /// The address, where the issuer says that it has verified it. An address that it has not verified is no address.
    pub verified_email: Option<IdentifierKey>,
    /// What else the issuer says.
    pub profile: Profile,
    /// How the issuer has authenticated the person.
    pub proofs: Vec<Proof>,
}

impl UpstreamIdentity {
    /// An identity of which nothing else is known.
    #[must_use]
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>, now: OffsetDateTime) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            verified_email: None,
            profile: Profile::new(),
            proofs: vec![Proof::new(Amr::FEDERATED, [FactorKind::Possession], now)],
        }
    }

    /// Adds the address that the issuer has verified.
    #[must_use]
    pub fn with_verified_email(mut self, email: IdentifierKey) -> Self {
        self.verified_email = Some(email);
        self
    }

    /// Adds what else the issuer says.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Takes the issuer's word for how it has authenticated the person, by `amr` values and `auth_time`.
    ///
    /// # Security
    ///
    /// Only for an issuer whose word counts as much as one's own: a factor that it names is not asked for again.
    #[must_use]
    pub fn with_trusted_amr<'a>(
        mut self,
        amr: impl IntoIterator<Item = &'a str>,
        auth_time: OffsetDateTime,
    ) -> Self {
        let known = amr.into_iter().flat_map(|name| upstream_proofs(name, auth_time));
        self.proofs.extend(known);
        self
    }

    /// Keeps the level of assurance that the issuer says, as it calls it, among the facts of the session. It counts for
    /// nothing on the ladder here: see [`with_trusted_amr`](Self::with_trusted_amr).
    #[must_use]
    pub fn with_acr(mut self, acr: &Acr) -> Self {
        for proof in self.proofs.iter_mut().filter(|proof| proof.amr == Amr::FEDERATED) {
            proof.upstream = Some(acr.clone());
        }
        self
    }

    pub(crate) async fn id(&self, ports: &Ports) -> Result<TokenDigest, PortError> {
        FederatedIdentity::id_of(ports, &self.issuer, &self.subject).await
    }
}

/// The proofs that an [RFC 8176](https://www.rfc-editor.org/rfc/rfc8176) value stands for; none for what says nothing of a
/// factor.
fn upstream_proofs(name: &str, at: OffsetDateTime) -> Vec<Proof> {
    use FactorKind::{Inherence, Knowledge, Possession};
    let proof = |amr, kinds: &[FactorKind]| Proof::new(amr, kinds.iter().copied(), at);
    match name {
        "pwd" => vec![proof(Amr::PASSWORD, &[Knowledge])],
        "pin" => vec![proof(Amr::new("pin"), &[Knowledge])],
        "otp" => vec![proof(Amr::OTP, &[Possession])],
        "sms" => vec![proof(Amr::new("sms"), &[Possession])],
        "hwk" => vec![proof(Amr::HARDWARE_KEY, &[Possession])],
        "swk" => vec![proof(Amr::SOFTWARE_KEY, &[Possession])],
        "fpt" => vec![proof(Amr::new("fpt"), &[Inherence])],
        "face" => vec![proof(Amr::new("face"), &[Inherence])],
        // Two factors that it does not name.
        "mfa" => vec![proof(Amr::FEDERATED, &[Knowledge, Possession])],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::assurance::{AcrLadder, AuthenticationContext};

    #[test]
    fn issuer_and_subject_do_not_run_into_each_other() {
        assert_ne!(preimage("a", "b\nc"), preimage("a\nb", "c"));
        assert_ne!(preimage("a", "b"), preimage("b", "a"));
    }

    #[test]
    fn an_upstream_counts_for_one_factor_unless_its_word_is_taken_for_more() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let level = |identity: UpstreamIdentity| {
            let context = AuthenticationContext::new(identity.proofs);
            AcrLadder::default().achieved(&context, now).map(|acr| acr.as_str().to_owned())
        };
        let plain = UpstreamIdentity::new("https://up.example", "1", now);
        assert_eq!(level(plain.clone()).unwrap(), "urn:ciam:acr:aal1");
        let aal2 = "urn:ciam:acr:aal2";
        assert_eq!(level(plain.clone().with_trusted_amr(["pwd", "otp"], now)).unwrap(), aal2);
        assert_eq!(level(plain.clone().with_trusted_amr(["mfa"], now)).unwrap(), aal2);
        assert_ne!(level(plain.with_trusted_amr(["rba", "unheard of"], now)).unwrap(), aal2);
    }
}
