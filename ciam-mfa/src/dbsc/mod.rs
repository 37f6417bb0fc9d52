//! Device Bound Session Credentials: a session that is worth nothing without a key of its browser.
//!
//! The draft of the W3C's Web Application Security group, as of 17 February 2026
//! ([revision `d346811`](https://github.com/w3c/webappsec-dbsc/blob/d34681127abcef5fad67a1fd99cd0849f7b9b4b0/spec.bs),
//! [editor's draft](https://w3c.github.io/webappsec-dbsc/)). It may change, and so may this module: the feature is called
//! `draft-dbsc`, and is outside of what versions promise.
//!
//! ```text
//! sign-in ──▶ Secure-Session-Registration: (ES256 RS256);path="…";challenge="…"
//! browser makes a key ──▶ POST register, Secure-Session-Response: proof with the key ──▶ instructions, bound cookie (10 min)
//! bound cookie over ──▶ POST refresh, Sec-Secure-Session-Id ──▶ 403, Secure-Session-Challenge
//!                  ──▶ POST refresh, Secure-Session-Response: proof ──▶ bound cookie again
//! ```
//!
//! [`DeviceBoundSessions::binding`] says of each request whether its session is bound and whether it proves it. Hand what it says
//! to the journey ([`Visitor::with_binding`](ciam_core::journey::Visitor::with_binding)): a bound session without its proof is
//! never let through by a risk score. Browsers that do not know the draft ignore the header, and nothing changes for them.
//!
//! # Security
//!
//! - Who copies every cookie has at most the ten minutes of the bound one.
//! - A session is bound once. Who copies the cookies before the browser has registered can bind it to a key of their own: offer
//!   the registration at the sign-in, and nowhere else.
//! - A challenge is for one session, and good once. A proof that was seen on the way is worth nothing.
//! - The refresh endpoint tells by its time whether a session is live: never allow other sites to send credentials there.

mod headers;
mod record;
mod service;

pub use self::headers::{
    SECURE_SESSION_CHALLENGE, SECURE_SESSION_ID, SECURE_SESSION_REGISTRATION, SECURE_SESSION_RESPONSE,
};
pub(crate) use self::record::BoundSession;
pub use self::service::{BOUND_COOKIE, DbscError, DbscPolicy, DeviceBoundSessions, Refreshed, Registered};
