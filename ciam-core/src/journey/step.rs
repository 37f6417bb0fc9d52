//! Where a journey has got to after an answer.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeMap as _;
use time::Duration;

use super::challenge::Challenge;
use crate::account::Account;
use crate::account::schema::SchemaErrors;
use crate::id::{AccountId, SessionId};
use crate::password::PasswordRejection;
use crate::session::{DeviceCookie, Session, SessionCookie, StartedSession};

/// Where a journey has got to.
///
/// Serializes as what a page or an app may be told: `{"step":"challenge",…}`, `{"step":"refused","reason":…}`, and
/// `{"step":"done","session":…,"account":…}` without the cookie, which the host hands over in its own way.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a step goes on, ends well or ends badly")]
pub enum Step {
    /// Go on with this.
    Challenge(Challenge),
    /// There is a session.
    Done(Box<SignedIn>),
    /// Not like that.
    Refused(Refusal),
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case", tag = "step")]
        enum View<'a> {
            Challenge(&'a Challenge),
            Done { session: SessionId, account: AccountId },
            Refused(&'a Refusal),
        }
        let view = match self {
            Self::Challenge(challenge) => View::Challenge(challenge),
            Self::Done(done) => View::Done { session: done.session.id, account: done.account.id },
            Self::Refused(refusal) => View::Refused(refusal),
        };
        view.serialize(serializer)
    }
}

/// The end of a journey.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// What the browser is to hold.
    pub cookie: SessionCookie,
    /// The account.
    pub account: Account,
    /// What the browser is to hold beside it for long, where devices are remembered.
    pub device: Option<DeviceCookie>,
    /// What the person said of the browser, where they were asked: whether it is their own. In one that is not, the cookie
    /// should go when the browser is closed.
    pub own_device: Option<bool>,
}

impl SignedIn {
    pub(super) fn new(started: StartedSession, account: Account, own_device: Option<bool>) -> Self {
        Self { session: started.session, cookie: started.cookie, account, device: started.device, own_device }
    }
}

/// An answer was not accepted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// After this time it can be tried again, where too many attempts are the reason.
    pub retry_after: Option<Duration>,
    /// What the person may do now; `None` when the journey is over.
    pub challenge: Option<Challenge>,
}

impl Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("reason", self.reason.code())?;
        match &self.reason {
            RefusalReason::Password(PasswordRejection::TooShort { min }) => {
                map.serialize_entry("min", min)?
            }
            RefusalReason::Password(PasswordRejection::TooLong { max }) => map.serialize_entry("max", max)?,
            RefusalReason::Denied { code } => map.serialize_entry("code", code)?,
            RefusalReason::Profile(errors) => {
                let problems: BTreeMap<_, _> = errors.iter().map(|(name, it)| (name, it.code())).collect();
                map.serialize_entry("attributes", &problems)?;
            }
            _ => {}
        }
        if let Some(after) = self.retry_after {
            // Rounded up: who waits that long is not refused again.
            map.serialize_entry("retry_after", &(after + Duration::milliseconds(999)).whole_seconds())?;
        }
        map.serialize_entry("next", &self.challenge)?;
        map.end()
    }
}

/// Why an answer was not accepted.
///
/// # Security
///
/// [`Credentials`](Self::Credentials) stands for an unknown identifier, a wrong password, an account that may not sign in,
/// a risk that is too high and a factor that failed: a stranger cannot tell them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// Identifier, password or factor do not prove an account that may sign in.
    Credentials,
    /// Too many attempts.
    TooManyAttempts,
    /// The code is wrong or no longer good.
    Code,
    /// The e-mail address, or phone number where one may register, is none.
    Email,
    /// This way to prove oneself is not allowed here, whoever it is.
    Method,
    /// The name is too long.
    Name,
    /// The password is not accepted.
    Password(PasswordRejection),
    /// The address, which the person has proved to be theirs, was registered meanwhile.
    AlreadyRegistered,
    /// The host's hook refused.
    Denied {
        /// The hook's code.
        code: String,
    },
    /// The risk of a registration is too high.
    Risk,
    /// There is no such invitation: used, revoked, expired, or never sent.
    Invitation,
    /// Terms that cannot be postponed are not accepted.
    Terms,
    /// A further factor cannot be put off any longer.
    Enrolment,
    /// Attributes are not accepted.
    Profile(SchemaErrors),
    /// The check was not passed.
    Human,
    /// The person's organization wants them to sign in by a connection that there is not.
    Connection,
    /// The answer does not belong to the challenge.
    Unexpected,
}

impl RefusalReason {
    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Code => "code",
            Self::Email => "email",
            Self::Method => "method",
            Self::Name => "name",
            Self::Password(rejection) => rejection.code(),
            Self::AlreadyRegistered => "already_registered",
            Self::Denied { .. } => "denied",
            Self::Risk => "risk",
            Self::Invitation => "invitation",
            Self::Terms => "terms",
            Self::Enrolment => "enrolment",
            Self::Profile(_) => "profile",
            Self::Human => "human_check",
            Self::Connection => "connection",
            Self::Unexpected => "unexpected",
        }
    }
}
