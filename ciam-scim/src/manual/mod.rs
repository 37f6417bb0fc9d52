//! The manual: documentation only.

pub mod _01_accounts;
pub mod _02_attacks_and_defences;
pub mod _03_supported;
pub mod _04_defaults;
