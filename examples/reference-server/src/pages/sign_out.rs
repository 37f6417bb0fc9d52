//! Sign-out.

use serde::Serialize;

use super::{Frame, page};

/// Asks whether to sign out.
#[derive(Clone, Debug, Serialize)]
pub struct SignOutPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// Who is signed in.
    pub viewer: String,
    /// The application that asks for it.
    pub client: Option<String>,
    /// The pending request of the application.
    pub handle: Option<String>,
}

page!(SignOutPage, "sign_out.html");

/// Says that nobody is signed in any more.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOutPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
}

page!(SignedOutPage, "signed_out.html");
