//! Our server with a sign-in page and a consent page.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_benches::fixtures::Failure;
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::error::PortError;
use ciam_core::http::{Params, ParamsLimits, Peer};
use ciam_core::interaction::{Ask, InteractionHandle};
use ciam_core::jose::Algorithm;
use ciam_core::journey::{self, Answer, JourneyHandle, Journeys, Requirements, Step};
use ciam_core::memory;
use ciam_core::password::{PasswordFactor, PasswordHasher};
use ciam_core::runtime::{BlockingJob, Runtime};
use ciam_core::secret::Secret;
use ciam_core::session::SessionManager;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::{ConsentDecision, InteractionAnswer, Visitor};
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::server::{ResourceServer, SupportedScope, TokenFormat};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};

use crate::jobs::{PASSWORD, SECRET};
use crate::serve::PEOPLE;

/// A hash that costs nothing, as the peer's pages have none.
#[derive(Debug)]
struct Plain;

impl PasswordHasher for Plain {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        Ok(format!("$plain${}", password.expose()))
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        hash.strip_prefix("$plain$") == Some(password.expose())
    }

    fn needs_rehash(&self, _: &str) -> bool {
        false
    }

    fn recognises(&self, hash: &str) -> bool {
        hash.starts_with("$plain$")
    }
}

/// Makes the hash where it is asked for: what costs nothing needs no thread of its own.
#[derive(Debug)]
struct InPlace;

#[async_trait]
impl Runtime for InPlace {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError> {
        job();
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Pages {
    server: AuthorizationServer,
    journeys: Journeys,
}

impl Pages {
    pub(crate) async fn new(port: u16) -> Result<Self, Failure> {
        let ports = memory::ports().with_runtime(Arc::new(InPlace));
        let password = PasswordFactor::new(&ports, Arc::new(Plain)).await?;
        let sessions = SessionManager::new(ports.clone());
        let issuer = format!("http://127.0.0.1:{port}");
        let pages = ProviderConfig::new(format!("{issuer}/"), format!("{issuer}/"));
        let resource =
            |name: &str, scope: &str| Ok::<_, Failure>(ResourceServer::new(name.parse()?, scope.parse()?));
        let server = AuthorizationServer::builder(ports.clone())
            .issuer(issuer.parse()?)
            .interaction_url("/interaction/")
            .sessions(sessions.clone())
            .extension(Arc::new(OpenIdProvider::new(pages.with_only_algorithm(Algorithm::Es256))))
            .scope(SupportedScope::new("orders:read".parse()?, "See your orders"))
            .scope(SupportedScope::new("stock:read".parse()?, "See the stock"))
            .resource(resource("https://api.example.com/orders", "orders:read")?)
            .resource(
                resource("https://api.example.com/stock", "stock:read")?.with_format(TokenFormat::Opaque),
            )
            .build()
            .await?;
        let authentication = ClientAuthentication::basic(&ClientSecret::new(SECRET)?);
        let client = Client::confidential("shop".parse()?, authentication)
            .with_redirect_uri("https://app.example.com/callback".parse()?)
            .with_grant(GrantType::AuthorizationCode)
            .with_grant(GrantType::ClientCredentials)
            .with_scopes("openid orders:read stock:read".parse()?)
            .with_resource("https://api.example.com/orders".parse()?)
            .with_resource("https://api.example.com/stock".parse()?)
            .serving("https://api.example.com/stock".parse()?);
        server.clients().register(client).await?;
        for person in 0..PEOPLE {
            let email = IdentifierKey::email(&format!("person-{person}@example.com"))?;
            let hash = password.accept(&ports, &PASSWORD.into(), &[]).await?;
            NewAccount::new(Identifier::verified(email, ports.now()))
                .with_password(hash)
                .create(&ports)
                .await?;
        }
        Ok(Self { server, journeys: Journeys::new(ports, sessions, password) })
    }

    /// Answers a request. Whose it is, the proxy in front says.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Bytes>, peer: Peer) -> Response<Bytes> {
        let forwarded = request
            .headers()
            .get("x-forwarded-for")
            .and_then(|it| it.to_str().ok()?.parse::<Ipv4Addr>().ok());
        let peer = forwarded.map_or(peer, |address| Peer::new(IpAddr::V4(address)));
        let path = request.uri().path().to_owned();
        match path.strip_prefix("/interaction/") {
            None => self.server.handle(request, &peer).await,
            Some(handle) => {
                let handle = InteractionHandle::from_text(handle);
                // Its future is large, and a request for a token should not carry its room along.
                let answer = Box::pin(self.interact(&handle, &request, peer)).await;
                answer.unwrap_or_else(|error| page(StatusCode::BAD_REQUEST, &error.to_string()))
            }
        }
    }

    async fn interact(
        &self,
        handle: &InteractionHandle,
        request: &Request<Bytes>,
        peer: Peer,
    ) -> Result<Response<Bytes>, Failure> {
        let visitor = Visitor::from_headers(&self.server, request.headers()).await?;
        if request.method() == Method::POST {
            return self.take(handle, &visitor, request.body(), peer).await;
        }
        let pending = self.server.interaction(handle, visitor.browser.as_ref()).await?;
        if let Ask::Consent(ask) = &pending.ask {
            let question =
                format!("<p>Allow {}?<input type=hidden name=decision value=allow>", ask.client_id);
            return Ok(page(StatusCode::OK, &question));
        }
        let browser = visitor.browser.as_ref().ok_or("the browser has no cookie")?;
        let visitor = journey::Visitor::new(browser, peer);
        let (journey, _) = self.journeys.begin_sign_in(&visitor, Requirements::default()).await?;
        let field = format!("<input type=hidden name=\"journey\" value=\"{}\">", journey.expose());
        Ok(page(StatusCode::OK, &field))
    }

    async fn take(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
        form: &Bytes,
        peer: Peer,
    ) -> Result<Response<Bytes>, Failure> {
        let fields = Params::parse(std::str::from_utf8(form)?, ParamsLimits::default())?;
        let field = |name| Ok::<_, Failure>(fields.one(name)?.unwrap_or_default());
        if field("decision")? == "allow" {
            let allow = InteractionAnswer::Consent(ConsentDecision::AllowAll);
            return Ok(self.server.go_on_with(handle, visitor, allow).await?);
        }
        let browser = visitor.browser.as_ref().ok_or("the browser has no cookie")?;
        let journey = JourneyHandle::from_text(field("journey")?);
        let answer = Answer::credentials(field("email")?, field("password")?);
        match self.journeys.answer(&journey, &journey::Visitor::new(browser, peer), answer).await? {
            Step::Done(done) => {
                let signed_in = self.server.sessions().authenticate_by(&done.cookie).await?;
                let visitor = Visitor::new(Some(browser.clone()), signed_in);
                let mut response = self.server.go_on(handle, &visitor).await;
                response.headers_mut().append(SET_COOKIE, done.cookie.set_cookie(None)?);
                Ok(response)
            }
            step => Err(format!("not signed in: {step:?}").into()),
        }
    }
}

fn page(status: StatusCode, body: &str) -> Response<Bytes> {
    let html =
        format!("<!doctype html><title>Sign in</title><form method=post>{body}<button>Go on</button></form>");
    let mut page = Response::new(Bytes::from(html));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
    page
}
