//! Whether what stands behind a grant is still there.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::session::{Session, SessionState};
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::error::GrantProblem;
use crate::grant::{Grant, GrantState};
use crate::organization::OrganizationClaims;

/// What stands behind a grant that can be used.
#[derive(Clone, Debug)]
pub(crate) struct GrantHolder {
    pub(crate) account: Account,
    /// The session that the grant hangs on; `None` when it was given for offline access.
    pub(crate) session: Option<Session>,
    /// The organization that the person acts for.
    pub(crate) organization: Option<OrganizationClaims>,
}

impl AuthorizationServer {
    /// What stands behind a grant, or why it cannot be used.
    ///
    /// A grant that was not given for offline access ends with the session in which it was given: when the session is
    /// ended, when the account has gone on without it (a new password, a suspension), or when it reaches its absolute
    /// limit. The session's idle limit does not count: an application that refreshes is used, though the browser does not
    /// come by here. One for offline access outlives its session, and not a change of the account's epoch after which its
    /// session was over.
    pub(crate) async fn grant_holder(
        &self,
        grant: &Grant,
        now: OffsetDateTime,
    ) -> Result<Result<GrantHolder, GrantProblem>, PortError> {
        if !matches!(grant.state, GrantState::Active) {
            return Ok(Err(GrantProblem::Revoked));
        }
        if now >= grant.expires_at {
            return Ok(Err(GrantProblem::Expired));
        }
        let session = if grant.ends_with_session { self.session_behind(grant, now).await? } else { None };
        if grant.ends_with_session && session.is_none() {
            return Ok(Err(GrantProblem::SessionEnded));
        }
        let account = self.ports().store().account(grant.account).await?.map(|found| found.value);
        let Some(account) = account.filter(|account| account.may_sign_in(now)) else {
            return Ok(Err(GrantProblem::AccountInactive));
        };
        let of_this_epoch = |session: &Session| session.epoch == account.session_epoch;
        let outlived = match &session {
            Some(session) => !of_this_epoch(session),
            None if grant.epoch.is_none_or(|epoch| epoch == account.session_epoch) => false,
            None => !self.session_behind(grant, now).await?.as_ref().is_some_and(of_this_epoch),
        };
        if outlived {
            return Ok(Err(GrantProblem::SessionEnded));
        }
        let organization = match grant.organization {
            None => None,
            Some(id) => match self.organization_of(grant, id, now).await? {
                Some(claims) => Some(claims),
                None => return Ok(Err(GrantProblem::OrganizationLeft)),
            },
        };
        Ok(Ok(GrantHolder { account, session, organization }))
    }

    /// The session in which a grant was given, if it has not ended.
    async fn session_behind(&self, grant: &Grant, now: OffsetDateTime) -> Result<Option<Session>, PortError> {
        let found = self.ports().store().session(grant.session).await?.map(|found| found.value);
        Ok(found.filter(|session| {
            session.account == grant.account
                && matches!(session.state, SessionState::Active)
                && now < session.expires_at
        }))
    }
}
