//! Sessions: the record of a signed-in browser or app.
//!
//! The browser holds `<session id>.<secret>` in a `__Host-` cookie; the store holds the secret's digest. The secret changes
//! at every sign-in and step-up, the id only when another session begins.

mod cookie;
mod manager;
mod model;

pub use self::cookie::SessionCookie;
pub(crate) use self::manager::Beginning;
pub use self::manager::{Authenticated, SessionError, SessionManager, SessionPolicy, StartedSession};
pub use self::model::{Session, SessionEnd, SessionState};
