//! What a person is asked, and what they answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::methods::Methods;
use crate::account::schema::AttributeType;
use crate::notify::Channel;
use crate::secret::{Secret, SecretJson};
use crate::terms::{DocumentName, TermsDue};

/// What the person is to do next.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "challenge")]
#[non_exhaustive]
pub enum Challenge {
    /// Say who they are and prove it: [`Answer::Credentials`].
    Credentials {
        /// Which identifier is expected, to fill in.
        login_hint: Option<String>,
        /// The ways that are allowed: with a password [`Answer::Credentials`], with a code [`Answer::SendCode`]. Who does not
        /// know yet says who they are first: [`Answer::Identify`].
        methods: Methods,
        /// Factors that say themselves who the person is, such as a passkey: [`Answer::Factor`], without an identifier.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        first: Vec<FirstFactorAsk>,
        /// The organization of the identifier's domain, where that says how its people sign in.
        organization: Option<String>,
    },
    /// Go to an identity provider elsewhere: the host sends the browser there, and goes on with what comes back. Or say that
    /// one is somebody else: [`Answer::Identify`].
    Connection {
        /// The connection, by the name that the host has for it.
        connection: String,
        /// The organization whose people sign in there.
        organization: String,
        /// Which identifier was typed, to hand on.
        login_hint: Option<String>,
    },
    /// Register: [`Answer::Register`].
    Registration {
        /// What was typed before, to fill in.
        login_hint: Option<String>,
        /// The shortest password, in characters.
        min_password_length: usize,
        /// The ways to sign in later. Without a password among them, or with another one beside it, none need be chosen.
        methods: Methods,
    },
    /// Accept an invitation, with a password or without: [`Answer::AcceptInvitation`].
    Invitation {
        /// The shortest password, in characters.
        min_password_length: usize,
        /// The ways to sign in later.
        methods: Methods,
    },
    /// Type the code that was sent: [`Answer::Code`], or [`Answer::Resend`]. Or open the link that was sent with it.
    Code {
        /// What the code is for.
        purpose: CodePurpose,
        /// How it was sent.
        channel: Channel,
        /// The address that it was sent to, as the person typed it; or their user name.
        sent_to: String,
        /// How many digits it has.
        digits: u32,
        /// When it is no longer good.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
    },
    /// Pass a check before anything else: [`Answer::Human`].
    Human {
        /// The check's name, such as `proof_of_work`.
        check: String,
        /// What the page needs of the check's challenge.
        data: Value,
    },
    /// Prove one more factor: [`Answer::Factor`].
    Factor {
        /// The factor's name.
        factor: String,
        /// What the page needs of the factor's challenge.
        data: Value,
        /// The factors that may be proved in its place: [`Answer::AnotherFactor`].
        #[serde(skip_serializing_if = "Vec::is_empty")]
        others: Vec<String>,
    },
    /// Say whose password is forgotten: [`Answer::Recover`].
    Recovery {
        /// Which identifier is expected, to fill in.
        login_hint: Option<String>,
    },
    /// Choose a new password: [`Answer::NewPassword`].
    NewPassword {
        /// The shortest password, in characters.
        min_password_length: usize,
    },
    /// The account was closed by its owner: take it back with [`Answer::TakeBack`]. There is no session before.
    TakeBack {
        /// From when it is erased otherwise.
        #[serde(with = "time::serde::rfc3339")]
        erase_after: OffsetDateTime,
    },
    /// Accept terms: [`Answer::AcceptTerms`]. There is no session before.
    Terms {
        /// What is to be accepted.
        documents: Vec<TermsAsk>,
    },
    /// Say what is missing in the profile: [`Answer::Profile`]. There is no session before.
    Profile {
        /// The attributes.
        attributes: Vec<AttributeAsk>,
    },
    /// Add a further factor: choose one with [`Answer::BeginEnrolment`], then add it with [`Answer::Enrol`]. There is no session
    /// before, unless it is put off.
    Enrolment {
        /// The names of the factors that may be added.
        offered: Vec<String>,
        /// The one that was chosen.
        chosen: Option<String>,
        /// What the page needs to add the chosen one. It may hold a secret.
        data: SecretJson,
        /// Until when it may be put off: [`Answer::PostponeEnrolment`]; `None`: not at all.
        #[serde(with = "time::serde::rfc3339::option")]
        postponable_until: Option<OffsetDateTime>,
    },
}

