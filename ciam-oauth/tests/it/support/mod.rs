//! A small world to test in: a server on in-memory ports, a clock that the test drives, clients, people and browsers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::account::{Account, AccountStatus};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::{BROWSER_COOKIE, Params, Peer, SESSION_COOKIE};
use ciam_core::id::AccountId;
use ciam_core::interaction::InteractionHandle;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, OutboxPayload, Versioned, Write};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::authorize::Visitor;
use ciam_oauth::backchannel::{BackchannelPeople, BackchannelSettings, Hint, HintProblem, Notice};
use ciam_oauth::client::{AuthenticatedClient, Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::grant::{AuthorizationCode, CodeState};
use ciam_oauth::server::{ResourceServer, SupportedScope};
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use http::header::{COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use time::{Duration, macros::datetime};
use url::Url;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const SECRET: &str = "0123456789012345678901234567890123456789abc";
pub(crate) const CALLBACK: &str = "https://app.example/cb";
/// The challenge of RFC 7636, appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct World {
    pub(crate) server: AuthorizationServer,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    /// A server with the clients `web` (third party), `own` (first party), `app` (public, native) and `pushes` (must push).
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)));
        Self::on(ports, clock, configure).await
    }

    /// Another node of a world: a server on the same ports.
    pub(crate) async fn on_again(
        world: &Self,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> AuthorizationServer {
        configure(Self::builder(world.ports.clone())).build().await.unwrap()
    }

    pub(crate) async fn on(
        ports: Ports,
        clock: Arc<ManualClock>,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let server = configure(Self::builder(ports.clone())).build().await.unwrap();
        let world = Self { server, ports, clock };
        for client in [web(), own(), app(), pushes()] {
            world.server.clients().register(client).await.unwrap();
        }
        world
    }

    pub(crate) fn builder(ports: Ports) -> ServerBuilder {
        AuthorizationServer::builder(ports)
            .issuer(ISSUER.parse().unwrap())
            .interaction_url("https://id.example/interaction/")
            .scope(scope("profile:read"))
            .scope(scope("orders:read"))
            .scope(scope("orders:write"))
            .scope(scope("stock:read"))
            .scope(scope("offline_access"))
            .resource(resource("https://api.example", "profile:read orders:read orders:write offline_access"))
            .resource(resource("https://stock.example", "stock:read orders:read"))
    }

    pub(crate) async fn account(&self) -> Versioned<Account> {
        let id = AccountId::generate(self.ports.clock(), self.ports.entropy()).unwrap();
        let mut account = Account::new(id, self.ports.now());
        account.status = AccountStatus::Active;
        let batch = Batch::new().write(Write::PutAccount(account));
        assert!(self.ports.store().commit(batch).await.unwrap().is_applied());
        self.ports.store().account(id).await.unwrap().unwrap()
    }

    pub(crate) async fn client(&self, id: &str) -> Versioned<Client> {
        self.server.clients().get(&id.parse().unwrap()).await.unwrap().unwrap()
    }

    pub(crate) async fn change_client(&self, id: &str, change: impl FnOnce(&mut Client)) {
        let read = self.client(id).await;
        let mut next = read.value.clone();
        change(&mut next);
        self.server.clients().update(&read, next).await.unwrap();
    }

    /// What a code stands for.
    pub(crate) async fn code(&self, code: &str) -> AuthorizationCode {
        let key = CodeState::key(&Secret::from(code));
        let bytes = self.ports.ephemeral().get(&key).await.unwrap().expect("the code is live");
        match ephemeral::decode(&bytes).unwrap() {
            CodeState::Live(code) => *code,
            other => panic!("{other:?}"),
        }
    }

    /// The events since the last call, oldest first.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let items = self.ports.store().claim_outbox(Duration::seconds(30), 100).await.unwrap();
            if items.is_empty() {
                return events;
            }
            let ids: Vec<_> = items.iter().map(|item| item.id).collect();
            self.ports.store().acknowledge(&ids).await.unwrap();
            events.extend(items.into_iter().filter_map(|item| match item.payload {
                OutboxPayload::Event(event) => Some(event),
                _ => None,
            }));
        }
    }

    pub(crate) async fn event_names(&self) -> Vec<String> {
        self.events().await.iter().map(|event| event.event_type.as_str().to_owned()).collect()
    }

    /// Pushes a request of a client that has authenticated.
    pub(crate) async fn push(&self, client: &str, params: &[(&str, &str)]) -> String {
        let client = AuthenticatedClient::new(Arc::new(self.client(client).await.value));
        let params = owned(params);
        self.server.push(&client, &params, &peer()).await.unwrap().request_uri.expose().to_owned()
    }
}

