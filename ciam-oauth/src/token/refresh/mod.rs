//! Refresh tokens.

mod rule;

pub use self::rule::{Generations, Presentation};
