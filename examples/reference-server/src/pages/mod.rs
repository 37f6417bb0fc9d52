//! The pages, as typed view models with compiled templates.
//!
//! A page knows nothing of requests, accounts or protocols: a handler fills a view model and renders it. Every
//! value is escaped by the template engine; what is not plain text is a component of `parts` that renders
//! itself from its own template.

mod account;
mod choose;
mod consent;
mod error;
mod home;
mod mail;
mod parts;
pub mod samples;
mod sign_in;
mod sign_out;
mod sign_up;
mod verify;

pub use account::{
    AccountPage, AccountTokens, ApplicationLine, IdentifierLine, OrganizationLine, SessionLine,
};
pub use choose::ChoosePage;
pub use consent::{ConsentPage, ScopeLine};
pub use error::{ErrorPage, Fault};
pub use home::{Demo, DemoAccount, DemoProgram, HomePage};
pub use mail::{MailListPage, MailMessagePage, MailSummary, Piece};
pub use parts::{Field, Frame, Input, LanguageLink, Notice, Tone};
pub use sign_in::SignInPage;
pub use sign_out::{SignOutPage, SignedOutPage};
pub use sign_up::SignUpPage;
pub use verify::VerifyPage;

#[cfg(test)]
mod tests;
