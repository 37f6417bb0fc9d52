//! Messages to people: typed, by code and parameters; the host renders and sends.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::account::{Account, IdentifierKind};
use crate::error::PortError;
use crate::id::{AccountId, EventId, TenantId};
use crate::ports::Ports;
use crate::vault::{SealScope, Sealed, is_shredded};

/// What a message is about. The host has one template per code and language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageCode {
    /// Prove this address to finish a registration. Parameters: `code`, `minutes`, `link`.
    VerifyRegistration,
    /// Somebody tried to register this address, which already has an account. No parameters.
    AccountExists,
    /// The password of the account was set or changed. No parameters.
    PasswordChanged,
    /// The password of the account was removed. No parameters.
    PasswordRemoved,
    /// The account was closed. Parameters: `date`, from when it is erased (RFC 3339).
    AccountClosed,
    /// Nobody has used the account for long, and it will be closed. Parameters: `date`, from when it is closed unless somebody
    /// signs in (RFC 3339).
    AccountInactive,
    /// Prove this address or number to add it to an account. Parameters: `code`, `minutes`, and `change`, the name of the
    /// change, for a link that leads to the page on which the code is confirmed.
    ConfirmIdentifier,
    /// Somebody wanted to add this address or number to another account; it has one already. No parameters.
    IdentifierInUse,
    /// An address, number or name was added to the account. Parameters: `kind`.
    IdentifierAdded,
    /// This address or number no longer belongs to the account, which has another one or none. Parameters: `revert`, for a
    /// link with which its owner takes it back, and `hours`, how long that is possible.
    IdentifierGone,
    /// An identity elsewhere was linked to the account. Parameters: `issuer`.
    IdentityLinked,
    /// An identity elsewhere is no longer linked to the account. Parameters: `issuer`.
    IdentityUnlinked,
    /// The account signed in in a browser in which it had not been seen. Parameters: `time` (RFC 3339), and where they are
    /// known `device`, `place`, and `reasons`: what was unusual about it, as the codes of an
    /// [`Assessment`](crate::risk::Assessment), separated by spaces.
    NewDevice,
    /// Somebody is invited into an organization. Parameters: `token`, `organization` (its name), `days`.
    Invitation,
    /// A person is invited to have an account. Parameters: `token`, `days`.
    AccountInvitation,
    /// A code and a link to sign in with. Parameters: `code`, `minutes`, `link`.
    SignInCode,
    /// A code to confirm a sign-in that looks unlike its owner. Parameters: `code`, `minutes`, `link`, `reasons` (the codes of
    /// an [`Assessment`](crate::risk::Assessment), separated by spaces), and where they are known `device` and `place`.
    ConfirmSignIn,
    /// A code and a link to choose a new password with. Parameters: `code`, `minutes`, `link`.
    RecoveryCode,
    /// The password was forgotten and has been replaced. No parameters.
    PasswordRecovered,
    /// A factor was added to the account. Parameters: `factor`, its name.
    FactorAdded,
    /// A factor was removed from the account. Parameters: `factor`, its name.
    FactorRemoved,
    /// An administrator took the factors from the account. No parameters.
    FactorsReset,
    /// A recovery code was used. Parameters: `left`, how many there still are.
    RecoveryCodeUsed,
    /// An application asks the owner of the account for something, from elsewhere. Parameters: `client`, its name; `minutes`, how
    /// long they have; `token`, for a link that leads to the question; and where there is one `message`, which the application
    /// shows on its side, for them to compare.
    ApplicationAsks,
}

impl MessageCode {
    /// The stable name, as serialized: `verify_registration`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyRegistration => "verify_registration",
            Self::AccountExists => "account_exists",
            Self::PasswordChanged => "password_changed",
            Self::PasswordRemoved => "password_removed",
            Self::AccountClosed => "account_closed",
            Self::AccountInactive => "account_inactive",
            Self::ConfirmIdentifier => "confirm_identifier",
            Self::IdentifierInUse => "identifier_in_use",
            Self::IdentifierAdded => "identifier_added",
            Self::IdentifierGone => "identifier_gone",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::NewDevice => "new_device",
            Self::Invitation => "invitation",
            Self::AccountInvitation => "account_invitation",
            Self::SignInCode => "sign_in_code",
            Self::ConfirmSignIn => "confirm_sign_in",
            Self::RecoveryCode => "recovery_code",
            Self::PasswordRecovered => "password_recovered",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::FactorsReset => "factors_reset",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::ApplicationAsks => "application_asks",
        }
    }
}

/// How a message reaches a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channel {
    /// Electronic mail.
    Email,
    /// A text message to a phone.
    Sms,
}

