//! The account page.

use askama::Template;

use super::{Field, Frame, Notice, parts};

/// What a person sees and does about their own account.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The forms' anti-forgery tokens.
    pub csrf: AccountTokens,
    /// What was just done.
    pub notice: Option<Notice>,
    /// What the person is called.
    pub name: String,
    /// The name, to change it.
    pub display_name: Field,
    /// Since when the account exists.
    pub since: String,
    /// The language that the account prefers.
    pub language: Option<String>,
    /// Addresses, numbers and names that identify the account.
    pub identifiers: Vec<IdentifierLine>,
    /// Where the account is signed in.
    pub sessions: Vec<SessionLine>,
    /// What was allowed to applications.
    pub applications: Vec<ApplicationLine>,
    /// The organizations that the account belongs to.
    pub organizations: Vec<OrganizationLine>,
}

impl AccountPage<'_> {
    fn letter(&self) -> String {
        parts::letter(&self.name)
    }

    fn has_others(&self) -> bool {
        self.sessions.iter().any(|it| !it.current)
    }
}

/// The anti-forgery tokens of the account page, one for each address that a form posts to.
#[derive(Clone, Debug)]
pub struct AccountTokens {
    /// `/sign-out`.
    pub sign_out: String,
    /// `/account/profile`.
    pub profile: String,
    /// `/account/sessions`.
    pub sessions: String,
    /// `/account/applications`.
    pub applications: String,
}

/// An identifier of the account.
#[derive(Clone, Debug)]
pub struct IdentifierLine {
    /// The address, number or name.
    pub value: String,
    /// What it is, in words.
    pub kind: String,
    /// The account holder proved that it is theirs.
    pub verified: bool,
    /// It is the one that is used first.
    pub primary: bool,
}

/// A place where the account is signed in.
#[derive(Clone, Debug)]
pub struct SessionLine {
    /// The session.
    pub id: String,
    /// What is known of the device.
    pub device: Option<String>,
    /// When the session began.
    pub started: String,
    /// When it was last used.
    pub seen: String,
    /// It is the one that shows this page.
    pub current: bool,
}

/// An application that may act for the account.
#[derive(Clone, Debug)]
pub struct ApplicationLine {
    /// The client.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was allowed.
    pub since: String,
    /// What it may do, in words.
    pub scopes: String,
}

/// An organization that the account belongs to.
#[derive(Clone, Debug)]
pub struct OrganizationLine {
    /// Its name.
    pub name: String,
    /// The roles of the account in it, in words.
    pub roles: String,
}
