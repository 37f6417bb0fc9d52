//! The `http` crate's types at the boundary: parameters, cookies and what the host knows of the peer.

mod cookies;
mod params;
mod peer;

pub use self::cookies::{
    BROWSER_COOKIE, BrowserId, DEVICE_COOKIE, SESSION_COOKIE, cookie, expired_cookie, set_cookie,
};
pub use self::params::{Params, ParamsError, ParamsLimits, form_decode};
pub use self::peer::Peer;
