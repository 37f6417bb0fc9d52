//! The owner adds, changes and removes what they sign in with and are reached by.
//!
//! Nothing is written on an account before the owner has proved the new address, in the session in which they asked for it.
//! Whatever address they ask for, the answer is the same; one that belongs to somebody gets a message that says so.
//!
//! What an account gives up is [reserved](super::Identifier::reserved_until) for a while, and its holder gets a link with
//! which they take it back: also when it was not they who gave it up.

mod revert;
mod rules;
mod username;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::revert::{IdentifierRevert, RevertError};
pub use self::username::UsernameClaim;
use super::due::{DueKind, StatusDue};
use super::owner::{Owner, OwnerError, Proved};
use super::service::Accounts;
use super::{Account, Identifier, IdentifierKey, IdentifierKind};
use crate::entropy::decimal_code;
use crate::ephemeral::{self, EphemeralKey};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, SessionId};
use crate::notify::{Channel, Message, MessageCode};
use crate::secret::{Secret, TokenDigest};
use crate::session::Authenticated;
use crate::store::{Batch, Commit, Conflict, EntityRef, Write};

/// The random name of a change that waits for its code. Useless without the session in which it was begun.
#[derive(Clone, Debug)]
pub struct ChangeHandle(Secret);

impl ChangeHandle {
    /// Takes a handle from a form or a link.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Secret::from(text))
    }

    /// The text for a form or a link.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn key(&self) -> EphemeralKey {
        EphemeralKey::new("core.identifier_change", self.0.digest().to_text())
    }

    fn guesses(&self) -> EphemeralKey {
        EphemeralKey::new("core.identifier_change_guess", self.0.digest().to_text())
    }

    /// The digest of a code. The handle is not stored, so the few digits cannot be searched for.
    fn code_digest(&self, code: &str) -> TokenDigest {
        TokenDigest::of(&format!("{}\n{code}", self.0.expose()))
    }
}

