//! A client manages the registration that it made itself, with our provider and with a hostile one
//! ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)).

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use ciam_core::jose::Algorithm;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::outbound::{HttpClient, Outbound, OutboundRequest};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::registration::RegistrationSettings;
use ciam_oidc::rp::{Authentication, ProviderMetadata, Registered, Registration, RegistrationError};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::{Request, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;

const ISSUER: &str = "https://op.example";
const CALLBACK: &str = "https://app.example/callback";
const PLACE: &str = "https://op.example/register/s6BhdRkqt3";

/// An HTTP client that asks our provider, in this process.
#[derive(Default)]
struct Ours(OnceLock<AuthorizationServer>);

impl std::fmt::Debug for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ours")
    }
}

#[async_trait]
impl HttpClient for Ours {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, outbound: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        let mut request = outbound.request;
        *request.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        Ok(self.0.get().unwrap().handle(request, &Peer::new([192, 0, 2, 9].into())).await)
    }
}

/// Read, changed and ended, with the provider of this crate.
#[tokio::test]
async fn rfc7592_2_a_registration_is_read_changed_and_ended() {
    let config = ProviderConfig::new(format!("{ISSUER}/sign-out/"), format!("{ISSUER}/signed-out"))
        .with_only_algorithm(Algorithm::Es256);
    let server = AuthorizationServer::builder(memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url(format!("{ISSUER}/interaction/"))
        .extension(Arc::new(OpenIdProvider::new(config)))
        .registration(RegistrationSettings::default().open())
        .build()
        .await
        .unwrap();
    let ours = Arc::new(Ours::default());
    ours.0.set(server).ok().unwrap();
    let outbound = Outbound::new(memory::ports().with_http_client(ours));
    let provider = ProviderMetadata::discover(&outbound, ISSUER).await.unwrap();

    let wanted = |to: &str, name: &str| {
        Registration::new(to).with("client_name", name).with_id_token_algorithm(Algorithm::Es256)
    };
    let first = wanted(CALLBACK, "Shop").register(&outbound, &provider, None).await.unwrap();
    let read = first.read(&outbound).await.unwrap();
    assert_eq!((&read.client_id, &read.method), (&first.client_id, &first.method));
    assert_eq!(read.all.expose()["client_name"], "Shop");
    assert!(read.client_secret.is_some(), "the secret is still known");

    let moved = "https://app.example/callback/new";
    let wanted_now = wanted(moved, "Shop of Ada").with_method("client_secret_post");
    let changed = read.update(&outbound, &wanted_now).await.unwrap();
    assert_eq!(changed.client_id, first.client_id);
    assert_eq!((changed.redirect_uri.as_str(), changed.method.as_str()), (moved, "client_secret_post"));
    assert_eq!(changed.all.expose()["client_name"], "Shop of Ada");
    assert!(matches!(changed.config().unwrap().authentication, Authentication::SecretPost(_)));
    let refused = changed.update(&outbound, &wanted("javascript:alert(1)", "Shop")).await.unwrap_err();
    assert!(
        matches!(&refused, RegistrationError::Refused { code } if code == "invalid_redirect_uri"),
        "{refused:?}"
    );

    let after = changed.read(&outbound).await.unwrap();
    after.clone().delete(&outbound).await.unwrap();
    let gone = after.read(&outbound).await.unwrap_err();
    assert!(matches!(gone, RegistrationError::NotAllowed), "{gone:?}");
}

/// A provider that answers what the test says.
struct Hostile {
    network: MemoryHttpClient,
    outbound: Outbound,
}

impl Hostile {
    fn new() -> Self {
        let network = MemoryHttpClient::new();
        let outbound = Outbound::new(memory::ports().with_http_client(Arc::new(network.clone())));
        Self { network, outbound }
    }

    fn answer(&self, url: &str, status: u16, body: &Value) {
        let response = Response::builder().status(status).header("content-type", "application/json");
        self.network.answer(url, response.body(Bytes::from(body.to_string())).unwrap());
    }

    async fn registered(&self) -> Registered {
        let metadata = json!({
            "issuer": ISSUER, "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token", "jwks_uri": "https://op.example/keys",
            "registration_endpoint": "https://op.example/register",
        });
        self.answer("https://op.example/register", 201, &client());
        let provider: ProviderMetadata = serde_json::from_value(metadata).unwrap();
        Registration::new(CALLBACK).register(&self.outbound, &provider, None).await.unwrap()
    }

    fn last(&self) -> Request<Bytes> {
        self.network.requests().pop().unwrap()
    }
}

fn client() -> Value {
    json!({
        "client_id": "s6BhdRkqt3", "client_secret": "first-secret", "client_secret_expires_at": 0,
        "registration_access_token": "first-token", "registration_client_uri": PLACE,
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic",
    })
}

fn with(changes: &Value) -> Value {
    let mut client = client();
    client.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    client.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    client
}

/// A new secret and a new token take the place of the old ones, and what is not said again goes on.
#[tokio::test]
async fn rfc7592_2_1_what_is_new_ends_what_was() {
    let op = Hostile::new();
    let first = op.registered().await;
    op.answer(
        PLACE,
        200,
        &with(&json!({
            "client_secret": "second-secret", "client_secret_expires_at": 4_102_444_800_i64,
            "registration_access_token": "second-token",
        })),
    );
    let second = first.read(&op.outbound).await.unwrap();
    assert_eq!(op.last().headers()["authorization"], "Bearer first-token");
    assert!(op.last().headers()["authorization"].is_sensitive(), "it is in no log");
    assert_eq!(second.client_secret.as_ref().unwrap().expose(), "second-secret");
    // The next request is made with the new token.
    let silent = json!({ "client_secret": null, "client_secret_expires_at": null, "registration_access_token": null, "registration_client_uri": null });
    op.answer(PLACE, 200, &with(&silent));
    let third = second.read(&op.outbound).await.unwrap();
    assert_eq!(op.last().headers()["authorization"], "Bearer second-token");
    assert_eq!(third.client_secret.as_ref().unwrap().expose(), "second-secret");
    assert_eq!(third.client_secret_expires_at.map(OffsetDateTime::unix_timestamp), Some(4_102_444_800));
    assert_eq!(third.registration_access_token.as_ref().unwrap().expose(), "second-token");
    assert_eq!(third.registration_client_uri.as_deref(), Some(PLACE));
}

/// What is sent is the whole registration, and nothing that only the provider says.
#[tokio::test]
async fn rfc7592_2_2_an_update_says_the_whole_and_nothing_that_is_not_the_clients() {
    let op = Hostile::new();
    let first = op.registered().await;
    op.answer(PLACE, 200, &with(&json!({ "client_name": "Shop" })));
    let mut wanted = Registration::new(CALLBACK).with("client_name", "Shop").with("client_id", "another");
    for name in ["registration_access_token", "registration_client_uri", "client_secret"] {
        wanted = wanted.with(name, "x");
    }
    for name in ["client_secret_expires_at", "client_id_issued_at"] {
        wanted = wanted.with(name, 7);
    }
    first.update(&op.outbound, &wanted).await.unwrap();
    let sent = op.last();
    assert_eq!(
        (sent.method().as_str(), sent.headers()["content-type"].to_str().unwrap()),
        ("PUT", "application/json")
    );
    let body: Value = serde_json::from_slice(sent.body()).unwrap();
    let names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["client_id", "client_name", "grant_types", "redirect_uris", "response_types"]);
    assert_eq!(body["client_id"], "s6BhdRkqt3");
}

