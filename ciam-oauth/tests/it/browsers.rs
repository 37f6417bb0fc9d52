//! Which endpoints scripts of other origins can call: the table of the manual, line by line.

use bytes::Bytes;
use ciam_oauth::client::AuthMethod;
use ciam_oauth::device::DeviceSettings;
use ciam_oauth::registration::RegistrationSettings;
use ciam_oauth::status_list::StatusListSettings;
use ciam_oauth::{Endpoint, ServerBuilder};
use http::{Method, Request};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Browser, World, people, query};

const OURS: &str = "https://spa.example";
const THEIRS: &str = "https://evil.example";

/// Who can read an endpoint's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    Everybody,
    Registered,
    Nobody,
}

fn readers(endpoint: Endpoint) -> Option<Readers> {
    Some(match endpoint {
        Endpoint::Metadata | Endpoint::Jwks | Endpoint::StatusList | Endpoint::Registration => {
            Readers::Everybody
        }
        Endpoint::Token
        | Endpoint::Revocation
        | Endpoint::DeviceAuthorization
        | Endpoint::PushedAuthorizationRequest => Readers::Registered,
        Endpoint::Authorize | Endpoint::Resume | Endpoint::Introspection | Endpoint::ClientConfiguration => {
            Readers::Nobody
        }
        Endpoint::BackchannelAuthentication
        | Endpoint::AuthorizationChallenge
        | Endpoint::AttestationChallenge => Readers::Nobody,
        _ => return None,
    })
}

fn on(builder: ServerBuilder) -> ServerBuilder {
    builder
        .registration(RegistrationSettings::default().open())
        .device(DeviceSettings::new("/device", "/device/done"))
        .authorization_challenge()
        .status_lists(StatusListSettings::new())
        .client_authentication(AuthMethod::DEFAULT.into_iter().chain([AuthMethod::AttestJwtClientAuth]))
        .attestation_challenges(Duration::minutes(5))
        .backchannel(people())
}

async fn world() -> World {
    let world = World::with(on).await;
    world
        .change_client("app", |client| {
            client.allowed_origins = [OURS.to_owned()].into_iter().collect();
        })
        .await;
    world
}

fn path(endpoint: Endpoint) -> String {
    match endpoint {
        Endpoint::Resume => "/authorize/resume/x".to_owned(),
        Endpoint::ClientConfiguration => "/register/app".to_owned(),
        Endpoint::StatusList => "/status/x".to_owned(),
        other => other.path().to_owned(),
    }
}

#[tokio::test]
async fn every_endpoint_is_read_by_whom_the_manual_says() {
    let world = world().await;
    let mut wrong = Vec::new();
    for endpoint in Endpoint::ALL.iter().copied() {
        assert!(world.server.config().has(endpoint), "{endpoint:?} is off");
        let expected = readers(endpoint).unwrap_or_else(|| panic!("{endpoint:?} is not in the table"));
        for origin in [OURS, THEIRS] {
            let method = endpoint.methods().first().cloned().unwrap_or(Method::GET);
            let request = Request::builder()
                .method(method)
                .uri(path(endpoint))
                .header("origin", origin)
                .header("content-type", "application/x-www-form-urlencoded");
            let body = query(&[("client_id", "app"), ("token", "x"), ("grant_type", "authorization_code")]);
            let reply = Browser::new().send(&world, request, Bytes::from(body)).await;
            let allowed = match expected {
                Readers::Everybody => Some("*"),
                Readers::Registered => Some(origin).filter(|origin| *origin == OURS),
                Readers::Nobody => None,
            };
            if reply.header("access-control-allow-origin") != allowed {
                wrong.push((endpoint, origin));
            }
            assert_eq!(reply.header("access-control-allow-credentials"), None, "{endpoint:?}");
            if expected == Readers::Registered {
                let exposed = reply.header("access-control-expose-headers").unwrap_or_default();
                assert_eq!(exposed.contains("DPoP-Nonce"), allowed.is_some(), "{endpoint:?} {origin}");
                assert!(reply.header("vary").is_some_and(|it| it.contains("Origin")), "{endpoint:?}");
            }
        }
    }
    assert_eq!(wrong, [], "every line that is not as the manual has it");
}

#[tokio::test]
async fn a_preflight_is_answered_where_scripts_call() {
    let world = world().await;
    let mut wrong = Vec::new();
    for endpoint in Endpoint::ALL.iter().copied() {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(path(endpoint))
            .header("origin", THEIRS)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, dpop");
        let reply = Browser::new().send(&world, request, Bytes::new()).await;
        let open = readers(endpoint) != Some(Readers::Nobody);
        if reply.header("access-control-allow-origin").is_some() != open {
            wrong.push(endpoint);
            continue;
        }
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{endpoint:?}");
        if open && endpoint.methods().contains(&Method::POST) {
            assert_eq!(reply.header("access-control-allow-methods"), Some("POST"), "{endpoint:?}");
            assert!(reply.header("access-control-allow-headers").unwrap().contains("dpop"), "{endpoint:?}");
        }
    }
    assert_eq!(wrong, [], "every line that is not as the manual has it");
}

/// A client in a browser registers itself, as clients of MCP do, and calls the token endpoint from where it is redirected to.
#[tokio::test]
async fn a_client_in_a_browser_registers_itself_and_is_heard() {
    let world = world().await;
    let register = async |metadata: Value| {
        let request =
            Request::post("/register").header("content-type", "application/json").header("origin", OURS);
        let reply = Browser::new().send(&world, request, Bytes::from(metadata.to_string())).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        let registered: Value = serde_json::from_str(reply.body()).unwrap();
        registered["client_id"].as_str().unwrap_or_else(|| panic!("{registered}")).to_owned()
    };
    let heard = async |client: &str, path: &str, origin: &str| {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", origin);
        let body = query(&[("client_id", client), ("grant_type", "authorization_code"), ("code", "x")]);
        let reply = Browser::new().send(&world, request, Bytes::from(body)).await;
        reply.header("access-control-allow-origin").map(str::to_owned)
    };
    let redirect = [format!("{OURS}/callback")];
    let public = register(json!({ "redirect_uris": redirect, "token_endpoint_auth_method": "none" })).await;
    for path in ["/token", "/par"] {
        assert_eq!(heard(&public, path, OURS).await.as_deref(), Some(OURS), "{path}");
        assert_eq!(heard(&public, path, THEIRS).await, None, "{path}");
    }
    // One that keeps a secret is no page.
    let server = register(json!({ "redirect_uris": redirect })).await;
    assert_eq!(heard(&server, "/token", OURS).await, None);
}