/// A change that waits for its code.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PendingIdentifier {
    /// Its name.
    pub handle: ChangeHandle,
    /// The address or number that the code was sent to.
    pub key: IdentifierKey,
    /// How many digits the code has.
    pub digits: u32,
    /// When it is no longer good.
    pub expires_at: OffsetDateTime,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredChange {
    account: AccountId,
    session: SessionId,
    key: IdentifierKey,
    replaces: Option<IdentifierKey>,
    code: TokenDigest,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl Accounts {
    /// Begins to add an e-mail address or phone number to the owner's account, as a further one or in the place of one that
    /// it has. A code goes to the new one; nothing changes before it is [confirmed](Self::confirm_identifier).
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when they ask too often, when the account has this identifier or
    /// as many as it may have, does not have the one that is to be replaced, and when a port fails.
    ///
    /// # Security
    ///
    /// An identifier that another account holds is answered like any other, after the same port calls.
    pub async fn add_identifier(
        &self,
        owner: &Owner<'_>,
        key: &IdentifierKey,
        replaces: Option<&IdentifierKey>,
    ) -> Result<PendingIdentifier, OwnerError> {
        let channel = channel_of(key).ok_or(OwnerError::NotFound)?;
        let proved = self.prove(owner).await?;
        let now = self.now();
        let account = proved.account();
        // What the account alone decides is decided before anybody is written to.
        rules::add(account, key, replaces, now, now)?;
        let id = account.id.to_string();
        self.limiter.attempt(&self.policy.identifier_changes, &id).await?;
        for limit in [&self.policy.messages_per_address, &self.policy.messages_per_address_long] {
            self.limiter.attempt(limit, key.as_str()).await?;
        }
        let holder = self.ports.store().account_by_identifier(key).await?;
        let taken = holder.is_some_and(|holder| holder.value.id != account.id);
        let handle = ChangeHandle(Secret::random(self.ports.entropy())?);
        let digits = self.policy.code_digits.clamp(6, 8);
        let code = decimal_code(self.ports.entropy(), digits)?;
        let lifetime = self.policy.code_lifetime;
        let change = StoredChange {
            account: account.id,
            session: proved.current.session.value.id,
            key: key.clone(),
            replaces: replaces.cloned(),
            code: handle.code_digest(&code),
            expires_at: now + lifetime,
        };
        self.ports.ephemeral().put(&handle.key(), ephemeral::encode(&change)?, lifetime).await?;
        let about = if taken { MessageCode::IdentifierInUse } else { MessageCode::ConfirmIdentifier };
        let mut message = Message::new(&self.ports, about, channel, key.as_str(), change.expires_at)?
            .with_languages(owner.languages.clone());
        if !taken {
            message = message
                .with("code", code)
                .with("minutes", lifetime.whole_minutes().to_string())
                .with("change", handle.expose());
        }
        let event = Event::new(&self.ports, EventType::IDENTIFIER_CHANGE_STARTED, account.event_subject())?
            .by(&owner.actor())
            .with("kind", key.kind().as_str());
        let batch = Batch::new().message(message.seal(&self.ports).await?).event(event);
        if !self.ports.store().commit(batch).await?.is_applied() {
            return Err(PortError::permanent("a batch without conditions was refused").into());
        }
        Ok(PendingIdentifier { handle, key: key.clone(), digits, expires_at: change.expires_at })
    }

    /// The change that waits for its code, for the page on which it is typed. Reading it changes nothing.
    ///
    /// # Errors
    ///
    /// Fails with [`OwnerError::Code`] when there is none for this session, and when a port fails.
    pub async fn pending_identifier(
        &self,
        current: &Authenticated,
        handle: &ChangeHandle,
    ) -> Result<PendingIdentifier, OwnerError> {
        let change = self.change(current, handle).await?;
        let digits = self.policy.code_digits.clamp(6, 8);
        Ok(PendingIdentifier {
            handle: handle.clone(),
            key: change.key,
            digits,
            expires_at: change.expires_at,
        })
    }

    /// Takes the code that was sent to a new identifier, in the session in which it was asked for: the account has it from
    /// then on, verified. One that it replaces is given up in the same commit, and its holder gets a link to take it back.
    ///
    /// # Errors
    ///
    /// Fails with one error for a code that is wrong, used, too old, or of another person, session or change; when somebody
    /// else has got the identifier meanwhile; when the account changes meanwhile, and when a port fails.
    pub async fn confirm_identifier(
        &self,
        owner: &Owner<'_>,
        handle: &ChangeHandle,
        code: &Secret,
    ) -> Result<Account, OwnerError> {
        let change = self.change(owner.current, handle).await?;
        // Counted before it is looked at.
        let guesses = self.ports.ephemeral().increment(&handle.guesses(), self.policy.code_lifetime).await?;
        let typed: String = code.expose().chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let right = handle.code_digest(&typed) == change.code;
        if guesses > self.policy.code_attempts || !right || self.now() >= change.expires_at {
            return Err(OwnerError::Code);
        }
        let changed = self.confirmed(owner, &change).await?;
        // One that stays cannot be confirmed again: the account has the identifier.
        let _tidier = self.ports.ephemeral().take(&handle.key()).await;
        Ok(changed)
    }

    async fn confirmed(&self, owner: &Owner<'_>, change: &StoredChange) -> Result<Account, OwnerError> {
        let mut proved = Proved::by_session(owner.current.clone());
        for _ in 0..Self::MAX_RACES {
            let until = self.now() + self.policy.reservation;
            let (key, replaces) = (&change.key, change.replaces.as_ref());
            let changed = match rules::add(proved.account(), key, replaces, self.now(), until) {
                // A code that was used already.
                Err(OwnerError::AlreadyTheirs | OwnerError::NotFound) => return Err(OwnerError::Code),
                other => other?,
            };
            let own = proved.account().identifier_with(key).is_some();
            let mut batch = Batch::new();
            if !own {
                batch = batch.require_absent(EntityRef::Identifier(key.clone()));
            }
            let what = if replaces.is_some() { "replaced" } else { "added" };
            let batch = batch.append(self.identifier_batch(owner, &proved, &changed, key, what).await?);
            let batch = match replaces {
                Some(old) => self.giving_up(batch, owner, &proved, &changed, old).await?,
                None => {
                    let notice =
                        self.notice(proved.account(), MessageCode::IdentifierAdded, &owner.languages)?;
                    let notice = notice.map(|message| message.with("kind", key.kind().as_str()));
                    self.with_notice(batch, notice).await?
                }
            };
            match self.ports.store().commit(batch).await? {
                Commit::Applied => return Ok(changed),
                Commit::Conflict(Conflict::Unique(_)) => return Err(OwnerError::Taken),
                Commit::Conflict(Conflict::Precondition(0)) if !own => return Err(OwnerError::Taken),
                Commit::Conflict(_) => proved = self.prove_again(proved).await?,
            }
        }
        Err(OwnerError::Changed)
    }

    /// Takes an identifier off the owner's account. Its holder gets a link to take it back.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when the account has no such identifier or nothing else that is
    /// verified, when it is the last way in, when the account changes meanwhile, and when a port fails.
    pub async fn remove_identifier(
        &self,
        owner: &Owner<'_>,
        key: &IdentifierKey,
    ) -> Result<Account, OwnerError> {
        let mut proved = self.prove(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let until = self.now() + self.policy.reservation;
            let changed = rules::remove(proved.account(), key, self.now(), until)?;
            let federated = self.identities_of(changed.id).await?.len();
            let ways = |account| super::WaysIn::of(account, &proved.credentials, federated, &self.policy);
            if ways(&changed).is_empty() && !ways(proved.account()).is_empty() {
                return Err(OwnerError::LastWayIn);
            }
            let batch = self.identifier_batch(owner, &proved, &changed, key, "removed").await?;
            let batch = self.giving_up(batch, owner, &proved, &changed, key).await?;
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(changed);
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    /// Makes a verified identifier the primary one of its kind: the one that applications see and messages go to.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when the account has no such identifier or it is not verified,
    /// when the account changes meanwhile, and when a port fails.
    pub async fn make_primary(&self, owner: &Owner<'_>, key: &IdentifierKey) -> Result<Account, OwnerError> {
        let mut proved = self.prove(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let changed = rules::make_primary(proved.account(), key, self.now())?;
            let batch = self.identifier_batch(owner, &proved, &changed, key, "primary").await?;
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(changed);
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    /// The change of the session's person; one error for everything that is not it.
    async fn change(
        &self,
        current: &Authenticated,
        handle: &ChangeHandle,
    ) -> Result<StoredChange, OwnerError> {
        let bytes = self.ports.ephemeral().get(&handle.key()).await?.ok_or(OwnerError::Code)?;
        let change: StoredChange = ephemeral::decode(&bytes).map_err(|_| OwnerError::Code)?;
        let session = &current.session.value;
        let own = change.account == session.account && change.session == session.id;
        if own { Ok(change) } else { Err(OwnerError::Code) }
    }

    /// The account with its event, on what was proved.
    async fn identifier_batch(
        &self,
        owner: &Owner<'_>,
        proved: &Proved,
        changed: &Account,
        key: &IdentifierKey,
        what: &str,
    ) -> Result<Batch, OwnerError> {
        let event = Event::new(&self.ports, EventType::IDENTIFIER_CHANGED, changed.event_subject())?
            .by(&owner.actor())
            .with("kind", key.kind().as_str())
            .with("change", what);
        let batch = proved.batch().write(Write::PutAccount(changed.clone())).event(event);
        self.with_username_claims(batch, proved.account(), changed).await
    }

    /// Adds what goes with an identifier that is given up: the link to take it back, to whoever holds it, and the end of its
    /// reservation.
    async fn giving_up(
        &self,
        batch: Batch,
        owner: &Owner<'_>,
        proved: &Proved,
        changed: &Account,
        old: &IdentifierKey,
    ) -> Result<Batch, OwnerError> {
        let before = proved.account();
        let Some(until) = changed.identifier_with(old).and_then(|known| known.reserved_until) else {
            return Ok(batch);
        };
        let due = StatusDue::new(changed.id, DueKind::ReservationEnds, until);
        let batch = batch.put(&due).map_err(PortError::from)?;
        let was_verified = before.identifier_with(old).is_some_and(Identifier::is_verified);
        let Some(channel) = channel_of(old).filter(|_| was_verified) else { return Ok(batch) };
        let token = Secret::random(self.ports.entropy())?;
        let record = IdentifierRevert::new(&token, old, changed.id, self.now(), until);
        let hours = self.policy.reservation.whole_hours().to_string();
        let message = Message::new(&self.ports, MessageCode::IdentifierGone, channel, old.as_str(), until)?
            .with_languages(owner.languages.clone())
            .with("revert", token.expose())
            .with("hours", hours);
        let batch = batch.put(&record).map_err(PortError::from)?;
        Ok(batch.message(message.seal(&self.ports).await?))
    }
}

/// How an identifier is reached; a name is not.
const fn channel_of(key: &IdentifierKey) -> Option<Channel> {
    match key.kind() {
        IdentifierKind::Email => Some(Channel::Email),
        IdentifierKind::Phone => Some(Channel::Sms),
        IdentifierKind::Username => None,
    }
}
