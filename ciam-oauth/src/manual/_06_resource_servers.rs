//! Resource servers: accept access tokens in an API.
//!
//! # In one piece
//!
//! A [`ResourceServer`](crate::validate::ResourceServer) takes a request's method, path and headers and gives the claims of its
//! token, or the refusal to send. Everything in it is optional and off until it is given.
//!
//! ```
//! use bytes::Bytes;
//! use ciam_core::http::Peer;
//! use ciam_core::jose::AlgorithmSet;
//! use ciam_core::ports::Ports;
//! use ciam_oauth::dpop::DpopChecker;
//! use ciam_oauth::validate::{
//!     CachingValidator, DiscoveredKeys, Requirements, ResourceMetadata, ResourceRequest, ResourceServer,
//!     TokenCachePolicy, Validator,
//! };
//!
//! // Once, when the service starts. Nothing is fetched yet: it may start before the server that it trusts.
//! fn resource_server(ports: Ports) -> Result<ResourceServer, Box<dyn std::error::Error>> {
//!     let keys = DiscoveredKeys::new(ports.clone(), "https://id.example".parse()?);
//!     let validator = Validator::new("https://id.example".parse()?, "https://api.example", keys);
//!     let caching = CachingValidator::new(validator, TokenCachePolicy::default(), ports.entropy())?;
//!     let metadata = ResourceMetadata::new("https://api.example".parse()?, "https://id.example".parse()?)
//!         .with_scopes("orders:read orders:pay".parse()?)
//!         .with_dpop(AlgorithmSet::ASYMMETRIC);
//!     Ok(ResourceServer::new(ports.clone(), "https://api.example")
//!         .with_caching_validator(caching)
//!         .with_dpop(DpopChecker::new(ports))
//!         .with_metadata(metadata))
//! }
//!
//! // At each request of one route.
//! async fn pay(server: &ResourceServer, request: &http::Request<Bytes>, peer: &Peer) -> http::Response<Bytes> {
//!     let Ok(scopes) = "orders:pay".parse() else { return http::Response::default() };
//!     let wanted = Requirements::new()
//!         .with_scopes(scopes)
//!         .with_acr_values(["urn:ciam:acr:aal2"])
//!         .with_max_age(time::Duration::minutes(5));
//!     let facts = ResourceRequest::new(request.method(), request.uri().path(), request.headers()).with_peer(peer);
//!     match server.admit(&facts, &wanted).await {
//!         Ok(admitted) => {
//!             let mut response = http::Response::new(Bytes::from(admitted.access.subject().to_owned()));
//!             admitted.complete(response.headers_mut());
//!             response
//!         }
//!         Err(refusal) => refusal.to_response(),
//!     }
//! }
//! # let _ = (resource_server, pay);
//! ```
//!
//! With axum this is a layer: `examples/axum-glue` has it, and `examples/resource-server` uses it.
//!
//! # What the client is told
//!
//! | what is wrong | status | challenge |
//! | --- | --- | --- |
//! | no token | 401 | the schemes, without an error ([RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3)) |
//! | two headers, or no token after the scheme | 400 | `invalid_request` |
//! | whatever makes a token bad | 401 | `invalid_token`, one text for all reasons |
//! | a scope value is missing | 403 | `insufficient_scope`, with the scope |
//! | the person has to authenticate again, or better | 401 | `insufficient_user_authentication`, with `acr_values` and `max_age` ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470)) |
//! | the proof is bad | 401 | `DPoP`, `invalid_dpop_proof` |
//! | the proof needs a nonce | 401 | `DPoP`, `use_dpop_nonce`, and the header `DPoP-Nonce` |
//! | nobody can say whether the token is good: no keys were fetched yet, or they are too old; introspection does not answer; the list of its status cannot be had | 503, `Retry-After` | none |
//!
//! With [`with_metadata`](crate::validate::ResourceServer::with_metadata) every challenge names the metadata of the resource, from
//! which a client learns whom to ask for a token ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)). Publish them at
//! [`ResourceMetadata::path`](crate::validate::ResourceMetadata::path).
//!
//! # Several issuers
//!
//! [`Validator::with_issuer`](crate::validate::Validator::with_issuer) adds one with its own keys. A token is checked with the keys
//! of the issuer that it names. Two issuers may have the same subjects: take
//! [`issuer`](crate::validate::AccessToken::issuer) and [`subject`](crate::validate::AccessToken::subject) together.
//!
//! # Tokens that are bound to their sender
//!
//! A token with `cnf` is refused without the proof, whatever is configured. To accept it:
//!
//! - **DPoP**: give a [`DpopChecker`](crate::dpop::DpopChecker). The address in a proof is compared with the configured base and the
//!   request's path; the `Host` header decides nothing. Used proofs are remembered in the
//!   [`Ephemeral`](ciam_core::ephemeral::Ephemeral) store, which all nodes share. With
//!   [`DpopNonces`](crate::dpop::DpopNonces), all nodes have the same secret.
//! - **Mutual TLS**: give the certificate in [`Peer`](ciam_core::http::Peer). It comes from your TLS stack, or from a header of a
//!   proxy that *you* trust and that removes the header from what strangers send; this crate reads none.
//! - To accept no others: [`with_sender_constraint`](crate::validate::Validator::with_sender_constraint).
//!
//! # Opaque tokens
//!
//! ```
//! use ciam_core::error::PortError;
//! use ciam_core::ports::Ports;
//! use ciam_oauth::issuer::Issuer;
//! use ciam_oauth::validate::{IntrospectionAuth, Introspector, TokenRules};
//!
//! fn introspector(ports: Ports, issuer: Issuer, auth: IntrospectionAuth) -> Result<Introspector, PortError> {
//!     let endpoint = issuer.endpoint("/introspect");
//!     Introspector::new(ports, issuer, endpoint, auth, TokenRules::new("https://api.example"))
//! }
//! # let _ = introspector;
//! ```
//!
//! The authorization server must know the API as a client that [serves](crate::client::Client::serving) the resource. When the
//! endpoint does not answer, requests are refused with 503: there is no setting that lets them through.
//!
//! # Revocation
//!
//! A JWT is good until it expires. What makes revocation arrive earlier is one of three:
//!
//! - a [`DenyList`](crate::validate::DenyList) that you tell of it (from back-channel logout, from events), issuer by issuer;
//! - the lists that an issuer publishes, with the feature `draft-status-list`: `Validator::with_status_checks` and a `StatusChecker`
//!   fetch one in a minute for all tokens in it, and let nothing pass of which no list says that it is valid;
//! - opaque tokens, where an answer is believed for [30 seconds](crate::validate::IntrospectionPolicy::active_for).
//!
//! # Encrypted tokens
//!
//! A resource that does not want its tokens read by clients and proxies makes a key, publishes it or gives it to the authorization server
//! ([`ResourceEncryption`](crate::server::ResourceEncryption)), and opens them with
//! [`with_decryption`](crate::validate::Validator::with_decryption). Tokens that are not encrypted are refused from then on; while the
//! server begins, [`accepting_unencrypted`](crate::validate::TokenDecryption::accepting_unencrypted) takes both. To change the key, open
//! with both for as long as tokens live, publish the new one alone, and take the old one away.
//!
//! # Keys in the background
//!
//! Keys are fetched when they are due, by one request, while the others use the last good ones. To have no request wait at all,
//! spawn [`RemoteKeys::keep_fresh`](ciam_core::jose::RemoteKeys::keep_fresh).
