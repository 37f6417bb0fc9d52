//! To read: what stops each attack, and every limit and default.

pub mod _01_attacks;
pub mod _02_limits;
