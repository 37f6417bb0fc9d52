//! A provider, a relying party that reaches it without a network, a person and a browser.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::crypto::{self, Crypto};
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::http::{BROWSER_COOKIE, BrowserId, Params, ParamsLimits, Peer, SESSION_COOKIE};
use ciam_core::id::{AccountId, TenantId};
use ciam_core::interaction::InteractionHandle;
use ciam_core::jose::Algorithm;
use ciam_core::memory::{self, MemoryDatabase, MemoryHttpClient};
use ciam_core::organization::Organizations;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, Versioned, Write};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::{ConsentDecision, Visitor};
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::server::{ResourceServer, SupportedScope};
use ciam_oidc::rp::{Authentication, RelyingParty, RelyingPartyConfig, SignInError, SignInOptions, SignedIn};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};
use serde_json::Value;
use url::Url;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const CALLBACK: &str = "https://app.example/callback";
pub(crate) const AFTER_SIGN_OUT: &str = "https://app.example/bye";
pub(crate) const API: &str = "https://api.example";
/// The verifier of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const SECRET: &str = "0123456789012345678901234567890123456789abc";

/// Changes a response of the provider on its way to the relying party.
type Tamper = Box<dyn Fn(&str, Response<Bytes>) -> Response<Bytes> + Send + Sync>;

/// An HTTP client that asks the server in this process.
#[derive(Default)]
pub(crate) struct Loopback {
    server: OnceLock<AuthorizationServer>,
    tamper: Mutex<Option<Tamper>>,
}

impl std::fmt::Debug for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loopback")
    }
}

#[async_trait]
impl HttpClient for Loopback {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, outbound: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        let path = outbound.request.uri().path().to_owned();
        let (parts, body) = outbound.request.into_parts();
        let uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
        let mut request = Request::from_parts(parts, body);
        *request.uri_mut() = uri;
        let server = self.server.get().unwrap();
        let response = server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
        let tamper = self.tamper.lock().unwrap();
        Ok(tamper.as_ref().map_or_else(|| response.clone(), |tamper| tamper(&path, response.clone())))
    }
}

