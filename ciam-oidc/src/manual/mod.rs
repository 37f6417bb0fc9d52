//! The manual: what to know before, and while, relying on this crate. Documentation only.
//!
//! 1. [Certification](_01_certification): the modules of the OpenID Foundation's plans, each with its test and verdict.
//! 2. [Providers](_02_providers): those that many sign people in with, and in what they are not like the others.

pub mod _01_certification;
pub mod _02_providers;
