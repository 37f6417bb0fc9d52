//! Telling clients through the browser that a session has ended
//! ([OpenID Connect Front-Channel Logout 1.0](https://openid.net/specs/openid-connect-frontchannel-1_0.html)).
//!
//! After the session has ended the browser is shown a page of this provider that loads one address of each client in a frame,
//! and then goes where the sign-out was to end. It works without scripts, after a moment; with them it goes on as soon as every
//! frame is there.
//!
//! # Security
//!
//! Whether a client's cookies reach its frame is for the browser to say, and many say no: a client that has to know learns it by
//! the [back channel](super). The page is found only by a random name, and frames nothing but what clients registered.

use bytes::Bytes;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::SessionId;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::session::SessionEnd;
use ciam_core::store::{PageRequest, StoredRecord as _};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::Client;
use http::header::SET_COOKIE;
use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use time::Duration;
use url::{Url, form_urlencoded};

use super::login::{BY_SESSION, Login};
use crate::http as reply;
use crate::provider::{OpenIdProvider, session_state};

/// Where the page is, below the issuer; its name follows.
pub(crate) const PATH: &str = "/logout/clients/";

/// How many clients are told of in one page.
const MAX_FRAMES: u32 = 50;

/// How long the page can be loaded.
const LIFETIME: Duration = Duration::minutes(5);

/// What a page shows and where it leads.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    frames: Vec<String>,
    location: String,
}

impl OpenIdProvider {
    /// Ends a session and says where the browser goes: `location`, by the page that tells clients if there are any.
    pub(super) async fn sign_out(
        &self,
        server: &AuthorizationServer,
        session: SessionId,
        location: String,
    ) -> Result<String, PortError> {
        // Before it ends: its end forgets whom it had signed in to.
        let frames =
            if self.config().frontchannel_logout { frames(server, session).await? } else { Vec::new() };
        server.sessions().end(session, SessionEnd::SignedOut).await?;
        // The page also takes away the cookie that session management compares with.
        if frames.is_empty() && !self.config().session_management {
            return Ok(location);
        }
        let name = Secret::random(server.ports().entropy())?;
        let page = ephemeral::encode(&Page { frames, location })?;
        server.ports().ephemeral().put(&key(name.expose()), page, LIFETIME).await?;
        Ok(server.issuer().endpoint(&format!("{PATH}{}", name.expose())))
    }

    /// Shows the page.
    pub(crate) async fn handle_clients_page(
        &self,
        server: &AuthorizationServer,
        name: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return reply::method_not_allowed("GET");
        }
        let found = server.ports().ephemeral().get(&key(name)).await;
        match found.map(|found| found.map(|bytes| ephemeral::decode::<Page>(&bytes))) {
            Ok(Some(Ok(page))) => {
                let mut response = if page.frames.is_empty() {
                    reply::redirect(&page.location)
                } else {
                    reply::frames(&page.frames, &origins(&page.frames), &page.location)
                };
                if self.config().session_management {
                    response.headers_mut().append(SET_COOKIE, session_state::expired_cookie());
                }
                response
            }
            // Reloaded too late: the session is over, and there is nobody left to tell.
            Ok(None) => reply::redirect(&self.config().signed_out_url),
            Ok(Some(Err(_))) | Err(_) => reply::unavailable(),
        }
    }
}

/// The addresses of the clients that a session has signed in to and that want to be told in this way.
async fn frames(server: &AuthorizationServer, session: SessionId) -> Result<Vec<String>, PortError> {
    let store = server.ports().store();
    let request = PageRequest::first(MAX_FRAMES);
    let page = store.records_by(Login::KIND, BY_SESSION.name(), &session.to_string(), request).await?;
    let mut frames = Vec::new();
    for record in page.items {
        let login: Login = record.value.decode()?;
        if let Some(client) = server.clients().get(&login.client).await? {
            frames.extend(frame(&client.value, server.issuer().as_str(), login.name()));
        }
    }
    Ok(frames)
}

/// A client's address, with who has ended which session (section 2).
fn frame(client: &Client, issuer: &str, session: &str) -> Option<String> {
    let uri = client.frontchannel_logout_uri.as_deref()?;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", issuer)
        .append_pair("sid", session)
        .finish();
    let separator = if uri.contains('?') { '&' } else { '?' };
    Some(format!("{uri}{separator}{query}"))
}

/// What may be framed, for a Content-Security-Policy.
fn origins(frames: &[String]) -> Vec<String> {
    let mut origins: Vec<String> = frames
        .iter()
        .filter_map(|frame| Url::parse(frame).ok())
        .map(|url| url.origin().ascii_serialization())
        .collect();
    origins.sort();
    origins.dedup();
    origins
}

fn key(name: &str) -> EphemeralKey {
    EphemeralKey::new("oidc.frontchannel", TokenDigest::of(name).to_text())
}