pub(crate) struct World {
    pub(crate) server: AuthorizationServer,
    pub(crate) provider: Arc<OpenIdProvider>,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) loopback: Arc<Loopback>,
    /// What the provider reaches.
    pub(crate) outside: MemoryHttpClient,
    pub(crate) party: RelyingParty,
    pub(crate) rp_ports: Ports,
    pub(crate) account: Versioned<Account>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|client| client, |config| config).await
    }

    pub(crate) async fn with(
        client: impl FnOnce(Client) -> Client,
        party: impl FnOnce(RelyingPartyConfig) -> RelyingPartyConfig,
    ) -> Self {
        Self::made(crypto::ring(), client, party).await
    }

    /// With another cryptographic backend at the provider.
    pub(crate) async fn on(backend: Arc<dyn Crypto>) -> Self {
        Self::made(backend, |client| client, |config| config).await
    }

    async fn made(
        backend: Arc<dyn Crypto>,
        client: impl FnOnce(Client) -> Client,
        party: impl FnOnce(RelyingPartyConfig) -> RelyingPartyConfig,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(7));
        let loopback = Arc::new(Loopback::default());
        let outside = MemoryHttpClient::new();
        let ports = memory::ports_with(clock.clone(), entropy.clone())
            .with_http_client(Arc::new(outside.clone()))
            .with_crypto(backend);
        let config = ProviderConfig::new(format!("{ISSUER}/sign-out/"), format!("{ISSUER}/signed-out"))
            .with_only_algorithm(Algorithm::Es256)
            .with_backchannel_logout()
            .with_frontchannel_logout();
        let provider = Arc::new(OpenIdProvider::new(config));
        let server = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .scope(SupportedScope::new("orders:read".parse().unwrap(), "See your orders"))
            .resource(ResourceServer::new(API.parse().unwrap(), "orders:read".parse().unwrap()))
            .extension(provider.clone())
            .organizations(Organizations::new(ports.clone()))
            .build()
            .await
            .unwrap();
        let _first = loopback.server.set(server.clone());
        server.clients().register(client(web())).await.unwrap();

        // The relying party is another tenant of another database: it shares nothing with the provider but the clock.
        let elsewhere = TenantId::from_uuid(uuid::Uuid::from_u128(99));
        let rp_ports = memory::ports_of(elsewhere, &MemoryDatabase::new(), clock.clone(), entropy)
            .with_http_client(loopback.clone());
        let config =
            RelyingPartyConfig::new(ISSUER, "web", Authentication::SecretBasic(SECRET.into()), CALLBACK)
                .with_scope("openid profile email offline_access");
        let party = RelyingParty::new(rp_ports.clone(), party(config));
        let account = account(&ports, "ada@example.com").await;
        Self { server, provider, ports, clock, loopback, outside, party, rp_ports, account }
    }

    pub(crate) fn tamper(
        &self,
        tamper: impl Fn(&str, Response<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
    ) {
        *self.loopback.tamper.lock().unwrap() = Some(Box::new(tamper));
    }

    /// An authorization request by hand, with the challenge of [`VERIFIER`]; a pair given again replaces the one here.
    pub(crate) fn request(client: &str, changes: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile email"),
            ("state", "st4te"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        params.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        params.extend(changes);
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        format!("{ISSUER}/authorize?{query}")
    }

    /// Sends a form of a client of `SECRET`.
    pub(crate) async fn post(&self, path: &str, client: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{client}:{SECRET}"));
        let request = Request::post(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, format!("Basic {pair}"))
            .body(Bytes::from(body))
            .unwrap();
        let response = self.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), body)
    }

    /// The tokens of the code in an authorization response to [`World::request`].
    pub(crate) async fn exchange(&self, client: &str, back: &str) -> Value {
        let code = param(back, "code").unwrap_or_else(|| panic!("no code: {back}"));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let (status, body) = self.post("/token", client, &form).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) async fn get(&self, browser: &mut Browser, url: &str) -> Response<Bytes> {
        let url = Url::parse(url).unwrap();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut request = Request::get(format!("{}{query}", url.path())).body(Bytes::new()).unwrap();
        *request.headers_mut() = browser.headers();
        let response = self.server.handle(request, &Peer::new([192, 0, 2, 1].into())).await;
        browser.keep(&response);
        response
    }

    /// Signs the browser's person in at the provider, as the host's pages do.
    pub(crate) async fn sign_in_at_provider(&self, browser: &mut Browser, account: &Versioned<Account>) {
        let context = AuthenticationContext::new([Proof::new(
            Amr::PASSWORD,
            [FactorKind::Knowledge],
            self.ports.now(),
        )]);
        let headers = browser.headers();
        let current = self.server.sessions().authenticate(&headers).await.unwrap();
        let started = match &current {
            Some(current) if current.account.value.id == account.value.id => {
                self.server.sessions().renew(current, context.proofs).await.unwrap()
            }
            other => {
                let previous = other.as_ref().map(|current| &current.session);
                self.server.sessions().start(account, context, previous, None).await.unwrap()
            }
        };
        browser.take(started.cookie.set_cookie(None).unwrap().to_str().unwrap());
    }

    /// Follows an authorization request through the provider's pages, to the URL at the relying party.
    pub(crate) async fn follow(&self, browser: &mut Browser, url: &str) -> String {
        let mut next = url.to_owned();
        for _ in 0..6 {
            let response = self.get(browser, &next).await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{next}: {:?}", response.body());
            next = response.headers()[LOCATION].to_str().unwrap().to_owned();
            if let Some(handle) = next.strip_prefix(&format!("{ISSUER}/interaction/")) {
                next = self.answer(browser, &InteractionHandle::from_text(handle)).await;
            }
            if !next.starts_with(ISSUER) {
                return next;
            }
        }
        panic!("the flow does not end: {next}")
    }

    async fn answer(&self, browser: &mut Browser, handle: &InteractionHandle) -> String {
        let visitor = Visitor::from_headers(&self.server, &browser.headers()).await.unwrap();
        let pending = self.server.interaction(handle, visitor.browser.as_ref()).await.unwrap();
        match pending.ask {
            ciam_core::interaction::Ask::Consent(_) => {
                self.server.answer_consent(handle, &visitor, ConsentDecision::AllowAll).await.unwrap()
            }
            _ => {
                browser.pages.push("sign-in".to_owned());
                self.sign_in_at_provider(browser, &self.account.clone()).await;
                pending.resume_url
            }
        }
    }

    /// The whole sign-in at the relying party.
    pub(crate) async fn sign_in(
        &self,
        browser: &mut Browser,
        options: &SignInOptions,
    ) -> Result<SignedIn, SignInError> {
        let url = self.party.begin(&browser.at_party, options, Some("/orders".to_owned())).await?;
        let back = self.follow(browser, &url).await;
        self.party.finish(Some(&browser.at_party), &response_of(&back)).await
    }
}

