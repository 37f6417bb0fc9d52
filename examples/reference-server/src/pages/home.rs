//! The start page.

use serde::Serialize;

use super::{Frame, page};

/// What this server is; in development mode, also how to try it.
#[derive(Clone, Debug, Serialize)]
pub struct HomePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub viewer: Option<String>,
    /// Anybody may create an account.
    pub sign_up_open: bool,
    /// What to try, in development mode.
    pub demo: Option<Demo>,
}

page!(HomePage, "home.html");

/// The demonstration data of development mode.
#[derive(Clone, Debug, Serialize)]
pub struct Demo {
    /// An account to sign in with.
    pub account: Option<DemoAccount>,
    /// An application to sign in to.
    pub application: Option<DemoProgram>,
    /// An API that the application may call.
    pub api: Option<DemoProgram>,
}

/// The demo account and its password, which development mode does not keep secret.
#[derive(Clone, Debug, Serialize)]
pub struct DemoAccount {
    /// The address to sign in with.
    pub email: String,
    /// The password.
    pub password: String,
}

/// One of the example programs.
#[derive(Clone, Debug, Serialize)]
pub struct DemoProgram {
    /// Where it listens.
    pub url: String,
    /// How it is started.
    pub command: &'static str,
}
