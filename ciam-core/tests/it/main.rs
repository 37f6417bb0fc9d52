//! Public-API tests of ciam-core, one module per topic.

mod interactions;
mod relay;
mod sessions;
mod sign_in;
mod sign_up;
mod world;
