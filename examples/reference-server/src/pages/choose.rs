//! The choice of an account.

use serde::Serialize;

use super::{Frame, page};

/// Asks which account to go on with.
#[derive(Clone, Debug, Serialize)]
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

page!(ChoosePage, "choose.html");
