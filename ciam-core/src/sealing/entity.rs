//! Accounts, credentials and sessions as they are stored, and as they are read.
//!
//! Each is taken apart field by field: a new field does not compile here before somebody has decided whether it is personal.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::SealingStore;
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, Profile};
use crate::credential::{Credential, CredentialState};
use crate::error::PortError;
use crate::id::AccountId;
use crate::place::Place;
use crate::session::Session;
use crate::vault::{SealScope, Sealed, is_shredded};

/// The attribute, or the member of a JSON object, that holds what is sealed.
pub(super) const MARK: &str = "ciam.sealed";

const ACCOUNT: &str = "core.account";
const CREDENTIAL: &str = "core.credential";
const SESSION: &str = "core.session";

/// What of an account is sealed.
#[derive(Serialize, Deserialize)]
struct PersonalAccount {
    /// The readable identifiers, in the account's order.
    identifiers: Vec<String>,
    profile: Profile,
}

/// What of a credential is sealed.
#[derive(Serialize, Deserialize)]
struct PersonalCredential {
    data: Value,
    label: Option<String>,
}

/// What of a session is sealed.
#[derive(Serialize, Deserialize)]
struct PersonalSession {
    user_agent: Option<String>,
    #[serde(default)]
    place: Option<Place>,
}

impl SealingStore {
    /// An account as it is stored.
    pub(super) async fn seal_account(&self, account: Account) -> Result<Account, PortError> {
        let Account {
            id,
            status,
            status_cause,
            erase_after,
            identifiers,
            profile,
            session_epoch,
            demand,
            created_at,
            updated_at,
        } = account;
        let readable = identifiers.iter().map(|identifier| identifier.key.as_str().to_owned()).collect();
        let mut hashed = Vec::with_capacity(identifiers.len());
        for Identifier { key, verified_at, reserved_until } in identifiers {
            hashed.push(Identifier { key: self.hashed(&key).await?, verified_at, reserved_until });
        }
        let personal = PersonalAccount { identifiers: readable, profile };
        // What has nothing to hide needs no key: an erased account, above all, whose key is gone.
        let nothing = personal.identifiers.is_empty() && personal.profile.iter().next().is_none();
        let profile = if nothing {
            Profile::new()
        } else {
            Profile::holding(MARK, self.seal(id, ACCOUNT, &personal).await?.as_str().into())
        };
        Ok(Account {
            id,
            status,
            status_cause,
            erase_after,
            identifiers: hashed,
            profile,
            session_epoch,
            demand,
            created_at,
            updated_at,
        })
    }

    /// An account as it is read.
    pub(super) async fn open_account(&self, mut account: Account) -> Result<Account, PortError> {
        let Some(sealed) = account.profile.text(MARK) else { return Ok(account) };
        let sealed = Sealed::from_text(sealed);
        let Some(personal) = self.open_for::<PersonalAccount>(account.id, ACCOUNT, &sealed).await? else {
            account.status = AccountStatus::Erased;
            account.identifiers = Vec::new();
            account.profile = Profile::new();
            return Ok(account);
        };
        if personal.identifiers.len() != account.identifiers.len() {
            return Err(damaged());
        }
        for (identifier, readable) in account.identifiers.iter_mut().zip(personal.identifiers) {
            let kind = identifier.key.kind();
            identifier.key = IdentifierKey::from_stored(kind, readable).map_err(|_| damaged())?;
        }
        account.profile = personal.profile;
        Ok(account)
    }

    /// A credential as it is stored.
    pub(super) async fn seal_credential(&self, credential: Credential) -> Result<Credential, PortError> {
        let Credential { id, account, factor, state, data, counter, label, created_at, last_used_at } =
            credential;
        let sealed = self.seal(account, CREDENTIAL, &PersonalCredential { data, label }).await?;
        let data = json!({ MARK: sealed.as_str() });
        let label = None;
        Ok(Credential { id, account, factor, state, data, counter, label, created_at, last_used_at })
    }

    /// A credential as it is read: one whose key is gone is revoked and empty.
    pub(super) async fn open_credential(&self, mut credential: Credential) -> Result<Credential, PortError> {
        let Some(sealed) = marked(&credential.data) else { return Ok(credential) };
        match self.open_for::<PersonalCredential>(credential.account, CREDENTIAL, &sealed).await? {
            Some(personal) => {
                credential.data = personal.data;
                credential.label = personal.label;
            }
            None => {
                credential.state = CredentialState::Revoked;
                credential.data = Value::Null;
            }
        }
        Ok(credential)
    }

    /// A session as it is stored.
    pub(super) async fn seal_session(&self, session: Session) -> Result<Session, PortError> {
        let Session {
            id,
            account,
            state,
            token_digest,
            context,
            risk,
            epoch,
            organization,
            organization_idle,
            user_agent,
            place,
            device,
            created_at,
            last_seen_at,
            idle_expires_at,
            expires_at,
        } = session;
        let user_agent = match (user_agent, place) {
            (None, None) => None,
            (user_agent, place) => {
                let sealed = self.seal(account, SESSION, &PersonalSession { user_agent, place }).await?;
                Some(format!("{MARK}:{}", sealed.as_str()))
            }
        };
        Ok(Session {
            id,
            account,
            state,
            token_digest,
            context,
            risk,
            epoch,
            organization,
            organization_idle,
            user_agent,
            place: None,
            device,
            created_at,
            last_seen_at,
            idle_expires_at,
            expires_at,
        })
    }

    /// A session as it is read: of one whose key is gone nothing personal is left.
    pub(super) async fn open_session(&self, mut session: Session) -> Result<Session, PortError> {
        let marked = session.user_agent.as_deref().and_then(|text| text.strip_prefix(MARK));
        let Some(sealed) = marked.and_then(|text| text.strip_prefix(':')) else { return Ok(session) };
        let sealed = Sealed::from_text(sealed);
        let personal = self.open_for::<PersonalSession>(session.account, SESSION, &sealed).await?;
        (session.user_agent, session.place) =
            personal.map_or((None, None), |personal| (personal.user_agent, personal.place));
        Ok(session)
    }

    async fn seal<T: Serialize + Sync>(
        &self,
        account: AccountId,
        purpose: &str,
        value: &T,
    ) -> Result<Sealed, PortError> {
        // The cause could quote the value, and the error goes to the log.
        let plain = serde_json::to_vec(value).map_err(|_| damaged())?;
        self.vault.seal(&SealScope::Account(account), purpose, &Zeroizing::new(plain)).await
    }

    /// Opens what was sealed for an account; `None` when its key was shredded.
    async fn open_for<T: DeserializeOwned>(
        &self,
        account: AccountId,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<Option<T>, PortError> {
        match self.vault.open(&SealScope::Account(account), purpose, sealed).await {
            Ok(plain) => serde_json::from_slice(plain.expose()).map(Some).map_err(|_| damaged()),
            Err(error) if is_shredded(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What is sealed in a JSON object of nothing else.
pub(super) fn marked(value: &Value) -> Option<Sealed> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(MARK)?.as_str().map(Sealed::from_text)
}

fn damaged() -> PortError {
    PortError::permanent("what is sealed in a row is not what belongs there")
}
