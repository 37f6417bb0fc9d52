//! What the benches share: contests, in which candidates take turns on the same noisy machine, the keys and tokens that they
//! are given, and the `jsonwebtoken` crate as a peer.

pub mod contest;
pub mod fixtures;
pub mod peer;
