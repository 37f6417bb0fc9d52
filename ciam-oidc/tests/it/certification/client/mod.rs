//! The client plans: the relying party against a provider that follows a script, and strays from it in exactly the module's way.
//!
//! The provider of [`op`] answers behind the [`HttpClient`](ciam_core::outbound::HttpClient) port. What it is made to do is what
//! the public suite's provider does in the module of the same name; what is asserted is what that module wants of a client.

mod basic;
mod dynamic;
mod fapi;
mod logout;
mod op;
mod quirks;
