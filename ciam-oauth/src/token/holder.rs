//! Whether what stands behind a grant is still there.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::session::{Session, SessionState};
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::error::GrantProblem;
use crate::grant::{Grant, GrantState};

/// What stands behind a grant that can be used.
#[derive(Clone, Debug)]
pub(crate) struct GrantHolder {
    pub(crate) account: Account,
    /// The session that the grant hangs on; `None` when it was given for offline access.
    pub(crate) session: Option<Session>,
}

impl AuthorizationServer {
    /// What stands behind a grant, or why it cannot be used.
    ///
    /// A grant that was not given for offline access ends with the session in which it was given: when the session is
    /// ended or reaches its absolute limit. The session's idle limit does not count: an application that refreshes is
    /// used, though the browser does not come by here.
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
        let mut session = None;
        if grant.ends_with_session {
            let found = self.ports().store().session(grant.session).await?.map(|found| found.value);
            session = found.filter(|session| {
                session.account == grant.account
                    && matches!(session.state, SessionState::Active)
                    && now < session.expires_at
            });
            if session.is_none() {
                return Ok(Err(GrantProblem::SessionEnded));
            }
        }
        let account = self.ports().store().account(grant.account).await?.map(|found| found.value);
        let account = account.filter(|account| account.status.may_sign_in());
        Ok(account.map(|account| GrantHolder { account, session }).ok_or(GrantProblem::AccountInactive))
    }
}
