//! The threat model.
//!
//! It is that of [RFC 9700](https://www.rfc-editor.org/rfc/rfc9700#section-3), in the terms of this crate.
//!
//! # What is protected
//!
//! - That a client gets tokens only for what a person allowed it, or for what it is registered for itself.
//! - That a token which leaked is worth little: for one audience, for minutes, and ended with its grant.
//! - That a person's sign-in ends where the person meant it to: in that client, in that browser, with that account.
//!
//! # Who attacks
//!
//! | attacker | can | cannot be stopped from |
//! | --- | --- | --- |
//! | a web attacker | send the person's browser anywhere, post forms from elsewhere, run an own client and an own site | starting an authorization that nobody completes |
//! | a reader of front-channel traffic | see URLs, referrers, histories and logs of codes and responses | seeing `state` and the code of its own requests |
//! | a malicious client | be registered and ask for anything, answer as it likes | asking the person, in the host's words, for what it is registered for |
//! | a malicious app on the device | register the same private-use scheme, listen on loopback ports | sending the same request as the honest app, which the person then sees |
//! | a malicious resource | use tokens that it was sent elsewhere | reading what is in a JWT that it was sent |
//! | a reader of the database | read every record, ephemeral value and backup | learning who uses what |
//! | a client that replays and races | send the same request a hundred times at once | being refused ninety-nine times |
//!
//! An attacker who controls the host's process, its key vault or the person's browser has won already.
//!
//! # What the host must do
//!
//! - **Serve over TLS**, and not hand requests for other hosts to [`handle`](crate::AuthorizationServer::handle).
//! - **Say who the peer is.** Forwarding headers are the host's to judge; this crate reads none.
//! - **Protect its own forms** against requests from other sites. This crate demands the browser's cookie beside that.
//! - **Show what is asked.** A consent page that hides the client's name or the scope defeats the consent.
//! - **Limit what strangers can start.** An authorization request from nobody stores an interaction until it expires. A limit
//!   per address belongs before [`handle`](crate::AuthorizationServer::handle), where the host knows its traffic.
//! - **Sign people in properly**, which is [`ciam_core::journey`]'s business.
//! - **Keep the clock.** Expiry, freshness and replay windows are as good as the [`Clock`](ciam_core::clock::Clock).
