//! The manual: what to know before, and while, relying on this crate. Documentation only.
//!
//! 1. [Certification](_01_certification): the modules of the OpenID Foundation's plans, each with its test and verdict.

pub mod _01_certification;
