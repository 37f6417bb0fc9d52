//! Registration.

use askama::Template;

use super::{Field, Frame, Notice, Tone};

/// Asks for address, name and password of a new account.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_up.html")]
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
    /// Where to sign in instead.
    pub sign_in: String,
    /// Anybody may create an account.
    pub open: bool,
}

impl SignUpPage<'_> {
    fn failed(&self) -> bool {
        self.email.is_invalid()
            || self.name.is_invalid()
            || self.password.is_invalid()
            || self.notice.as_ref().is_some_and(|it| it.tone() == Tone::Bad)
    }
}
