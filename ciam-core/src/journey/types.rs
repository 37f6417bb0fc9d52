//! What goes into a journey and what comes out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::account::Account;
use crate::assurance::Acr;
use crate::error::PortError;
use crate::http::{BrowserId, Peer};
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
}

impl Requirements {
    /// What a protocol's question asks for.
    #[must_use]
    pub fn of(ask: &SignInAsk) -> Self {
        Self {
            acr_values: ask.acr_values.clone(),
            languages: ask.ui_locales.clone(),
            login_hint: ask.login_hint.clone(),
        }
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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// What the person may do now; `None` when the journey is over.
    pub challenge: Option<Challenge>,
}

/// Why an answer was not accepted.
///
/// # Security
///
/// [`Credentials`](Self::Credentials) stands for an unknown identifier, a wrong password, an account that may not sign in
/// and a factor that failed: a stranger cannot tell them apart.
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
    /// The address was registered meanwhile.
    AlreadyRegistered,
    /// The host's hook refused.
    Denied {
        /// The hook's code.
        code: String,
    },
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
