//! Public-API tests of ciam-mfa, one module per topic.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics is a test that fails")]

mod manage;
mod otp;
mod recovery;
mod world;
