//! Sign-in.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Field, Notice},
};

/// Asks for identifier and password, on one page so that password managers fill both.
#[derive(Clone, Debug, Serialize)]
pub struct SignInPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// What went wrong. It is the same for an unknown account and a wrong password.
    pub notice: Option<Notice>,
    /// The application that the person is on the way to.
    pub client: Option<String>,
    /// The identifier.
    pub identifier: Field,
    /// The password.
    pub password: Field,
    /// What was interrupted, to continue afterwards.
    pub continuation: Option<String>,
    /// Where to go when the password is forgotten.
    pub recover: String,
    /// Where to create an account instead, when anybody may.
    pub sign_up: Option<String>,
}

page!(SignInPage, "sign_in.html", identifier, password, notice);
