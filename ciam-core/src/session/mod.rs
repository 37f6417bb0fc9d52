//! Sessions: the record of a signed-in browser or app.
//!
//! The browser holds `<session id>.<secret>` in a `__Host-` cookie; the store holds the secret's digest. The secret changes
//! at every sign-in and step-up, the id only when another session begins.

mod beginning;
mod cookie;
mod device;
mod limit;
mod manager;
mod model;
mod notice;
mod policy;
mod remembered;

pub(crate) use self::beginning::{Beginning, StricterLimits};
pub use self::cookie::SessionCookie;
pub use self::device::Device;
pub(crate) use self::limit::Roster;
pub use self::limit::{AtLimit, SessionLimit};
pub use self::manager::{Authenticated, SessionError, SessionManager, StartedSession};
pub use self::model::{Session, SessionEnd, SessionState};
pub use self::policy::SessionPolicy;
pub use self::remembered::{DeviceCookie, DevicePolicy, RememberedDevice, RememberedDevices};
