//! The pages, as typed view models with templates.
//!
//! A page knows nothing of requests, accounts or protocols: a handler fills a view model, and
//! [`web::page`](crate::web::page()) renders it. `README.md` says how to add one.

pub mod account;
mod agree_again;
mod check;
mod choose;
pub mod choose_organization;
mod connection;
mod consent;
mod device;
pub mod enrol;
mod error;
pub mod factor;
mod home;
pub mod invitation;
mod mail;
pub mod organization;
pub mod parts;
mod request;
mod saml_post;
pub mod samples;
mod sign_in;
mod sign_out;
mod sign_up;
mod step;
mod verify;

pub use agree_again::AgreeAgainPage;
pub use check::{CaptchaBox, CheckPage, Work};
pub use choose::ChoosePage;
pub use connection::ConnectionPage;
pub use consent::{AboutClient, ConsentPage, PaymentLines, ScopeLine};
pub use device::{DeviceDonePage, DevicePage};
pub use error::{ErrorPage, Fault};
pub use home::{Demo, DemoAccount, DemoProgram, HomePage};
pub use mail::{MailListPage, MailMessagePage, MailSummary, Piece};
pub use parts::Frame;
pub use request::RequestDonePage;
pub use saml_post::SamlPostPage;
use serde::Serialize;
pub use sign_in::{SignInPage, own_device};
pub use sign_out::{SignOutPage, SignedOutPage};
pub use sign_up::SignUpPage;
pub use step::{StepForm, StepLink, StepPage};
pub use verify::VerifyPage;

/// A page: what its template is given. Declared with `page!`.
pub trait Page: Serialize {
    /// The file in `templates/`.
    fn template(&self) -> &'static str;

    /// What surrounds the page.
    fn frame(&self) -> &Frame<'_>;

    /// Whether something on it is a complaint; the title says so then.
    fn failed(&self) -> bool;
}

/// Makes a struct with the field `frame` a page: `page!(SignInPage, "sign_in.html", identifier, password)` names its
/// template, and the fields that may complain about what was typed.
macro_rules! page {
    ($name:ident, $template:literal $(, $field:ident)* $(,)?) => {
        impl $crate::pages::Page for $name<'_> {
            fn template(&self) -> &'static str {
                $template
            }

            fn frame(&self) -> &$crate::pages::Frame<'_> {
                &self.frame
            }

            fn failed(&self) -> bool {
                false $(|| $crate::pages::parts::Complains::complains(&self.$field))*
            }
        }
    };
}
use page;

#[cfg(test)]
mod tests;
