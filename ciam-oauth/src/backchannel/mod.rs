//! Authentication through the back channel
//! ([CIBA Core 1.0](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html)): a till, a call
//! centre or a bank's partner starts a sign-in, and the person answers on a device of their own.
//!
//! The client says whom it means and what it wants to be allowed. The host finds the person
//! ([`BackchannelPeople::find`]) and reaches them ([`BackchannelPeople::reach`]) with a handle; behind it, in whatever page or app
//! the host has, [`open_backchannel`](crate::AuthorizationServer::open_backchannel) goes on as with any authorization request:
//! the same table of checks, the same interactions, a sign-in where that is needed, and always a question. The client asks at the
//! token endpoint (*poll*), is told that there is something to ask for (*ping*), or is sent the tokens (*push*), or, where the host calls
//! [`end_unanswered`](crate::AuthorizationServer::end_unanswered), that nobody has answered in time.
//!
//! # Security
//!
//! - Only clients that authenticate may begin one. What they say of themselves is not what the person is shown.
//! - The handle is as random as a secret, and opens nothing by itself: whoever has it must be signed in as the person that was
//!   meant. A person always answers, whatever they allowed before, and sees the client's binding message.
//! - What a client is pinged or pushed with is sealed while it waits, and sent only to the address that is registered.
//! - Answers are compare-and-swaps on one record, as with [devices](crate::device): one counts, and tokens are given out once.

mod client;
mod delivery;
mod endpoint;
mod error;
mod expiry;
mod people;
mod question;
mod settings;

pub use self::client::{BackchannelClient, Delivery};
pub(crate) use self::delivery::SealedNotice;
pub use self::endpoint::BackchannelStarted;
pub use self::error::BackchannelError;
pub use self::people::{BackchannelPeople, Hint, HintProblem, Notice, UserCodeProblem};
pub use self::question::BackchannelQuestion;
pub use self::settings::BackchannelSettings;