/// A factor with which a sign-in can begin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FirstFactorAsk {
    /// The factor's name.
    pub factor: String,
    /// What the page needs of the factor's challenge.
    pub data: Value,
}

/// The acceptance of an invitation.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Acceptance {
    /// The token of the invitation.
    pub token: Secret,
    /// The password; `None` for a person who signs in without one.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The name to be called by.
    #[serde(default)]
    pub name: Option<String>,
}

impl Acceptance {
    /// An acceptance without a password and a name.
    #[must_use]
    pub const fn new(token: Secret) -> Self {
        Self { token, password: None, name: None }
    }

    /// Adds the password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password.into()));
        self
    }

    /// Adds the name to be called by.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// A version of a document that is to be accepted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TermsAsk {
    /// The document.
    pub document: DocumentName,
    /// The version.
    pub version: String,
    /// The title that people read.
    pub title: Option<String>,
    /// Where it can be read.
    pub url: Option<String>,
    /// The language of the text, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Whether the person accepted an older version.
    pub again: bool,
    /// Until when they may go on without; `None`: not at all.
    #[serde(with = "time::serde::rfc3339::option")]
    pub postponable_until: Option<OffsetDateTime>,
}

impl TermsAsk {
    pub(super) fn of(due: &TermsDue, languages: &[String]) -> Self {
        let text = due.version.text_for(languages);
        Self {
            document: due.version.document.clone(),
            version: due.version.version.clone(),
            title: text.and_then(|(_, text)| text.title.clone()),
            url: text.and_then(|(_, text)| text.url.clone()),
            locale: text.map(|(locale, _)| locale.to_owned()),
            again: due.again,
            postponable_until: due.postponable_until,
        }
    }
}

/// An attribute that is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttributeAsk {
    /// The attribute.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// The key of its name in the host's texts.
    pub label: Option<String>,
}

/// A version of a document that a person accepts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AcceptedVersion {
    /// The document.
    pub document: DocumentName,
    /// The version.
    pub version: String,
}

impl AcceptedVersion {
    /// A version of a document.
    #[must_use]
    pub fn new(document: DocumentName, version: impl Into<String>) -> Self {
        Self { document, version: version.into() }
    }

    pub(super) fn is(&self, due: &TermsDue) -> bool {
        self.document == due.version.document && self.version == due.version.version
    }
}

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodePurpose {
    /// To finish a registration.
    Registration,
    /// To sign in.
    SignIn,
    /// To choose a new password.
    Recovery,
    /// To confirm a sign-in that looks unlike its owner: the password is proved, and the code goes to an address of the
    /// account's own.
    Confirmation,
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
    /// An identifier alone: how do its people sign in?
    Identify {
        /// As typed: an e-mail address, a phone number or a user name.
        identifier: String,
    },
    /// A registration.
    Register(Registration),
    /// The acceptance of an invitation.
    AcceptInvitation(Acceptance),
    /// Send a code to sign in with, in place of a password.
    SendCode {
        /// As typed: an e-mail address, a phone number or a user name.
        identifier: String,
        /// How to send it; `None` leaves it to the identifier: to a phone by text message where that is allowed, else by
        /// mail.
        #[serde(default)]
        channel: Option<Channel>,
    },
    /// The code that was sent.
    Code {
        /// As typed; spaces are ignored.
        code: Secret,
    },
    /// The link that was sent with the code was opened, and the person said that they want what it is for. See
    /// [`JourneyLink`](super::JourneyLink).
    Link {
        /// The secret of the link.
        proof: Secret,
    },
    /// Send another code.
    Resend,
    /// The password is forgotten.
    Recover {
        /// As typed: an e-mail address, a phone number or a user name.
        identifier: String,
    },
    /// Take the closed account back.
    TakeBack,
    /// Accept terms: those that were shown, by their versions. Those that may be postponed may be left out.
    AcceptTerms {
        /// The versions.
        accepted: Vec<AcceptedVersion>,
    },
    /// Attributes of the profile.
    Profile {
        /// The values, by name.
        attributes: BTreeMap<String, Value>,
    },
    /// A new password.
    NewPassword {
        /// The password.
        password: Secret,
    },
    /// The answer to a check.
    Human {
        /// The answer, as the check wants it.
        response: String,
    },
    /// The answer to a factor's challenge.
    Factor {
        /// The factor's name.
        factor: String,
        /// The answer, as the factor wants it.
        response: Value,
    },
    /// Ask for another of the account's factors in place of this one.
    AnotherFactor {
        /// The factor's name, one of those that the challenge offers.
        factor: String,
    },
    /// Choose a factor to add.
    BeginEnrolment {
        /// The factor's name, one of those that the challenge offers.
        factor: String,
    },
    /// Add the factor that was chosen.
    Enrol {
        /// The factor's name.
        factor: String,
        /// The answer, as the factor wants it.
        response: Value,
    },
    /// Add a factor later, where that is allowed.
    PostponeEnrolment,
}

