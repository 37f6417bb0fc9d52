//! To read: what can go wrong with factors and what is done about it, and every default.

pub mod _01_hazards;
pub mod _02_defaults;
