//! How to …
//!
//! # … mount the server
//!
//! Pass every request below the issuer to [`handle`](crate::AuthorizationServer::handle), and those for
//! `/.well-known/oauth-authorization-server` followed by the issuer's path, if it has one. The request's path is the whole path.
//! Bound the body before it is read; 256 KiB is plenty.
//!
//! Single endpoints can be mounted by their typed methods instead ([`authorize`](crate::AuthorizationServer::authorize),
//! [`resume`](crate::AuthorizationServer::resume), [`push`](crate::AuthorizationServer::push)); the HTTP rules are then the host's.
//!
//! # … write the pages
//!
//! The browser arrives at the interaction URL with a handle. Read what is asked, in that browser:
//!
//! ```
//! use ciam_core::http::BrowserId;
//! use ciam_core::interaction::{Ask, InteractionHandle};
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::authorize::{ConsentDecision, Visitor};
//!
//! /// `GET /interaction/{handle}`: which page to show.
//! async fn page(server: &AuthorizationServer, handle: &str, headers: &http::HeaderMap) -> String {
//!     let handle = InteractionHandle::from_text(handle);
//!     match server.interaction(&handle, BrowserId::from_headers(headers).as_ref()).await {
//!         Ok(pending) => match pending.ask {
//!             Ask::SignIn(ask) => format!("sign in; reasons: {:?}; then go to {}", ask.reasons, pending.resume_url),
//!             Ask::SelectAccount(_) => "go on with this account, or another?".to_owned(),
//!             Ask::Consent(ask) => {
//!                 // Both lists: the second may be all there is, when the person only confirms.
//!                 let name = ask.client_name.unwrap_or(ask.client_id);
//!                 format!("{name} wants {:?}, and has {:?}", ask.scopes, ask.already_allowed)
//!             }
//!             _ => "please update this page".to_owned(),
//!         },
//!         Err(error) => error.to_string(),
//!     }
//! }
//!
//! /// `POST` of the consent form, after its anti-forgery token was checked: where to send the browser.
//! async fn allow(
//!     server: &AuthorizationServer,
//!     handle: &str,
//!     headers: &http::HeaderMap,
//! ) -> Result<String, Box<dyn std::error::Error>> {
//!     let visitor = Visitor::from_headers(server, headers).await?;
//!     let handle = InteractionHandle::from_text(handle);
//!     Ok(server.answer_consent(&handle, &visitor, ConsentDecision::AllowAll).await?)
//! }
//! # let _ = (page, allow);
//! ```
//!
//! - For [`Ask::SignIn`](ciam_core::interaction::Ask::SignIn) run a [journey](ciam_core::journey) with the asked levels and
//!   freshness, set the session cookie, and send the browser to the resume URL. If the person cannot reach the level, say so with
//!   [`answer_cannot_step_up`](crate::AuthorizationServer::answer_cannot_step_up).
//! - For [`Ask::SelectAccount`](ciam_core::interaction::Ask::SelectAccount) offer the account that is signed in
//!   ([`answer_account`](crate::AuthorizationServer::answer_account)) and a sign-in with another.
//! - For [`Ask::Consent`](ciam_core::interaction::Ask::Consent) show who wants what: every sentence of `details`, and the scope
//!   values with the descriptions in
//!   [`Config::scopes`](crate::server::Config::scopes).
//! - Offer a way out: [`cancel`](crate::AuthorizationServer::cancel).
//! - Pages of the server's own process can answer a form with what comes next, rather than with the way to the resume endpoint:
//!   [`go_on`](crate::AuthorizationServer::go_on) after a sign-in, [`go_on_with`](crate::AuthorizationServer::go_on_with) for every other
//!   answer. It spares a redirect, and [some calls of the stores](super::_07_round_trips). What they return is a response of the
//!   authorization endpoint, with headers of its own.
//!
//! The anti-forgery token of a form is [`BrowserId::token_for`](ciam_core::http::BrowserId::token_for), compared when the form
//! comes back.
//!
//! The content security policy of these pages must let forms go on to the clients: browsers apply `form-action` to the redirects
//! behind a form as well. [`RedirectUri::origin`](crate::redirect_uri::RedirectUri::origin) of the pending request's redirect
//! URI says what to allow.
//!
//! # … keep it running
//!
//! Spawn what [the core's manual](ciam_core::manual) lists: the key ring ([`keys`](crate::AuthorizationServer::keys)), the
//! relay, and pruning.
//!
//! # … show errors in the host's look
//!
//! A page that says why a sign-in is not possible carries its [`SafeError`](crate::error::SafeError) in the response's extensions:
//!
//! ```
//! use bytes::Bytes;
//! use ciam_oauth::error::SafeError;
//!
//! fn dress(response: http::Response<Bytes>) -> http::Response<Bytes> {
//!     match response.extensions().get::<SafeError>() {
//!         Some(error) => {
//!             let page = format!("<h1>Sorry</h1><p>{}</p>", error.code());
//!             response.map(|_| Bytes::from(page))
//!         }
//!         None => response,
//!     }
//! }
//! # let _ = dress;
//! ```
//!
//! # … register clients
//!
//! [`Clients::put`](crate::client::Clients::put) registers a client or makes the registered one equal to it, so that an import can be
//! repeated. Make secrets with [`ClientSecret::generate`](crate::client::ClientSecret::generate), replace them with
//! [`rotate_secret`](crate::client::Clients::rotate_secret), which lets the old one overlap.
//!
//! - A **web application** on a server: [`Client::confidential`](crate::client::Client::confidential).
//! - A **browser application**: [`Client::public`](crate::client::Client::public) with
//!   [`ApplicationType::Web`](crate::client::ApplicationType::Web), an `https` redirect URI, and its origin in
//!   [`with_allowed_origin`](crate::client::Client::with_allowed_origin).
//! - A **mobile or desktop application**: [`Client::public`](crate::client::Client::public). An `https` address that the app claims is
//!   best; a private-use scheme is a reversed domain name with a dot; loopback is `http://127.0.0.1/…` without a port.
//! - A **service**: [`GrantType::ClientCredentials`](crate::client::GrantType::ClientCredentials).
//! - An **API that introspects**: [`serving`](crate::client::Client::serving) its resource.
//!
//! # … keep people signed in to an app
//!
//! A grant ends with the session that it was given in, unless the scope value `offline_access` was granted.
//! Register the client for it, configure it as a scope value, and let people see it in the consent.
//!
//! # … keep the rules of a profile
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::server::{ConfigError, Endpoint, Profile};
//!
//! let refused = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .profile(Profile::Fapi2Security)
//!     .without(Endpoint::PushedAuthorizationRequest)
//!     .build()
//!     .await;
//! let Err(ConfigError::Profile { reason, .. }) = refused else { return Err("it was built".into()) };
//! assert_eq!(reason, "pushed requests are off");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`Profile`](crate::server::Profile) says what each demands. It refuses at construction, at registration and at each request.
//!
//! # … take signed requests
//!
//! Signed request objects are taken as the server is. Register the client's keys with
//! [`MessageProtection`](crate::client::MessageProtection), and demand them with
//! [`requiring_signed_requests`](crate::client::MessageProtection::requiring_signed_requests). To let clients encrypt them too:
//! [`RequestObjects::encrypted`](crate::request_object::RequestObjects::encrypted); the server then makes a key of its own, publishes it
//! beside the signing keys, and replaces it with [`rotate_request_key`](crate::AuthorizationServer::rotate_request_key).
//!
//! # … protect an API
//!
//! See [the guide for resource servers](super::_06_resource_servers).
//!
//! An API in the same process as the server asks [`admit`](crate::AuthorizationServer::admit) instead, which also sees what was
//! revoked a moment ago and checks what a token is bound to. It needs no keys, and outbound rules would not let it fetch them from
//! itself.
//!
//! # … bind tokens to their sender
//!
//! DPoP is on: a client that sends a proof gets a bound token. Demand it of a client with
//! [`requiring_dpop`](crate::client::Client::requiring_dpop), of everybody with
//! [`require_sender_constraint`](crate::ServerBuilder::require_sender_constraint). For certificates, see [`mtls`](crate::mtls).
//!
//! # … connect devices, and let services call each other
//!
//! See [`device`](crate::device) and [`exchange`](crate::exchange); for the word of another issuer [`jwt_bearer`](crate::jwt_bearer), and
//! for a grant of your own [`custom_grant`](crate::custom_grant).
//!
//! # … let clients register themselves
//!
//! See [`registration`](crate::registration).
