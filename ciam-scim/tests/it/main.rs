//! Conversations with the service provider.

mod bulk;
mod concurrency;
mod directories;
mod groups;
mod hostile;
mod identity;
mod paging;
mod protocol;
mod world;
