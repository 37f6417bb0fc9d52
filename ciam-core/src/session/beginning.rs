//! What a session begins with.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use super::{DeviceCookie, Session};
use crate::assurance::AuthenticationContext;
use crate::risk::Assessment;
use crate::store::Versioned;

/// How a session begins.
#[derive(Debug)]
pub(crate) struct Beginning<'a> {
    /// What its person has proved.
    pub(crate) context: AuthenticationContext,
    /// The session that the browser had, which ends.
    pub(crate) previous: Option<&'a Versioned<Session>>,
    /// The browser's `User-Agent`.
    pub(crate) user_agent: Option<&'a str>,
    /// What the risk engine said.
    pub(crate) risk: Option<&'a Assessment>,
    /// The browser's address, to know the place.
    pub(crate) address: Option<IpAddr>,
    /// The browser's device cookie.
    pub(crate) device: Option<&'a DeviceCookie>,
    /// Limits that are stricter than the policy's.
    pub(crate) limits: StricterLimits,
    /// The person says that the browser is their own.
    pub(crate) own: bool,
}

/// Limits of one session where they are stricter than the policy's, in seconds: those of the organization whose person signs
/// in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StricterLimits {
    /// Without use.
    pub(crate) idle: Option<u32>,
    /// In any case, from now on.
    pub(crate) absolute: Option<u32>,
}

impl StricterLimits {
    pub(super) fn hold(self, session: &mut Session, now: OffsetDateTime) {
        let stricter = |limit: u32| session.organization_idle.map_or(limit, |known| known.min(limit));
        session.organization_idle = self.idle.map(stricter).or(session.organization_idle);
        if let Some(limit) = self.absolute {
            session.expires_at = session.expires_at.min(now + Duration::seconds(i64::from(limit)));
        }
    }
}
