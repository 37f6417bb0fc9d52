//! `client_secret_jwt`: OpenID Connect Core, section 9; S13, S14 and S15.

use ciam_core::crypto;
use ciam_core::jose::{LocalSigner, Signer, sign};
use ciam_core::secret::SecretBytes;
use ciam_oauth::ServerBuilder;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientKeys, ClientProblem, ClientSecret, ClientsError,
    GrantType,
};
use serde_json::{Value, json};
use time::Duration;

use super::validate::signer;
use super::{Answer, get, post, prepare, with_vault};
use crate::support::{ISSUER, SECRET, World};

const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
const INVALID_CLIENT: (u16, &str) = (401, "invalid_client");

fn on(builder: ServerBuilder) -> ServerBuilder {
    let methods = AuthMethod::DEFAULT.into_iter().chain([AuthMethod::ClientSecretJwt]);
    with_vault(builder.client_authentication(methods))
}

async fn machine(world: &World, id: &str) -> Client {
    let secret = ClientSecret::new(SECRET).unwrap();
    let authentication = ClientAuthentication::client_secret_jwt(&world.ports, &secret).await.unwrap();
    Client::confidential(id.parse().unwrap(), authentication)
        .with_grant(GrantType::ClientCredentials)
        .with_scopes("orders:read".parse().unwrap())
}

fn claims(world: &World, client: &str, jti: &str) -> Value {
    let now = world.ports.now().unix_timestamp();
    json!({ "iss": client, "sub": client, "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 60 })
}

fn shared(secret: &str) -> LocalSigner {
    let secret = SecretBytes::new(secret.as_bytes().to_vec());
    LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap()
}

async fn send(world: &World, key: &dyn Signer, claims: &Value) -> Answer {
    let assertion = sign(key, "JWT", claims).await.unwrap();
    let params = [("grant_type", "client_credentials"), TYPE, ("client_assertion", &assertion)];
    post(&world.server, "/token", None, &params).await
}

/// Off unless it is named: the server would have to keep secrets that it can read.
#[tokio::test]
async fn it_is_off_by_default() {
    let world = super::world().await;
    let client = machine(&world, "hmac").await;
    let refused = world.server.clients().register(client).await.unwrap_err();
    assert!(
        matches!(refused, ClientsError::Problem(ClientProblem::Method("client_secret_jwt"))),
        "{refused:?}"
    );
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    let algorithms = said["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
    assert!(!algorithms.contains(&json!("HS256")));
}

#[tokio::test]
async fn oidc_core_9_client_secret_jwt() {
    let world = prepare(World::with(on).await).await;
    world.server.clients().register(machine(&world, "hmac").await).await.unwrap();
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    let algorithms = said["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("HS256")));
    let good = claims(&world, "hmac", "1");
    assert!(send(&world, &shared(SECRET), &good).await.is_ok());
    assert_eq!(send(&world, &shared(SECRET), &good).await.error(), INVALID_CLIENT, "S14: once");
    let stored = serde_json::to_string(&world.client("hmac").await.value).unwrap();
    assert!(!stored.contains(SECRET), "it is sealed: {stored}");
}

/// S13, S15: another secret, another kind of key, another audience, another time.
#[tokio::test]
async fn s15_wrong_assertions() {
    let world = prepare(World::with(on).await).await;
    world.server.clients().register(machine(&world, "hmac").await).await.unwrap();
    let change = |name: &str, value: Value| {
        let mut claims = claims(&world, "hmac", name);
        claims[name] = value;
        claims
    };
    let right = shared(SECRET);
    assert_eq!(
        send(&world, &shared(&"y".repeat(43)), &claims(&world, "hmac", "a")).await.error(),
        INVALID_CLIENT
    );
    assert_eq!(send(&world, &signer(), &claims(&world, "hmac", "b")).await.error(), INVALID_CLIENT);
    let past = world.ports.now() - Duration::minutes(2);
    for bad in [
        change("aud", json!("https://evil.example")),
        change("aud", json!([ISSUER, "https://evil.example"])),
        change("aud", json!("https://id.example/token")),
        change("exp", json!(past.unix_timestamp())),
        change("iss", json!("shop")),
    ] {
        assert_eq!(send(&world, &right, &bad).await.error(), INVALID_CLIENT, "{bad}");
    }
    assert_eq!(
        send(&world, &right, &claims(&world, "shop", "c")).await.error(),
        INVALID_CLIENT,
        "of another method"
    );
}

/// S15: the public key of a client is no shared secret.
#[tokio::test]
async fn s15_a_public_key_is_no_secret() {
    let world = prepare(World::with(on).await).await;
    let key = signer();
    let jwk = key.public_jwk().unwrap();
    let jwks = json!({ "keys": [jwk] });
    let client = Client::confidential(
        "keys".parse().unwrap(),
        ClientAuthentication::private_key_jwt(ClientKeys::Jwks(jwks.clone())),
    )
    .with_grant(GrantType::ClientCredentials)
    .with_scopes("orders:read".parse().unwrap());
    world.server.clients().register(client).await.unwrap();
    assert!(send(&world, &key, &claims(&world, "keys", "1")).await.is_ok());
    for guess in [jwks.to_string(), jwks["keys"][0].to_string(), jwks["keys"][0]["x"].to_string()] {
        let forged = send(&world, &shared(&guess), &claims(&world, "keys", "2")).await;
        assert_eq!(forged.error(), INVALID_CLIENT, "{guess}");
    }
}

/// A new secret ends the old one.
#[tokio::test]
async fn a_rotated_secret() {
    let world = prepare(World::with(on).await).await;
    world.server.clients().register(machine(&world, "hmac").await).await.unwrap();
    let id = "hmac".parse().unwrap();
    let next = world.server.clients().rotate_secret(&id, Duration::HOUR).await.unwrap();
    assert_eq!(send(&world, &shared(SECRET), &claims(&world, "hmac", "1")).await.error(), INVALID_CLIENT);
    assert!(send(&world, &shared(next.expose()), &claims(&world, "hmac", "2")).await.is_ok());
}
