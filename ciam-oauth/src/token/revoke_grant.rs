//! Revoking a grant, and with it every token of it.

use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::id::GrantId;
use ciam_core::store::{self, Batch, EntityRef, StoredRecord, Versioned};

use crate::AuthorizationServer;
use crate::event;
use crate::grant::{AuthorizationCode, Grant, GrantState, RevocationReason};

/// How often a lost race for a grant's record is run again.
const ATTEMPTS: usize = 16;

impl AuthorizationServer {
    /// Revokes a grant: its refresh token, and its access tokens wherever they are introspected. A JWT that a resource
    /// validates by itself is accepted until it expires.
    ///
    /// Returns whether this call revoked it; a grant that is unknown, expired or revoked already is left as it is.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn revoke_grant(&self, id: GrantId, reason: RevocationReason) -> Result<bool, PortError> {
        for _ in 0..ATTEMPTS {
            let found = store::load::<Grant>(self.ports().store(), &Grant::record_key(id)).await?;
            let Some(found) = found.filter(|found| matches!(found.value.state, GrantState::Active)) else {
                return Ok(false);
            };
            if self.revoke_loaded(found, reason).await? {
                return Ok(true);
            }
        }
        Err(PortError::transient("the grant is being changed by others"))
    }

    /// Revokes a grant that is as it was loaded; `false` when it has changed meanwhile.
    pub(super) async fn revoke_loaded(
        &self,
        found: Versioned<Grant>,
        reason: RevocationReason,
    ) -> Result<bool, PortError> {
        let event = self.revoked_event(&found.value, reason)?;
        let grant = found.value.revoke(self.ports().now(), reason);
        let entity = EntityRef::record::<Grant>(Grant::record_key(grant.id));
        let batch = Batch::new().require_version(entity, found.version).put(&grant)?.event(event);
        Ok(self.ports().store().commit(batch).await?.is_applied())
    }

    /// Revokes what a code made or is about to make.
    ///
    /// The exchange that spent the code may not have committed yet. It is given a moment, so that the one who was first
    /// gets the answer; then the revoked grant is stored in its place, and the exchange finds that it is there. In either
    /// order no token of the code is live in the end.
    pub(super) async fn revoke_replayed(&self, code: &AuthorizationCode) -> Result<(), PortError> {
        for wait in GRANT_WAITS {
            if self.is_stored(code.grant).await? {
                self.revoke_grant(code.grant, RevocationReason::CodeReplay).await?;
                return Ok(());
            }
            self.ports().runtime().sleep(wait).await;
        }
        let now = self.ports().now();
        let end = now + self.config().lifetimes.spent_code;
        let grant = Grant::of_code(code, now, end).revoke(now, RevocationReason::CodeReplay);
        let event = self.revoked_event(&grant, RevocationReason::CodeReplay)?;
        let entity = EntityRef::record::<Grant>(Grant::record_key(grant.id));
        let batch = Batch::new().require_absent(entity).put(&grant)?.event(event);
        if !self.ports().store().commit(batch).await?.is_applied() {
            self.revoke_grant(code.grant, RevocationReason::CodeReplay).await?;
        }
        Ok(())
    }

    async fn is_stored(&self, grant: GrantId) -> Result<bool, PortError> {
        Ok(self.ports().store().record(Grant::KIND, &Grant::record_key(grant)).await?.is_some())
    }

    fn revoked_event(&self, grant: &Grant, reason: RevocationReason) -> Result<Event, PortError> {
        Ok(self.grant_event(event::GRANT_REVOKED, grant)?.with("reason", reason.as_str()))
    }

    pub(super) fn grant_event(
        &self,
        event_type: ciam_core::event::EventType,
        grant: &Grant,
    ) -> Result<Event, PortError> {
        Ok(Event::new(self.ports(), event_type, format!("account:{}", grant.account))?
            .with("client", grant.client.as_str())
            .with("grant", grant.id.to_string()))
    }
}

/// How long a replayer waits for the exchange that was first, step by step.
const GRANT_WAITS: [std::time::Duration; 6] = [
    std::time::Duration::from_millis(5),
    std::time::Duration::from_millis(15),
    std::time::Duration::from_millis(30),
    std::time::Duration::from_millis(60),
    std::time::Duration::from_millis(120),
    std::time::Duration::from_millis(240),
];