pub(crate) fn owned(params: &[(&str, &str)]) -> Params {
    Params::from_pairs(params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

pub(crate) fn scope(value: &str) -> SupportedScope {
    SupportedScope::new(value.parse().unwrap(), format!("May {value}"))
}

pub(crate) fn resource(identifier: &str, scopes: &str) -> ResourceServer {
    ResourceServer::new(identifier.parse().unwrap(), scopes.parse().unwrap())
}

fn confidential(id: &str) -> Client {
    let secret = ClientSecret::new(SECRET).unwrap();
    Client::confidential(id.parse().unwrap(), ClientAuthentication::basic(&secret))
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("profile:read orders:read orders:write offline_access".parse().unwrap())
}

pub(crate) fn web() -> Client {
    confidential("web").with_name("Web Shop").with_resource("https://stock.example".parse().unwrap())
}

pub(crate) fn own() -> Client {
    confidential("own").first_party()
}

pub(crate) fn pushes() -> Client {
    confidential("pushes").first_party().require_pushed_requests()
}

pub(crate) fn app() -> Client {
    Client::public("app".parse().unwrap())
        .with_redirect_uri("com.example.app:/cb".parse().unwrap())
        .with_redirect_uri("http://127.0.0.1/cb".parse().unwrap())
        .with_redirect_uri("http://localhost/cb".parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_scopes("profile:read orders:read".parse().unwrap())
        .first_party()
}

/// A good authorization request of a client, with changes: a value replaces the parameter of its name, `None` removes it.
pub(crate) fn request<'a>(
    client: &'a str,
    changes: &[(&'a str, Option<&'a str>)],
) -> Vec<(&'a str, &'a str)> {
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", "profile:read"),
        ("state", "st4te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        params.retain(|(known, _)| known != name);
        params.extend(value.map(|value| (*name, value)));
    }
    params
}

pub(crate) fn query(params: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// A browser: it keeps cookies, and nothing else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(COOKIE, HeaderValue::try_from(pairs.join("; ")).unwrap());
        }
        headers
    }

    pub(crate) async fn visitor(&self, world: &World) -> Visitor {
        Visitor::from_headers(&world.server, &self.headers()).await.unwrap()
    }

    pub(crate) async fn get(&mut self, world: &World, url: &str) -> Reply {
        self.send(world, Request::builder().method(Method::GET).uri(url), Bytes::new()).await
    }

    pub(crate) async fn post(&mut self, world: &World, url: &str, params: &[(&str, &str)]) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(world, request, Bytes::from(query(params))).await
    }

    pub(crate) async fn send(
        &mut self,
        world: &World,
        request: http::request::Builder,
        body: Bytes,
    ) -> Reply {
        let mut request = request.body(body).unwrap();
        request.headers_mut().extend(self.headers());
        let response = world.server.handle(request, &peer()).await;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Reply(response)
    }

    /// Sends an authorization request.
    pub(crate) async fn authorize(&mut self, world: &World, params: &[(&str, &str)]) -> Reply {
        self.get(world, &format!("/authorize?{}", query(params))).await
    }

    pub(crate) async fn resume(&mut self, world: &World, handle: &str) -> Reply {
        self.get(world, &format!("/authorize/resume/{handle}")).await
    }

    /// Signs in with a password, at the host's pages.
    pub(crate) async fn sign_in(&mut self, world: &World, account: &Versioned<Account>) {
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], world.ports.now());
        self.sign_in_with(world, account, [proof]).await;
    }

    pub(crate) async fn sign_in_with(
        &mut self,
        world: &World,
        account: &Versioned<Account>,
        proofs: impl IntoIterator<Item = Proof> + Send,
    ) {
        let sessions = world.server.sessions();
        let context = AuthenticationContext::new(proofs);
        let started = sessions.start(account, context, None, None).await.unwrap();
        let cookie = started.cookie.set_cookie(None).unwrap();
        let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn sign_out(&mut self) {
        self.cookies.remove(SESSION_COOKIE);
    }

    pub(crate) fn binding(&self) -> Option<&str> {
        self.cookies.get(BROWSER_COOKIE).map(String::as_str)
    }
}

/// A response, read as a test wants it.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) Response<Bytes>);

impl Reply {
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn body(&self) -> &str {
        std::str::from_utf8(self.0.body()).unwrap()
    }

    pub(crate) fn location(&self) -> Option<Url> {
        self.0.headers().get(LOCATION).map(|value| Url::parse(value.to_str().unwrap()).unwrap())
    }

    /// A parameter of the redirect.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let location = self.location()?;
        let mut values = location.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = values.next()?.into_owned();
        assert_eq!(values.next(), None, "{name} is there twice");
        Some(value)
    }

    /// The code of a redirect to the client.
    pub(crate) fn code(&self) -> String {
        self.param("code").unwrap_or_else(|| panic!("no code: {:?}", self.0))
    }

    /// The error of a redirect to the client.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.param("code"), None);
        self.param("error").unwrap_or_else(|| panic!("no error: {:?}", self.0))
    }

    /// The handle of a redirect to the host's pages.
    pub(crate) fn handle(&self) -> String {
        let location = self.location().unwrap_or_else(|| panic!("no redirect: {:?}", self.0));
        let handle = location.as_str().strip_prefix("https://id.example/interaction/");
        handle.unwrap_or_else(|| panic!("not to the host's pages: {location}")).to_owned()
    }

    /// The redirect goes to the host's pages, not to the client.
    pub(crate) fn is_interaction(&self) -> bool {
        self.location().is_some_and(|location| location.path().starts_with("/interaction/"))
    }
}

pub(crate) fn handle(text: &str) -> InteractionHandle {
    InteractionHandle::from_text(text)
}

/// Who sends requests.
pub(crate) fn peer() -> Peer {
    Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Nobody is known.
#[derive(Debug)]
pub(crate) struct Nobody;

#[async_trait]
impl BackchannelPeople for Nobody {
    async fn find(&self, _: &Client, _: Hint<'_>) -> Result<Result<AccountId, HintProblem>, PortError> {
        Ok(Err(HintProblem::Unknown))
    }

    async fn reach(&self, _: &Notice<'_>) -> Result<(), PortError> {
        Ok(())
    }
}

/// Backchannel authentication where nobody is known.
pub(crate) fn people() -> BackchannelSettings {
    BackchannelSettings::new(Arc::new(Nobody), "/done")
}
