//! The owner changes, adds or removes the password.

use super::owner::{Owner, OwnerError, Proved};
#[cfg(doc)]
use super::policy::AccountPolicy;
use super::service::Accounts;
use super::ways_in::WaysIn;
use super::{Account, IdentifierKind};
use crate::actor::Actor;
use crate::event::{Event, EventType};
use crate::notify::MessageCode;
use crate::password::{PasswordFactor, PasswordHash};
use crate::secret::Secret;
use crate::session::{Authenticated, SessionEnd, StartedSession};
use crate::store::{Batch, EntityRef, Write};

impl Accounts {
    /// Sets the password of an account: another one, or the first. Every other session is over, and what applications hold
    /// from them; this one goes on with a new secret.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when the current password that they give is wrong, when the new
    /// one is not accepted, when the account changes meanwhile, and when a port fails.
    ///
    /// # Security
    ///
    /// Whoever holds a stolen session cannot set a password: they would have to give the current one, or to have proved the
    /// account's own factors just now.
    pub async fn set_password(&self, owner: &Owner<'_>, new: &Secret) -> Result<StartedSession, OwnerError> {
        let mut proved = self.prove(owner).await?;
        let words = personal_words(proved.account());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let hash = self.password.accept(&self.ports, new, &words).await?;
        for _ in 0..Self::MAX_RACES {
            let batch = self.setting(&proved, &hash)?;
            let code = MessageCode::PasswordChanged;
            if let Some(started) = self.changing_password(owner, &proved, batch, code).await? {
                return Ok(started);
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    /// Takes the current password as proof that the session's person is the owner: the session is renewed with it, and what
    /// asks for a [recent](AccountPolicy::recent) proof can be done.
    ///
    /// # Errors
    ///
    /// Fails when the password is wrong or was tried too often, when the account changes meanwhile, and when a port fails.
    pub async fn prove_password(&self, owner: &Owner<'_>) -> Result<StartedSession, OwnerError> {
        let mut proved = self.prove(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let (batch, started) =
                self.sessions.renewing(proved.batch(), &proved.current, proved.proof.clone(), None).await?;
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(started);
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    /// Removes the password of an account that has another way in. Every other session is over; this one goes on with a new
    /// secret.
    ///
    /// # Errors
    ///
    /// Fails when there is none or it is the last way in, when the owner has to prove themselves first, when the account
    /// changes meanwhile, and when a port fails.
    pub async fn remove_password(&self, owner: &Owner<'_>) -> Result<StartedSession, OwnerError> {
        let mut proved = self.prove(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let credential = proved.password().ok_or(OwnerError::NotFound)?;
            let federated = self.identities_of(proved.account().id).await?.len();
            let ways = WaysIn::of(proved.account(), &proved.credentials, federated, &self.policy);
            if ways.without_password().is_empty() {
                return Err(OwnerError::LastWayIn);
            }
            let batch = Batch::new()
                .require_version(EntityRef::Credential(credential.value.id), credential.version)
                .write(Write::DeleteCredential(credential.value.id))
                .event(self.credential_event(proved.account(), "removed")?);
            let code = MessageCode::PasswordRemoved;
            if let Some(started) = self.changing_password(owner, &proved, batch, code).await? {
                return Ok(started);
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    fn setting(&self, proved: &Proved, hash: &PasswordHash) -> Result<Batch, OwnerError> {
        let (batch, credential, change) = match proved.password() {
            Some(known) => (
                Batch::new().require_version(EntityRef::Credential(known.value.id), known.version),
                PasswordFactor::replaced(known.value.clone(), hash),
                "replaced",
            ),
            None => {
                let first = PasswordFactor::credential(&self.ports, proved.account().id, hash)?;
                (Batch::new().require_absent(EntityRef::Credential(first.id)), first, "added")
            }
        };
        let event = self.credential_event(proved.account(), change)?;
        Ok(batch.write(Write::PutCredential(credential)).event(event))
    }

    /// Commits the change of a password with everything that goes with it: the account's next epoch, the renewed session,
    /// the notice. `None` when something of it has changed at the same moment. The account is written even where nothing
    /// else of it changes: so two removals at once cannot both succeed.
    async fn changing_password(
        &self,
        owner: &Owner<'_>,
        proved: &Proved,
        batch: Batch,
        code: MessageCode,
    ) -> Result<Option<StartedSession>, OwnerError> {
        let mut next = proved.current.clone();
        next.account.value.session_epoch = next.account.value.session_epoch.saturating_add(1);
        next.account.value.updated_at = self.now();
        let notice = self.notice(&next.account.value, code, &owner.languages)?;
        let batch = proved.batch().append(batch).write(Write::PutAccount(next.account.value.clone()));
        let batch = self.with_notice(batch, notice).await?;
        let (batch, started) = self.sessions.renewing(batch, &next, proved.proof.clone(), None).await?;
        if !self.ports.store().commit(batch).await?.is_applied() {
            return Ok(None);
        }
        self.end_other_sessions(&next).await;
        Ok(Some(started))
    }

    /// They are over by the account's epoch already; ending each one tells those who wait for the event.
    async fn end_other_sessions(&self, current: &Authenticated) {
        let (account, keep) = (current.account.value.id, current.session.value.id);
        let _told_less = self.sessions.end_others(account, Some(keep), SessionEnd::PasswordChanged).await;
    }

    fn credential_event(&self, account: &Account, change: &str) -> Result<Event, OwnerError> {
        let event = Event::new(&self.ports, EventType::CREDENTIAL_CHANGED, account.event_subject())?;
        Ok(event.by(&Actor::Account(account.id)).with("factor", PasswordFactor::NAME).with("change", change))
    }
}

/// What others know of the person: addresses and names.
fn personal_words(account: &Account) -> Vec<String> {
    let mut words = Vec::new();
    for identifier in account.held().filter(|it| it.key.kind() != IdentifierKind::Phone) {
        let text = identifier.key.as_str();
        words.push(text.to_owned());
        words.extend(text.split_once('@').map(|(local, _)| local.to_owned()));
    }
    for name in ["name", "given_name", "family_name", "nickname"] {
        words.extend(account.profile.text(name).map(ToOwned::to_owned));
    }
    words
}
