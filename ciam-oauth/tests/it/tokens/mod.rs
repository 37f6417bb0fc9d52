//! Tokens: how clients authenticate, what they are given for what, and what becomes of it.

mod access_tokens;
mod adapters;
mod attested;
mod bindings;
mod client_auth;
mod client_credentials;
mod code;
mod counted;
mod custom_grants;
mod details;
mod dpop;
mod encrypted;
mod exchange;
mod faults;
mod gate;
mod hostile;
mod introspection;
mod introspector;
mod jwt_bearer;
mod mtls;
mod races;
mod refresh;
mod resource_discovery;
mod revocation;
mod round_trips;
mod secret_jwt;
mod sender_constraint;
mod status_checks;
mod status_following;
mod status_keeping;
mod status_lists;
mod transaction_tokens;
mod trust;
mod validate;

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::account::{Account, AccountStatus};
use ciam_core::http::Peer;
use ciam_core::id::GrantId;
use ciam_core::store::{self, Batch, Versioned, Write};
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::grant::Grant;
use ciam_oauth::server::{ResourceServer, TokenFormat};
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use http::{Request, StatusCode};
use serde_json::Value;

use crate::support::{Browser, CALLBACK, SECRET, World, query, request};

/// The verifier of RFC 7636, appendix B, whose challenge [`request`] sends.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const API: &str = "https://api.example";
pub(crate) const STOCK: &str = "https://stock.example";
pub(crate) const VAULT: &str = "https://vault.example";

/// A world with tokens: the clients `shop` (confidential), `spa` (public), `shop2` and `spa2` like them, `rs` (the API) and
/// `vault-rs` (the vault, whose tokens are opaque).
pub(crate) async fn world() -> World {
    prepare(World::with(with_vault).await).await
}

pub(crate) fn with_vault(builder: ServerBuilder) -> ServerBuilder {
    let vault = ResourceServer::new(VAULT.parse().unwrap(), "orders:read orders:write".parse().unwrap());
    builder.resource(vault.with_format(TokenFormat::Opaque))
}

pub(crate) async fn prepare(world: World) -> World {
    let clients = world.server.clients();
    for id in ["shop", "shop2"] {
        clients.register(confidential(id)).await.unwrap();
    }
    for id in ["spa", "spa2"] {
        clients.register(public(id)).await.unwrap();
    }
    clients.register(serving("rs", API)).await.unwrap();
    clients.register(serving("vault-rs", VAULT)).await.unwrap();
    world
}

pub(crate) fn basic_auth() -> ClientAuthentication {
    ClientAuthentication::basic(&ClientSecret::new(SECRET).unwrap())
}

pub(crate) fn confidential(id: &str) -> Client {
    abled(Client::confidential(id.parse().unwrap(), basic_auth())).with_grant(GrantType::ClientCredentials)
}

pub(crate) fn public(id: &str) -> Client {
    let web = ciam_oauth::client::ApplicationType::Web;
    abled(Client::public(id.parse().unwrap())).with_application_type(web)
}

fn abled(client: Client) -> Client {
    client
        .first_party()
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("profile:read orders:read orders:write stock:read offline_access".parse().unwrap())
        .with_resource(STOCK.parse().unwrap())
        .with_resource(VAULT.parse().unwrap())
}

fn serving(id: &str, resource: &str) -> Client {
    Client::confidential(id.parse().unwrap(), basic_auth())
        .with_grant(GrantType::ClientCredentials)
        .with_scopes("orders:read".parse().unwrap())
        .serving(resource.parse().unwrap())
}

/// A person who is signed in.
pub(crate) struct Person {
    pub(crate) account: Versioned<Account>,
    pub(crate) browser: Browser,
}

pub(crate) async fn person(world: &World) -> Person {
    let account = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(world, &account).await;
    Person { account, browser }
}

impl Person {
    /// A code for a first-party client.
    pub(crate) async fn code(&mut self, world: &World, client: &str, scope: &str) -> String {
        self.code_for(world, client, &[("scope", Some(scope))]).await
    }

    pub(crate) async fn code_for(
        &mut self,
        world: &World,
        client: &str,
        changes: &[(&str, Option<&str>)],
    ) -> String {
        self.browser.authorize(world, &request(client, changes)).await.code()
    }

    /// The tokens of a new grant.
    pub(crate) async fn tokens(&mut self, world: &World, client: &str, scope: &str) -> Tokens {
        let code = self.code(world, client, scope).await;
        exchange(world, client, &code).await.tokens()
    }

    /// The tokens of a new grant, for a resource.
    pub(crate) async fn tokens_at(&mut self, world: &World, client: &str, resource: &str) -> Tokens {
        let changes = [("scope", Some("orders:read offline_access")), ("resource", Some(resource))];
        let code = self.code_for(world, client, &changes).await;
        exchange(world, client, &code).await.tokens()
    }

    pub(crate) async fn sign_out(&mut self, world: &World) {
        let session = self.browser.visitor(world).await.session().unwrap().id;
        let reason = ciam_core::session::SessionEnd::SignedOut;
        world.server.sessions().end(session, reason).await.unwrap();
    }

