//! What the benches share: contests, in which candidates take turns on the same noisy machine, the keys and tokens that they
//! are given, the floors and the peers that they are held against, and the table of what was promised.

pub mod cached;
pub mod cold;
pub mod contest;
pub mod fixtures;
pub mod gates;
pub mod peer;
pub mod peer_programs;
pub mod raw;
pub mod rotation;
