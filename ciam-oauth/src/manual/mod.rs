//! The manual: what to know before, and while, relying on this crate. Documentation only.
//!
//! 1. [The threat model](_01_threat_model): who attacks, with what, and what is left to the host.
//! 2. [Attacks and defences](_02_attacks_and_defences): each known attack, and the check or type that stops it.
//! 3. [How to](_03_how_to): mount the server, write the pages, register clients, protect an API.
//! 4. [Supported specifications](_04_supported_specifications): what is implemented, and what is not.
//! 5. [Defaults](_05_defaults): every default and limit, with its reason.
//! 6. [Resource servers](_06_resource_servers): accept access tokens in an API.
//! 7. [Round trips](_07_round_trips): what each flow costs the stores.
//! 8. [Browsers](_08_browsers): which endpoints scripts of other origins can call.

pub mod _01_threat_model;
pub mod _02_attacks_and_defences;
pub mod _03_how_to;
pub mod _04_supported_specifications;
pub mod _05_defaults;
pub mod _06_resource_servers;
pub mod _07_round_trips;
pub mod _08_browsers;
