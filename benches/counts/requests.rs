//! Requests to the authorization server on ports in memory, without a socket.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::http::Peer;
use ciam_core::jose::Algorithm;
use ciam_core::memory;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::server::{ResourceServer, SupportedScope, TokenFormat};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use serde_json::Value;

use crate::Failure;
use crate::operations::{Run, ready};

/// A token request with the client's own right, answered with a JWT. Ed25519 needs no randomness to sign.
pub(crate) fn token() -> Result<Run, Failure> {
    let server = server()?;
    Ok(Box::new(move || post(&server, "/token", &own_right("orders")).is_some_and(|answer| is_ok(&answer))))
}

/// What an opaque token means, asked by the client that it was issued to.
pub(crate) fn introspection() -> Result<Run, Failure> {
    let server = server()?;
    let answer = post(&server, "/token", &own_right("stock")).ok_or("the server waits")?;
    let answer: Value = serde_json::from_slice(answer.body())?;
    let token = answer.get("access_token").and_then(Value::as_str).ok_or("no token")?;
    let form = format!("token={token}");
    let active = |answer: &Response<Bytes>| answer.body().windows(13).any(|it| it == b"\"active\":true");
    Ok(Box::new(move || post(&server, "/introspect", &form).is_some_and(|it| is_ok(&it) && active(&it))))
}

fn own_right(resource: &str) -> String {
    format!("grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com%2F{resource}")
}

fn is_ok(answer: &Response<Bytes>) -> bool {
    answer.status() == StatusCode::OK
}

fn post(server: &AuthorizationServer, path: &str, form: &str) -> Option<Response<Bytes>> {
    let basic = format!("Basic {}", STANDARD.encode(format!("shop:{SECRET}")));
    let request = Request::post(path)
        .header(AUTHORIZATION, basic)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))
        .ok()?;
    ready(server.handle(request, &Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST))))
}

const SECRET: &str = "0123456789012345678901234567890123456789abc";

fn server() -> Result<AuthorizationServer, Failure> {
    let resource = |name: &str, scope: &str, format: TokenFormat| {
        Ok::<_, Failure>(ResourceServer::new(name.parse()?, scope.parse()?).with_format(format))
    };
    let jwt = TokenFormat::Jwt { alg: Algorithm::EdDsa };
    let building = AuthorizationServer::builder(memory::ports())
        .issuer("https://id.example.com".parse()?)
        .interaction_url("/interaction/")
        .scope(SupportedScope::new("orders:read".parse()?, "See your orders"))
        .scope(SupportedScope::new("stock:read".parse()?, "See the stock"))
        .resource(resource("https://api.example.com/orders", "orders:read", jwt)?)
        .resource(resource("https://api.example.com/stock", "stock:read", TokenFormat::Opaque)?)
        .build();
    let server = ready(building).ok_or("the server waits")??;
    let authentication = ClientAuthentication::basic(&ClientSecret::new(SECRET)?);
    let client = Client::confidential("shop".parse()?, authentication)
        .with_grant(GrantType::ClientCredentials)
        .with_scopes("orders:read stock:read".parse()?)
        .with_resource("https://api.example.com/orders".parse()?)
        .with_resource("https://api.example.com/stock".parse()?);
    ready(server.clients().register(client)).ok_or("the registry waits")??;
    Ok(server)
}