    /// What a new password does: the account goes on to another epoch, and takes the browser's session along or not.
    pub(crate) async fn new_epoch(&mut self, world: &World, takes_session: bool) {
        let mut account = world.ports.store().account(self.account.value.id).await.unwrap().unwrap().value;
        account.session_epoch += 1;
        let mut batch = Batch::new().write(Write::PutAccount(account.clone()));
        if takes_session {
            let mut session = self.browser.visitor(world).await.session().unwrap().clone();
            session.epoch = account.session_epoch;
            batch = batch.write(Write::PutSession(session));
        }
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    }

    pub(crate) async fn suspend(&self, world: &World) {
        let mut account = self.account.value.clone();
        account.status = AccountStatus::Suspended;
        let batch = Batch::new().write(Write::PutAccount(account));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    }
}

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")))
    }

    pub(crate) fn tokens(self) -> Tokens {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let text = |name: &str| self.body[name].as_str().map(str::to_owned);
        Tokens { access: text("access_token").unwrap(), refresh: text("refresh_token"), body: self.body }
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.status == StatusCode::OK
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) body: Value,
}

impl Tokens {
    pub(crate) fn refresh(&self) -> &str {
        self.refresh.as_deref().expect("there is a refresh token")
    }

    /// The grant that the tokens are of, as the refresh token names it.
    pub(crate) fn grant(&self) -> GrantId {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let name = self.refresh().split('.').nth(1).unwrap();
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(name).unwrap().try_into().unwrap();
        GrantId::from_uuid(uuid::Uuid::from_bytes(bytes))
    }
}

pub(crate) async fn load_grant(world: &World, id: GrantId) -> Option<Versioned<Grant>> {
    store::load(world.ports.store(), &Grant::record_key(id)).await.unwrap()
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub(crate) fn peer() -> Peer {
    Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

tokio::task_local! {
    /// Who sends the requests of a task, where it matters.
    pub(crate) static PEER: Peer;
}

/// Posts a form, with this `Authorization` header if any.
pub(crate) async fn post(
    server: &AuthorizationServer,
    path: &str,
    authorization: Option<&str>,
    params: &[(&str, &str)],
) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.body(Bytes::from(query(params))).unwrap();
    let response = server.handle(request, &PEER.try_with(Clone::clone).unwrap_or_else(|_| peer())).await;
    let (parts, body) = response.into_parts();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Posts as a client: with the secret in the header if its name says that it has one, otherwise with its name in the form.
pub(crate) async fn post_as(
    server: &AuthorizationServer,
    path: &str,
    client: &str,
    params: &[(&str, &str)],
) -> Answer {
    if client.starts_with("spa") {
        let mut params = params.to_vec();
        params.push(("client_id", client));
        post(server, path, None, &params).await
    } else {
        post(server, path, Some(&basic(client, SECRET)), params).await
    }
}

pub(crate) async fn token(world: &World, client: &str, params: &[(&str, &str)]) -> Answer {
    post_as(&world.server, "/token", client, params).await
}

/// A good exchange of a code, with changes: a value replaces the parameter of its name, `None` removes it.
pub(crate) async fn exchange_with(
    server: &AuthorizationServer,
    client: &str,
    code: &str,
    changes: &[(&str, Option<&str>)],
) -> Answer {
    let mut params = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        params.retain(|(known, _)| known != name);
        params.extend(value.map(|value| (*name, value)));
    }
    post_as(server, "/token", client, &params).await
}

pub(crate) async fn exchange(world: &World, client: &str, code: &str) -> Answer {
    exchange_with(&world.server, client, code, &[]).await
}

pub(crate) async fn refresh(world: &World, client: &str, token: &str) -> Answer {
    refresh_with(&world.server, client, token, &[]).await
}

pub(crate) async fn refresh_with(
    server: &AuthorizationServer,
    client: &str,
    token: &str,
    extra: &[(&str, &str)],
) -> Answer {
    let mut params = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    params.extend(extra);
    post_as(server, "/token", client, &params).await
}

pub(crate) async fn introspect(world: &World, client: &str, token: &str) -> Value {
    let answer = post_as(&world.server, "/introspect", client, &[("token", token)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body
}

pub(crate) async fn is_active(world: &World, client: &str, token: &str) -> bool {
    introspect(world, client, token).await["active"] == true
}

pub(crate) async fn revoke(world: &World, client: &str, token: &str) -> Answer {
    post_as(&world.server, "/revoke", client, &[("token", token)]).await
}

/// The claims of a JWT, unchecked.
pub(crate) fn claims(jwt: &str) -> Value {
    part(jwt, 1)
}

/// The header of a JWT, unchecked.
pub(crate) fn header(jwt: &str) -> Value {
    part(jwt, 0)
}

fn part(jwt: &str, number: usize) -> Value {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = jwt.split('.').nth(number).unwrap_or_else(|| panic!("no JWT: {jwt}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Gets a document.
pub(crate) async fn get(server: &AuthorizationServer, path: &str) -> Answer {
    let response = server.handle(Request::get(path).body(Bytes::new()).unwrap(), &peer()).await;
    let (parts, body) = response.into_parts();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}
