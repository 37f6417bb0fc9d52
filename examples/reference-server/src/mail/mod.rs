//! Messages to people: what they say, and the catcher that keeps them in development mode.

mod catcher;
mod text;

pub use catcher::{Caught, MailCatcher};
pub use text::{Letter, Writer};
