//! Proof of the email address.

use askama::Template;

use super::{Field, Frame, Notice, Tone};

/// Asks for the code that was sent.
#[derive(Clone, Debug, Template)]
#[template(path = "verify.html")]
pub struct VerifyPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// What went wrong, or that a new code was sent.
    pub notice: Option<Notice>,
    /// Where the code was sent.
    pub email: String,
    /// The journey that the code belongs to.
    pub journey: String,
    /// What was interrupted, to continue afterwards.
    pub continuation: Option<String>,
    /// The code.
    pub code: Field,
    /// Where to start again with another address.
    pub restart: String,
}

impl VerifyPage<'_> {
    fn failed(&self) -> bool {
        self.code.is_invalid() || self.notice.as_ref().is_some_and(|it| it.tone() == Tone::Bad)
    }
}
