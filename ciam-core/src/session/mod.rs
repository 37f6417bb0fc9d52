//! Sessions: the record of a signed-in browser or app.

mod model;

pub use self::model::{Session, SessionEnd, SessionState};
