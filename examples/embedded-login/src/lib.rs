//! The smallest embedding: an OpenID Provider with one sign-in page, in memory. `main.rs` mounts it in axum.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::http::{Params, ParamsLimits, Peer};
use ciam_core::interaction::InteractionHandle;
use ciam_core::jose::Algorithm;
use ciam_core::journey::{self, Answer, JourneyHandle, Journeys, Requirements, Step};
use ciam_core::memory;
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::session::SessionManager;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::Visitor;
use ciam_oauth::client::{Client, GrantType};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};

/// An OpenID Provider and its sign-in page.
#[derive(Clone, Debug)]
pub struct Login {
    server: AuthorizationServer,
    journeys: Journeys,
}

impl Login {
    /// A provider with one client and one account: `demo@example.com`, `quiet-river-lantern-42`.
    pub async fn new(issuer: &str, redirect_uri: &str) -> anyhow::Result<Self> {
        let ports = memory::ports();
        let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
        let hash = password.accept(&ports, &"quiet-river-lantern-42".into(), &[]).await?;
        let sessions = SessionManager::new(ports.clone());
        let pages = ProviderConfig::new(format!("{issuer}/"), format!("{issuer}/"));
        let server = AuthorizationServer::builder(ports.clone())
            .issuer(issuer.parse()?)
            .interaction_url("/interaction/")
            .sessions(sessions.clone())
            .extension(Arc::new(OpenIdProvider::new(pages.with_only_algorithm(Algorithm::Es256))))
            .build()
            .await?;
        let client = Client::public("app".parse()?)
            .with_redirect_uri(redirect_uri.parse()?)
            .with_grant(GrantType::AuthorizationCode)
            .with_scopes("openid email".parse()?)
            .first_party();
        server.clients().register(client).await?;

        let email = Identifier::verified(IdentifierKey::email("demo@example.com")?, ports.now());
        NewAccount::new(email).with_password(hash).create(&ports).await?;
        Ok(Self { server, journeys: Journeys::new(ports, sessions, password) })
    }

    /// Answers a request: the sign-in page is ours, the rest is the protocol's.
    pub async fn handle(self, request: Request<Bytes>, peer: Peer) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        match path.strip_prefix("/interaction/") {
            None => self.server.handle(request, &peer).await,
            Some(handle) => {
                self.sign_in(InteractionHandle::from_text(handle), &request, peer).await.unwrap_or_else(
                    |error| page(StatusCode::BAD_REQUEST, &format!("<p>That did not work: {error}.</p>")),
                )
            }
        }
    }

    async fn sign_in(
        &self,
        handle: InteractionHandle,
        request: &Request<Bytes>,
        peer: Peer,
    ) -> anyhow::Result<Response<Bytes>> {
        let at_browser = Visitor::from_headers(&self.server, request.headers()).await?;
        let pending = self.server.interaction(&handle, at_browser.browser.as_ref()).await?;
        let browser = at_browser.browser.as_ref().context("the browser has no cookie")?;
        let visitor = journey::Visitor::new(browser, peer).with_session(at_browser.signed_in.as_ref());
        if request.method() != Method::POST {
            let (journey, _) = self.journeys.begin_sign_in(&visitor, Requirements::default()).await?;
            return Ok(page(StatusCode::OK, &form(&journey, "")));
        }
        let fields = Params::parse(std::str::from_utf8(request.body())?, ParamsLimits::default())?;
        let field = |name| anyhow::Ok(fields.one(name)?.unwrap_or_default());
        let journey = JourneyHandle::from_text(field("journey")?);
        let answer = Answer::credentials(field("email")?, field("password")?);
        match self.journeys.answer(&journey, &visitor, answer).await? {
            Step::Done(signed_in) => Ok(Response::builder()
                .status(StatusCode::SEE_OTHER)
                .header(header::LOCATION, pending.resume_url)
                .header(header::SET_COOKIE, signed_in.cookie.set_cookie(None)?)
                .body(Bytes::new())?),
            _ => Ok(page(StatusCode::OK, &form(&journey, "<p role=alert>Wrong, or tried too often.</p>"))),
        }
    }
}

fn form(journey: &JourneyHandle, alert: &str) -> String {
    format!(
        "<h1>Sign in</h1>{alert}<form method=post><input type=hidden name=journey value=\"{}\">\
         <p><label>E-mail <input name=email type=email autocomplete=username></label>\
         <p><label>Password <input name=password type=password autocomplete=current-password></label>\
         <p><button>Sign in</button></form>",
        journey.expose(),
    )
}

fn page(status: StatusCode, body: &str) -> Response<Bytes> {
    let mut page = Response::new(Bytes::from(format!("<!doctype html><title>Sign in</title>{body}")));
    *page.status_mut() = status;
    page.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    page.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    page
}

/// The example of the front page, compiled.
#[doc = include_str!("../../../README.md")]
#[cfg(doctest)]
#[derive(Debug)]
pub struct Readme;
