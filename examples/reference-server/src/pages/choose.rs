//! The choice of an account.

use askama::Template;

use super::{Frame, parts};

/// Asks which account to go on with.
#[derive(Clone, Debug, Template)]
#[template(path = "choose.html")]
pub struct ChoosePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// The pending request of the application.
    pub handle: String,
    /// The application that the person is on the way to.
    pub client: Option<String>,
    /// Who is signed in.
    pub name: String,
    /// With which identifier.
    pub identifier: String,
    /// Where to sign in as somebody else.
    pub other: String,
}

impl ChoosePage<'_> {
    fn letter(&self) -> String {
        parts::letter(&self.name)
    }
}
