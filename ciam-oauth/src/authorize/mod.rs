//! The authorization endpoint ([RFC 6749, section 3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).
//!
//! A request is read in two steps (where an answer may go, then everything else), frozen, and decided by one table of pure
//! checks over freshly loaded facts. Where a person is needed it stops with an
//! [interaction](ciam_core::interaction): the browser goes to the host's pages and comes back to the resume endpoint,
//! which runs the same table again, whole.
//!
//! ```text
//!  authorize ──▶ read ──▶ load ──▶ decide ──▶ respond (code or error, once)
//!                          ▲         │
//!                   resume │         ▼ ask
//!                          └── the host's pages
//! ```
//!
//! - [`AuthorizationServer::authorize`](crate::AuthorizationServer::authorize) and
//!   [`resume`](crate::AuthorizationServer::resume) take parameters and the [`Visitor`], and return the next [`Step`].
//! - [`answer_consent`](crate::AuthorizationServer::answer_consent) and its like take what the person said;
//!   [`go_on_with`](crate::AuthorizationServer::go_on_with) takes it and goes on at once.

mod answer;
#[cfg(feature = "draft-first-party-apps")]
mod challenge;
mod checks;
mod device;
mod facts;
mod flow;
mod grant;
mod jarm;
mod parse;
mod request;
mod response;
mod response_type;
mod visitor;

pub use self::answer::{ConsentDecision, InteractionAnswer, PendingInteraction};
#[cfg(feature = "draft-first-party-apps")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-first-party-apps")))]
pub use self::challenge::Challenge;
pub use self::flow::{Pause, Step};
pub use self::grant::OFFLINE_ACCESS;
pub use self::request::{AuthorizeRequest, Display, Prompt, PromptSet, ResponseMode};
pub use self::response::{AuthorizeOutcome, AuthorizeResponse};
pub(crate) use self::response::{escape, private, redirect};
pub use self::response_type::ResponseType;
pub use self::visitor::Visitor;
