//! Refresh tokens: their text, their rule, and their use.
//!
//! A refresh token names its grant and a generation, authenticated by a key of the tenant. The grant's one record says
//! which generation is live, so a use, its retry, a replay and a revocation all contend on that record, and the store keeps
//! no token.
//!
//! - A confidential client keeps its token; a public client gets a new one at each use, unless the client says otherwise
//!   ([`RefreshRotation`](crate::client::RefreshRotation)).
//! - The token that was just replaced may be used again for a short time, as long as nobody presented its successor: the
//!   answer was lost. The successor is retired then, so there are never two live tokens.
//! - Any older token is replay: the grant is revoked, and everything of it.
//! - A text that nobody was ever given revokes nothing, and neither does a token in another client's hands.
//! - Every use asks again whether the account may sign in and whether the session, if the grant hangs on it, is there.

mod exchange;
mod rule;
mod secrets;
mod text;

pub use self::rule::{Generations, Presentation};
pub(crate) use self::secrets::RefreshSecrets;
pub(crate) use self::text::RefreshTokenText;
