//! To read: what stops each attack, every limit and default, and what works with whom.

pub mod _01_attacks;
pub mod _02_limits;
pub mod _03_interop;