#[tokio::test]
async fn rfc7592_3_answers_that_cannot_be_used() {
    use RegistrationError::{Exchange, Malformed, NotAllowed, OtherClient};

    type Is = fn(&RegistrationError) -> bool;
    let other: Is = |it| matches!(it, OtherClient);
    let status: Is = |it| matches!(it, Exchange(_));
    let table: Vec<(u16, Value, Is)> = vec![
        (200, with(&json!({ "client_id": "another" })), other),
        (200, with(&json!({ "client_id": "" })), other),
        (200, with(&json!({ "redirect_uris": ["https://evil.example/callback"] })), other),
        // The token is to be sent to somebody else from now on.
        (200, with(&json!({ "registration_client_uri": "https://evil.example/register/s6BhdRkqt3" })), other),
        (200, with(&json!({ "registration_client_uri": "http://op.example/register/s6BhdRkqt3" })), other),
        (200, with(&json!({ "registration_client_uri": "https://op.example:8443/register" })), other),
        (200, with(&json!({ "registration_client_uri": "not a URL" })), other),
        (200, with(&json!({ "registration_access_token": 7 })), |it| matches!(it, Malformed)),
        (200, json!([]), |it| matches!(it, Malformed)),
        (200, json!({}), |it| matches!(it, Malformed)),
        (201, client(), status),
        (204, client(), status),
        (302, client(), status),
        (500, client(), status),
        (401, json!({ "error": "invalid_token" }), |it| matches!(it, NotAllowed)),
        (
            403,
            json!({ "error": "<script>" }),
            |it| matches!(it, RegistrationError::Refused { code } if code == "unknown"),
        ),
        (405, json!({}), |it| matches!(it, RegistrationError::Refused { .. })),
        (
            400,
            json!({ "error": "invalid_client_metadata" }),
            |it| matches!(it, RegistrationError::Refused { code } if code == "invalid_client_metadata"),
        ),
    ];
    for (status, body, is) in table {
        let op = Hostile::new();
        let first = op.registered().await;
        op.answer(PLACE, status, &body);
        let refused = first.read(&op.outbound).await.unwrap_err();
        assert!(is(&refused), "read: {status} {body}: {refused:?}");
        let refused = first.update(&op.outbound, &Registration::new(CALLBACK)).await.unwrap_err();
        assert!(is(&refused), "update: {status} {body}: {refused:?}");
    }
}

