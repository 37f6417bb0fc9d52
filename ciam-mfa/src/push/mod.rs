//! Approval on another device, by number.
//!
//! An app on a registered device holds a key. When a sign-in needs one more proof, the sign-in page shows a number of two
//! digits, the app is woken, and the person types the number there. What the app sends back is signed: the request, its
//! challenge, the decision and the number.
//!
//! ```text
//! journey ── challenge ──▶ request (ephemeral) ── wake ──▶ app
//!    │  shows 42                                            │ the person types 42
//!    ◀── status: approved ── compare-and-swap ◀── signed answer
//!    └── verify: takes the request, once ──▶ proof
//! ```
//!
//! # Security
//!
//! - **Nobody is worn down.** An account gets few requests in an hour, one at a time: a new one takes the place of the last. There
//!   is nothing to tap: who does not see the page does not know the number, and one wrong number ends the request.
//! - **No is an answer.** The person can deny a request, or report it: then there are no more for an hour, and the host hears of
//!   it.
//! - **Once.** A request is answered once, and an approval is taken once, in the journey in which it was asked for.
//! - It can be phished: a false site can show the number of a true one. Its proof is possession, and no more.

mod answers;
mod device;
mod factor;
mod request;
mod sender;

pub use self::answers::{PushAnswered, PushApprovals, PushError, PushRequest, PushStatus};
pub(crate) use self::device::{PushDevice, credential};
pub use self::factor::{PushFactor, PushPolicy};
pub use self::sender::{NoPushSender, PushSender, PushWake};
