//! Asking the person to confirm that it is they, before they change what they sign in with.

use serde::Serialize;

use crate::{
    i18n::Texts,
    pages::parts::{Action, Field, Input},
};

/// The panel that asks for it: `{{ proofs.panel(proof) }}` of `account/proof.html`.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Where the password goes.
    pub action: Action,
    /// The page to come back to.
    pub to: &'static str,
    /// The password, where the account has one and it is enough.
    pub password: Option<Field>,
    /// Where the person proves themselves with all that the account has.
    pub again: String,
}

impl Proof {
    /// A panel that leads back to the page `to`.
    pub fn new(t: &Texts, action: Action, to: &'static str, by_password: bool) -> Self {
        let field = || Field::new("current-password", Input::CurrentPassword, t.field.password.as_str());
        Self { action, to, password: by_password.then(field), again: format!("/confirm?continue={to}") }
    }
}