impl Answer {
    /// An identifier and a password.
    #[must_use]
    pub fn credentials(identifier: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Credentials { identifier: identifier.into(), password: Secret::new(password.into()) }
    }

    /// The answer to a factor's challenge.
    #[must_use]
    pub fn factor(factor: impl Into<String>, response: Value) -> Self {
        Self::Factor { factor: factor.into(), response }
    }

    /// A wish to prove another factor.
    #[must_use]
    pub fn another_factor(factor: impl Into<String>) -> Self {
        Self::AnotherFactor { factor: factor.into() }
    }

    /// The choice of a factor to add.
    #[must_use]
    pub fn begin_enrolment(factor: impl Into<String>) -> Self {
        Self::BeginEnrolment { factor: factor.into() }
    }

    /// The answer that adds the factor that was chosen.
    #[must_use]
    pub fn enrol(factor: impl Into<String>, response: Value) -> Self {
        Self::Enrol { factor: factor.into(), response }
    }

    /// A wish to add a factor later.
    #[must_use]
    pub const fn postpone_enrolment() -> Self {
        Self::PostponeEnrolment
    }

    /// An identifier alone.
    #[must_use]
    pub fn identify(identifier: impl Into<String>) -> Self {
        Self::Identify { identifier: identifier.into() }
    }

    /// A wish for a code to sign in with.
    #[must_use]
    pub fn send_code(identifier: impl Into<String>) -> Self {
        Self::SendCode { identifier: identifier.into(), channel: None }
    }

    /// A forgotten password.
    #[must_use]
    pub fn recover(identifier: impl Into<String>) -> Self {
        Self::Recover { identifier: identifier.into() }
    }

    /// A new password.
    #[must_use]
    pub fn new_password(password: impl Into<String>) -> Self {
        Self::NewPassword { password: Secret::new(password.into()) }
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
    /// The e-mail address, or a phone number with its `+` where codes by text message are allowed.
    #[serde(alias = "email")]
    pub identifier: String,
    /// The password; `None` for a person who signs in without one.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The name to be called by.
    #[serde(default)]
    pub name: Option<String>,
}

impl Registration {
    /// A registration without a name.
    #[must_use]
    pub fn new(identifier: impl Into<String>, password: impl Into<String>) -> Self {
        let password = Some(Secret::new(password.into()));
        Self { identifier: identifier.into(), password, name: None }
    }

    /// A registration without a password and a name.
    #[must_use]
    pub fn passwordless(identifier: impl Into<String>) -> Self {
        Self { identifier: identifier.into(), password: None, name: None }
    }

    /// Adds the name to be called by.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
