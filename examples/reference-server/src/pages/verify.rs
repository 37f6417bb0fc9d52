//! Proof of the email address.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Field, Notice},
};

/// Asks for the code that was sent.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// What went wrong, or that a new code was sent.
    pub notice: Option<Notice>,
    /// The code was sent by text message.
    pub by_phone: bool,
    /// Where the code was sent, and what to do with it.
    pub lead: String,
    /// The journey that the code belongs to.
    pub journey: String,
    /// What was interrupted, to continue afterwards.
    pub continuation: Option<String>,
    /// The code.
    pub code: Field,
    /// Where to start again with another address.
    pub restart: String,
}

page!(VerifyPage, "verify.html", code, notice);