/// A browser: its cookies at the provider, its binding secret at the relying party, and the pages it saw.
pub(crate) struct Browser {
    cookies: Vec<(String, String)>,
    pub(crate) at_party: BrowserId,
    pub(crate) pages: Vec<String>,
}

impl Browser {
    pub(crate) fn new(world: &World) -> Self {
        let at_party = BrowserId::generate(world.ports.entropy()).unwrap();
        Self { cookies: Vec::new(), at_party, pages: Vec::new() }
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(COOKIE, pairs.join("; ").parse().unwrap());
        }
        headers
    }

    pub(crate) fn has_session(&self) -> bool {
        self.cookies.iter().any(|(name, _)| name == SESSION_COOKIE)
    }

    pub(crate) fn forget_binding(&mut self) {
        self.cookies.retain(|(name, _)| name != BROWSER_COOKIE);
    }

    fn keep(&mut self, response: &Response<Bytes>) {
        for set in response.headers().get_all(SET_COOKIE) {
            self.take(set.to_str().unwrap());
        }
    }

    fn take(&mut self, set: &str) {
        let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
        self.cookies.retain(|(known, _)| known != name);
        if !set.contains("Max-Age=0") {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// A parameter of an authorization response.
pub(crate) fn param(back: &str, name: &str) -> Option<String> {
    response_of(back).one(name).unwrap().map(ToOwned::to_owned)
}

/// The claims of a JWT, whoever signed it.
pub(crate) fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

pub(crate) fn header_of(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

pub(crate) fn response_of(url: &str) -> Params {
    assert!(url.starts_with(CALLBACK), "{url}");
    Params::parse(Url::parse(url).unwrap().query().unwrap(), ParamsLimits::default()).unwrap()
}

pub(crate) async fn account(ports: &Ports, email: &str) -> Versioned<Account> {
    let id = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
    let mut account = Account::new(id, ports.now());
    account.status = AccountStatus::Active;
    account.identifiers.push(Identifier::verified(IdentifierKey::email(email).unwrap(), ports.now()));
    account.profile.set("name", "Ada Lovelace").unwrap();
    assert!(ports.store().commit(Batch::new().write(Write::PutAccount(account))).await.unwrap().is_applied());
    ports.store().account(id).await.unwrap().unwrap()
}

pub(crate) fn web() -> Client {
    web_named("web")
}

pub(crate) fn web_named(id: &str) -> Client {
    let secret = ClientSecret::new(SECRET).unwrap();
    Client::confidential(id.parse().unwrap(), ClientAuthentication::basic(&secret))
        .with_name("Web Shop")
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_post_logout_redirect_uri(AFTER_SIGN_OUT.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("openid profile email offline_access orders:read".parse().unwrap())
}
