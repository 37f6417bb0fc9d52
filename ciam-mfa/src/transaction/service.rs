//! The service.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::id::{AccountId, SessionId};
use ciam_core::ports::Ports;
use ciam_core::ratelimit::{Limit, RateLimitError, RateLimiter};
use ciam_core::secret::{Secret, SecretBytes, TokenDigest};
use ciam_core::session::Authenticated;
use serde::{Deserialize, Serialize};
use time::Duration;

use super::details::TransactionDetails;
use super::signed::{SignedTransaction, challenge};
use crate::event::TRANSACTION_CONFIRMED;
use crate::webauthn::{
    AuthenticationResponse, Base64Url, Expected, PasskeyFactor, RelyingParty, RequestOptions,
    UserVerification, WebauthnError,
};

/// Confirms transactions: see [the module](super).
#[derive(Clone, Debug)]
pub struct Transactions {
    ports: Ports,
    passkeys: PasskeyFactor,
    limiter: RateLimiter,
    /// Transactions that one account begins. Default 60 in an hour.
    limit: Limit,
    /// How long one may take. Default 5 minutes.
    lifetime: Duration,
}

/// A transaction that is to be confirmed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionOffer {
    /// The transaction, for [`Transactions::confirm`]. Useless in another session.
    pub transaction: Secret,
    /// What to show.
    pub details: TransactionDetails,
    /// Options for `navigator.credentials.get()`.
    pub options: RequestOptions,
}

/// A transaction was not confirmed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The account has no passkey to sign with.
    #[error("the account has no passkey")]
    NoPasskey,
    /// There is no such transaction in this session, or it is over.
    #[error("there is no such transaction")]
    NotFound,
    /// The answer is not one to this transaction.
    #[error("the answer is not accepted")]
    Refused(#[from] WebauthnError),
    /// Too many.
    #[error("too many transactions")]
    TooMany {
        /// After this time it can be tried again.
        retry_after: Duration,
    },
    /// The passkey changed at the same moment, again and again.
    #[error("the account has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the transaction cannot be read or written")]
    Port(#[from] PortError),
}

impl TransactionError {
    /// A stable code for pages and apps.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoPasskey => "no_passkey",
            Self::NotFound => "not_found",
            Self::Refused(_) => "refused",
            Self::TooMany { .. } => "too_many",
            Self::Changed => "changed",
            Self::Port(_) => "unavailable",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Begun {
    account: AccountId,
    session: SessionId,
    nonce: Base64Url,
    details: TransactionDetails,
}

impl Transactions {
    const MAX_RACES: usize = 8;

    /// The transactions of a tenant, which are signed for with passkeys of this relying party.
    #[must_use]
    pub fn new(ports: Ports, relying_party: RelyingParty) -> Self {
        Self {
            limiter: RateLimiter::new(ports.clone()),
            ports,
            passkeys: PasskeyFactor::new(relying_party),
            limit: Limit::new("mfa.transaction", 60, Duration::hours(1)),
            lifetime: Duration::minutes(5),
        }
    }

    /// Sets how many transactions one account begins.
    #[must_use]
    pub fn with_limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how long one may take.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Begins: makes the challenge that stands for these details.
    ///
    /// # Errors
    ///
    /// Fails when the account has no passkey, when it begins too many, and when a port fails.
    pub async fn begin(
        &self,
        current: &Authenticated,
        details: TransactionDetails,
    ) -> Result<TransactionOffer, TransactionError> {
        let account = current.account.value.id;
        match self.limiter.attempt(&self.limit, &account.to_string()).await {
            Ok(()) => {}
            Err(RateLimitError::Limited { retry_after }) => {
                return Err(TransactionError::TooMany { retry_after });
            }
            Err(RateLimitError::Port(error)) => return Err(error.into()),
            Err(_) => return Err(PortError::transient("the transaction could not be counted").into()),
        }
        let credentials = self.ports.store().credentials_of(account).await?;
        let allowed: Vec<_> = self.passkeys.usable(&credentials).map(|(_, passkey)| passkey).collect();
        if allowed.is_empty() {
            return Err(TransactionError::NoPasskey);
        }
        let nonce = SecretBytes::random(self.ports.entropy(), 32)?.expose().to_vec();
        let challenge = challenge(&nonce, &details);
        let required = UserVerification::Required;
        let options = self.passkeys.relying_party().request_options(&challenge, &allowed, required);
        let transaction = Secret::random(self.ports.entropy())?;
        let begun = Begun {
            account,
            session: current.session.value.id,
            nonce: Base64Url::new(nonce),
            details: details.clone(),
        };
        let kept = ephemeral::encode(&begun)?;
        self.ports.ephemeral().put(&key(&transaction), kept, self.lifetime).await?;
        Ok(TransactionOffer { transaction, details, options })
    }

    /// Takes the signature. The challenge is used up, whatever the answer is.
    ///
    /// # Errors
    ///
    /// Fails when there is no such transaction in this session, when the answer is not accepted, when the passkey changes
    /// meanwhile, and when a port fails.
    pub async fn confirm(
        &self,
        current: &Authenticated,
        transaction: &Secret,
        response: &AuthenticationResponse,
    ) -> Result<SignedTransaction, TransactionError> {
        let (account, session) = (current.account.value.id, current.session.value.id);
        let kept = self.ports.ephemeral().get(&key(transaction)).await?.ok_or(TransactionError::NotFound)?;
        let begun: Begun = ephemeral::decode(&kept).map_err(|_| TransactionError::NotFound)?;
        let ours = begun.account == account && begun.session == session;
        // Of those who come with it, one goes on; who is somebody else does not take it away.
        if !ours || self.ports.ephemeral().take(&key(transaction)).await?.is_none() {
            return Err(TransactionError::NotFound);
        }
        for _ in 0..Self::MAX_RACES {
            let credentials = self.ports.store().credentials_of(account).await?;
            let mut usable = self.passkeys.usable(&credentials);
            let found = usable.find(|(_, passkey)| passkey.id == response.raw_id.as_bytes());
            let (credential, passkey) = found.ok_or(WebauthnError::Credential)?;
            let challenge = challenge(begun.nonce.as_bytes(), &begun.details);
            let expected = Expected::new(&challenge, &passkey, account.as_uuid().as_bytes())
                .with_user_verification(UserVerification::Required)
                .with_sign_count(u32::try_from(credential.value.counter).unwrap_or(u32::MAX));
            let party = self.passkeys.relying_party();
            let asserted = party.verify_authentication(self.ports.crypto(), &expected, response)?;
            let id = credential.value.id;
            let event =
                Event::new(&self.ports, TRANSACTION_CONFIRMED, current.account.value.event_subject())?
                    .with("credential", id.to_string())
                    .with("types", begun.details.types().map(str::to_owned).collect::<Vec<_>>())
                    .with("digest", TokenDigest::of(begun.details.as_str()).to_text());
            let key = Base64Url::new(passkey.key.clone());
            let proof = PasskeyFactor::proof(&self.ports, credential, passkey, &asserted)?;
            if self.ports.store().commit(proof.batch.event(event)).await?.is_applied() {
                return Ok(SignedTransaction {
                    details: begun.details,
                    nonce: begun.nonce,
                    account,
                    credential: id,
                    key,
                    response: response.clone(),
                    at: proof.proof.at,
                });
            }
        }
        Err(TransactionError::Changed)
    }
}

fn key(transaction: &Secret) -> EphemeralKey {
    EphemeralKey::new("mfa.transaction", transaction.digest().to_text())
}