/// Only status 204 is an end.
#[tokio::test]
async fn rfc7592_2_3_a_registration_is_ended_when_the_provider_says_so() {
    for (status, ended) in [(204, true), (200, false), (302, false), (401, false), (403, false), (500, false)]
    {
        let op = Hostile::new();
        let first = op.registered().await;
        op.answer(PLACE, status, &json!({}));
        assert_eq!(first.delete(&op.outbound).await.is_ok(), ended, "{status}");
        assert_eq!(op.last().method(), "DELETE");
    }
}

/// Without an address and a token there is nothing to manage; an address inside the network is not asked.
#[tokio::test]
async fn a_registration_without_a_place_of_its_own_is_not_managed() {
    let op = Hostile::new();
    let whole = op.registered().await;
    let before = op.network.requests().len();
    let changes: [fn(&mut Registered); 2] =
        [|it| it.registration_client_uri = None, |it| it.registration_access_token = None];
    for change in changes {
        let mut part = whole.clone();
        change(&mut part);
        let refused = part.read(&op.outbound).await.unwrap_err();
        assert!(matches!(refused, RegistrationError::NotOffered), "{refused:?}");
    }
    for inside in
        ["https://127.0.0.1/register", "https://169.254.169.254/latest", "http://op.example/register"]
    {
        let mut moved = whole.clone();
        moved.registration_client_uri = Some(inside.to_owned());
        let refused = moved.read(&op.outbound).await.unwrap_err();
        assert!(matches!(refused, RegistrationError::Exchange(_)), "{inside}: {refused:?}");
    }
    assert_eq!(op.network.requests().len(), before, "nobody was asked");
}
