//! Registration.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Field, Notice},
};

/// Asks for address, name and password of a new account.
#[derive(Clone, Debug, Serialize)]
pub struct SignUpPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// What went wrong with the form as a whole.
    pub notice: Option<Notice>,
    /// The address.
    pub email: Field,
    /// The name.
    pub name: Field,
    /// The password.
    pub password: Field,
    /// What was interrupted, to continue afterwards.
    pub continuation: Option<String>,
    /// The journey that the form goes on with.
    pub journey: Option<String>,
    /// Where to sign in instead.
    pub sign_in: String,
    /// Anybody may create an account.
    pub open: bool,
}

page!(SignUpPage, "sign_up.html", email, name, password, notice);
