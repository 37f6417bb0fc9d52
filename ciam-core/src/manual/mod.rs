//! Documentation that belongs to no single type.

pub mod _01_threat_model;
pub mod _02_implementing_ports;
pub mod _03_defaults;
pub mod _04_encrypted_tokens;
