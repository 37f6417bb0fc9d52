//! Sign-out.

use askama::Template;

use super::Frame;

/// Asks whether to sign out.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_out.html")]
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

/// Says that nobody is signed in any more.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
}
