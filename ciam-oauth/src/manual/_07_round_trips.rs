//! What each flow costs the host's stores.
//!
//! Calls of the [`Store`](ciam_core::store::Store) (reads, and commits, each of which is one transaction) and of the
//! [`Ephemeral`](ciam_core::ephemeral::Ephemeral) store, counted by a test for one request over HTTP, client authentication included.
//! Reads of one row by its key; nothing here lists or scans. Keys, consent texts and the registry's settings are in memory.
//!
//! | flow | reads | commits | ephemeral |
//! | --- | --- | --- | --- |
//! | authorization of somebody who is signed in, to a code | 4 | 1 | 1 |
//! | consent, answered and gone on with in place, to a code | 4 | 1 | 4 |
//! | consent, answered and gone on with at the resume endpoint, to a code | 6 | 1 | 6 |
//! | token: code, for a JWT and a refresh token | 2 | 1 | 3 |
//! | token: code, for an opaque token and a refresh token | 2 | 1 | 3 |
//! | token: refresh of a confidential client | 3 | 0 | 0 |
//! | token: refresh of a public client, which rotates | 3 | 1 | 0 |
//! | token: client credentials, for a JWT | 1 | 0 | 0 |
//! | introspection of a JWT | 5 | 0 | 0 |
//! | introspection of an opaque token | 5 | 0 | 0 |
//! | introspection of an opaque token, by the client that has it | 4 | 0 | 0 |
//! | token: client credentials, for a JWT in a status list | 1 | 1 | 0 |
//! | token: refresh of a confidential client, for a JWT in a status list | 3 | 1 | 0 |
//! | token: code, for a JWT in a status list and a refresh token | 2 | 1 | 3 |
//!
//! Once in 256 tokens, a server with status lists takes new places: one read and one commit more.
//! A token that is encrypted for its resource is stored like an opaque one: where the table has no commit for a JWT, it costs one.
//!
//! A client is read in each of them, so that a change on any node is heeded at once; it is decoded only when it has changed
//! ([`Clients::find`](crate::client::Clients::find)).
