//! What goes into a journey and what comes out.

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::account::Account;
use crate::assurance::Acr;
use crate::error::PortError;
use crate::http::{BrowserId, Peer};
use crate::id::{AccountId, SessionId};
use crate::interaction::SignInAsk;
use crate::password::PasswordRejection;
use crate::secret::Secret;
use crate::session::{Authenticated, Session, SessionCookie};

/// Who is at the other end of a step, as the host knows it from the request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Visitor<'a> {
    /// The browser.
    pub browser: &'a BrowserId,
    /// The other side of the connection.
    pub peer: Peer,
    /// The browser's `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// The browser's live session, if it has one.
    pub current: Option<&'a Authenticated>,
}

impl<'a> Visitor<'a> {
    /// A visitor without a session.
    #[must_use]
    pub const fn new(browser: &'a BrowserId, peer: Peer) -> Self {
        Self { browser, peer, user_agent: None, current: None }
    }

    /// Adds the browser's `User-Agent`.
    #[must_use]
    pub const fn with_user_agent(mut self, user_agent: Option<&'a str>) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// Adds the browser's live session.
    #[must_use]
    pub const fn with_session(mut self, current: Option<&'a Authenticated>) -> Self {
        self.current = current;
        self
    }
}

/// What the sign-in is to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Requirements {
    /// Levels of assurance that are asked for, best first; empty when any will do.
    pub acr_values: Vec<Acr>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub languages: Vec<String>,
    /// Which identifier is expected; shown, never trusted.
    pub login_hint: Option<String>,
    /// The person must have proved themselves at or after this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub authenticated_since: Option<OffsetDateTime>,
}

impl Requirements {
    /// What a protocol's question asks for.
    #[must_use]
    pub fn of(ask: &SignInAsk) -> Self {
        Self {
            acr_values: ask.acr_values.clone(),
            languages: ask.ui_locales.clone(),
            login_hint: ask.login_hint.clone(),
            authenticated_since: ask.authenticated_since,
        }
    }

    /// Asks for one of these levels of assurance, best first.
    #[must_use]
    pub fn with_acr_values(mut self, acr_values: Vec<Acr>) -> Self {
        self.acr_values = acr_values;
        self
    }

    /// Asks for a proof at or after this time.
    #[must_use]
    pub const fn with_authenticated_since(mut self, since: OffsetDateTime) -> Self {
        self.authenticated_since = Some(since);
        self
    }

    /// Sets the language preferences.
    #[must_use]
    pub fn with_languages(mut self, languages: Vec<String>) -> Self {
        self.languages = languages;
        self
    }
}

/// What the person is to do next.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "challenge")]
#[non_exhaustive]
pub enum Challenge {
    /// Say who they are and prove it: [`Answer::Credentials`].
    Credentials {
        /// Which identifier is expected, to fill in.
        login_hint: Option<String>,
    },
    /// Register: [`Answer::Register`].
    Registration {
        /// The shortest password, in characters.
        min_password_length: usize,
    },
    /// Type the code that was sent: [`Answer::Code`], or [`Answer::Resend`].
    Code {
        /// The address that it was sent to, as the person typed it.
        sent_to: String,
        /// How many digits it has.
        digits: u32,
        /// When it is no longer good.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
    },
    /// Prove one more factor: [`Answer::Factor`].
    Factor {
        /// The factor's name.
        factor: String,
        /// What the page needs of the factor's challenge.
        data: Value,
    },
}

/// What the person did.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
#[non_exhaustive]
pub enum Answer {
    /// An identifier and a password.
    Credentials {
        /// As typed: an e-mail address, a phone number or a user name.
        identifier: String,
        /// The password.
        password: Secret,
    },
    /// A registration.
    Register(Registration),
    /// The code that was sent.
    Code {
        /// As typed; spaces are ignored.
        code: Secret,
    },
    /// Send another code.
    Resend,
    /// The answer to a factor's challenge.
    Factor {
        /// The factor's name.
        factor: String,
        /// The answer, as the factor wants it.
        response: Value,
    },
}

impl Answer {
    /// An identifier and a password.
    #[must_use]
    pub fn credentials(identifier: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Credentials { identifier: identifier.into(), password: Secret::new(password.into()) }
    }

    /// The code that was sent.
    #[must_use]
    pub fn code(code: impl Into<String>) -> Self {
        Self::Code { code: Secret::new(code.into()) }
    }
}

/// A registration as the person typed it.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Registration {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The name to be called by.
    pub name: Option<String>,
}

impl Registration {
    /// A registration without a name.
    #[must_use]
    pub fn new(email: impl Into<String>, password: impl Into<String>) -> Self {
        Self { email: email.into(), password: Secret::new(password.into()), name: None }
    }

    /// Adds the name to be called by.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

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
}

impl SignedIn {
    pub(super) const fn new(session: Session, cookie: SessionCookie, account: Account) -> Self {
        Self { session, cookie, account }
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
    /// The e-mail address is none.
    Email,
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
            Self::Name => "name",
            Self::Password(rejection) => rejection.code(),
            Self::AlreadyRegistered => "already_registered",
            Self::Denied { .. } => "denied",
            Self::Risk => "risk",
            Self::Unexpected => "unexpected",
        }
    }
}

/// A journey cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// There is none under this handle: it never was, is over, or took too long.
    #[error("there is no such journey")]
    NotFound,
    /// It was begun in another browser.
    #[error("the journey belongs to another browser")]
    OtherBrowser,
    /// It went on in another tab meanwhile.
    #[error("the journey has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the journey cannot be read or written")]
    Port(#[from] PortError),
}