/// A message to a person. `Debug` prints no parameters and no address.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// The idempotency key.
    pub id: EventId,
    /// What it is about.
    pub code: MessageCode,
    /// How it goes out.
    pub channel: Channel,
    /// To which address or number.
    pub to: String,
    /// The recipient's language preferences as BCP 47 tags, best first; may be empty.
    pub languages: Vec<String>,
    /// Whose message it is, if the recipient has an account. It is then sealed under the account's key, and dies with it.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The template's parameters. May hold a secret, such as a one-time code.
    pub parameters: BTreeMap<String, String>,
    /// After this time the message is of no use and is dropped.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Message {
    /// A message without parameters and language preferences.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn new(
        ports: &Ports,
        code: MessageCode,
        channel: Channel,
        to: impl Into<String>,
        expires_at: OffsetDateTime,
    ) -> Result<Self, PortError> {
        Ok(Self {
            id: EventId::generate(ports.clock(), ports.entropy())?,
            code,
            channel,
            to: to.into(),
            account: None,
            languages: Vec::new(),
            parameters: BTreeMap::new(),
            expires_at,
        })
    }

    /// A message to an account's owner, by mail where they have a verified address, else by text message; `None` where there is
    /// neither. Without language preferences.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn to_owner(
        ports: &Ports,
        account: &Account,
        code: MessageCode,
        expires_at: OffsetDateTime,
    ) -> Result<Option<Self>, PortError> {
        let verified = |kind| account.held().find(|it| it.key.kind() == kind && it.is_verified());
        let email = verified(IdentifierKind::Email).map(|it| (Channel::Email, it));
        let Some((channel, to)) =
            email.or_else(|| verified(IdentifierKind::Phone).map(|it| (Channel::Sms, it)))
        else {
            return Ok(None);
        };
        let message = Self::new(ports, code, channel, to.key.as_str(), expires_at)?;
        Ok(Some(message.with_account(account.id)))
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Says whose message it is, so that it is sealed under the account's key.
    #[must_use]
    pub const fn with_account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// Sets the language preferences.
    #[must_use]
    pub fn with_languages(mut self, languages: Vec<String>) -> Self {
        self.languages = languages;
        self
    }

    /// Seals the message for the outbox, so that neither a one-time code nor an address is ever readable at rest: under the
    /// key of the account whose message it is, or else under a key of the day on which it expires, which
    /// [`retire_message_keys`] destroys after that day.
    ///
    /// # Errors
    ///
    /// Fails when the key vault does.
    pub async fn seal(&self, ports: &Ports) -> Result<SealedMessage, PortError> {
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(PortError::permanent)?);
        let scope = scope(ports.tenant(), self.account, self.expires_at);
        let sealed = ports.vault().seal(&scope, MESSAGE_PURPOSE, &plain).await?;
        Ok(SealedMessage { id: self.id, account: self.account, sealed, expires_at: self.expires_at })
    }
}

/// Whose key seals a message.
fn scope(tenant: TenantId, account: Option<AccountId>, expires_at: OffsetDateTime) -> SealScope {
    SealScope::Account(account.unwrap_or_else(|| day_key(tenant, expires_at)))
}

/// Whose key seals what is of no use after a (Julian) day and belongs to no account.
pub(crate) fn day_scope(tenant: TenantId, day: i32) -> SealScope {
    SealScope::Account(key_of_day(tenant, day))
}

/// The id under which the vault has the message key of a day: no account has it, because ids of accounts carry the time.
fn day_key(tenant: TenantId, day: OffsetDateTime) -> AccountId {
    key_of_day(tenant, day.to_offset(time::UtcOffset::UTC).date().to_julian_day())
}

fn key_of_day(tenant: TenantId, day: i32) -> AccountId {
    let name = format!("ciam.messages {tenant} {day}");
    let digest = crate::crypto::sha256(name.as_bytes());
    let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
    AccountId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// Destroys the keys of messages to people without an account that expired before yesterday, of the last 60 days. Run it once
/// a day: afterwards no copy of the database shows to whom such a message went.
///
/// # Errors
///
/// Fails when the key vault does, or cannot shred.
pub async fn retire_message_keys(ports: &Ports) -> Result<(), PortError> {
    const DAYS: std::ops::RangeInclusive<i64> = 2..=61;
    for days in DAYS {
        let day = ports.now() - time::Duration::days(days);
        ports.vault().shred(day_key(ports.tenant(), day)).await?;
    }
    Ok(())
}

const MESSAGE_PURPOSE: &str = "core.message";

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("code", &self.code)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// A message as the outbox keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SealedMessage {
    /// The idempotency key.
    pub id: EventId,
    /// Whose message it is, if the recipient has an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The message, sealed by the key vault.
    pub sealed: Sealed,
    /// After this time the message is of no use and is dropped.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl SealedMessage {
    /// Opens the message.
    ///
    /// # Errors
    ///
    /// Fails when the key vault does, or when the sealed message was altered.
    pub async fn open(&self, ports: &Ports) -> Result<Message, PortError> {
        let scope = scope(ports.tenant(), self.account, self.expires_at);
        let plain = match ports.vault().open(&scope, MESSAGE_PURPOSE, &self.sealed).await {
            // A message of before there were such keys.
            Err(error) if self.account.is_none() && !is_shredded(&error) => {
                let opened = ports.vault().open(&SealScope::Tenant, MESSAGE_PURPOSE, &self.sealed).await;
                opened.map_err(|_| error)?
            }
            opened => opened?,
        };
        let message: Message = serde_json::from_slice(plain.expose()).map_err(PortError::permanent)?;
        if message.id == self.id {
            Ok(message)
        } else {
            Err(PortError::permanent("the sealed message is another one"))
        }
    }
}

/// Sends messages.
///
/// # Contract
///
/// - `send` completes when the message is handed over (accepted by the mail server), not when it is read.
/// - It may be called again with the same [`Message::id`] after a crash: use it as the idempotency key where the
///   provider has one.
/// - It is called by the outbox relay only, never while a person waits.
///
/// # Cancel safety
///
/// Dropping the future may or may not have sent the message.
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Renders and sends one message.
    ///
    /// # Errors
    ///
    /// A transient error is tried again later; a permanent one drops the message after it was logged.
    async fn send(&self, message: &Message) -> Result<(), PortError>;
}
