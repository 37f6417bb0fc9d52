//! Token Status List ([draft-ietf-oauth-status-list-21](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-status-list-21)): a
//! resource that validates JWTs by itself learns which of them were revoked, of many at once and without naming any.
//!
//! Each JWT access token names a list and an index in it, unless it is for a resource
//! [that does not look there](crate::server::ResourceServer::without_status_list). The server publishes the lists; a resource
//! [fetches](crate::validate::StatusChecker) one, keeps it for a little while, and looks the token up. Where
//! [introspection](crate::introspect) tells the server of every request and costs one itself, a list costs one fetch in a minute for
//! all tokens, and says nothing of who is where.
//!
//! ```
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::status_list::StatusListSettings;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .status_lists(StatusListSettings::new())
//!     .build()
//!     .await?;
//! // Beside the other sinks of the relay: it changes the status of tokens when something happens to what stands behind them.
//! let sink = server.status_list_sink();
//! assert_eq!(sink.name(), "oauth.status-lists");
//! # Ok(())
//! # }
//! ```
//!
//! - An index is drawn by a secret permutation: it does not tell when a token was issued, nor which others were issued with it.
//! - Every token has its own, also of one grant, so that two resources cannot find out by it that they serve the same person.
//! - What is stored of a token, and the lists, end with the tokens; [pruning](ciam_core::store::Store::prune) takes them away.
//! - A token that its client revokes changes its status in the same commit. Grants, sessions, accounts, memberships and clients that end
//!   change it through the [relay](crate::AuthorizationServer::status_list_sink), at least once and by the rule of introspection. An account
//!   that is suspended suspends its tokens, until it is let in again.
//! - A token that is issued in the very moment in which what stands behind it ends may miss that. It lives for minutes.
//!
//! Not here: lists as CWT, aggregations of lists, and lists of former times (`time` is answered with 501).

mod follow;
mod issue;
mod list;
mod publish;
mod record;
mod settings;

pub(crate) use self::issue::StatusLists;
pub use self::list::{StatusBits, StatusList, StatusListProblem, TokenStatus};
pub(crate) use self::record::StatusEntry;
pub use self::record::{StatusClaim, StatusReference};
pub use self::settings::StatusListSettings;

/// The `typ` of a Status List Token (section 5.1 of the draft).
pub(crate) const TYP: &str = "statuslist+jwt";
/// Its media type.
pub(crate) const MEDIA_TYPE: &str = "application/statuslist+jwt";
