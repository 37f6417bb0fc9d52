//! Apps of one maker that share a sign-in on a device: OpenID Connect Native SSO for Mobile Apps 1.0, draft 06.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::http::Peer;
use ciam_core::jose::Algorithm;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::session::{SessionCookie, SessionEnd};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, GrantType};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::Request;
use serde_json::{Value, json};
use time::Duration;
use url::form_urlencoded;

use crate::world::{CALLBACK, ISSUER, VERIFIER, account, claims_of};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Device {
    clock: Arc<ManualClock>,
    ports: Ports,
    server: AuthorizationServer,
    session: SessionCookie,
}

/// What an app has of a sign-in.
#[derive(Clone)]
struct Shared {
    id_token: String,
    secret: String,
}

fn app(id: &str) -> Client {
    Client::public(id.parse().unwrap())
        .first_party()
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("openid device_sso email offline_access".parse().unwrap())
}

fn not_ours(mut client: Client) -> Client {
    client.first_party = false;
    client
}

impl Device {
    async fn new(seed: u64, change: impl FnOnce(ProviderConfig) -> ProviderConfig) -> Self {
        let clock = Arc::new(ManualClock::default());
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(seed)));
        let config = ProviderConfig::new(format!("{ISSUER}/sign-out/"), format!("{ISSUER}/signed-out"));
        let config = change(config.with_only_algorithm(Algorithm::Es256));
        let server = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .extension(Arc::new(OpenIdProvider::new(config)))
            .build()
            .await
            .unwrap();
        let person = account(&ports, "ada@example.com").await;
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], ports.now());
        let context = AuthenticationContext::new([proof]);
        let started = server.sessions().start(&person, context, None, None).await.unwrap();
        Self { clock, ports, server, session: started.cookie }
    }

    async fn apart() -> Self {
        Self::of(7).await
    }

    async fn of(seed: u64) -> Self {
        let device = Self::new(seed, ProviderConfig::with_native_sso).await;
        let others = [
            app("app1"),
            app("app2"),
            not_ours(app("foreign")),
            app("plain").with_scopes("openid email".parse().unwrap()),
        ];
        for client in others {
            device.server.clients().register(client).await.unwrap();
        }
        device
    }

    async fn code(&self, client: &str, scope: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("scope", scope)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let cookie = self.session.set_cookie(None).unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let request = Request::get(format!("/authorize?{query}")).header("cookie", pair).body(Bytes::new());
        let response = self.server.handle(request.unwrap(), &peer()).await;
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        crate::world::param(&location, "code").unwrap_or_else(|| panic!("no code: {location}"))
    }

    async fn token(&self, client: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .append_pair("client_id", client)
            .finish();
        let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(query)).unwrap();
        let response = self.server.handle(request, &peer()).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    async fn sign_in(&self, client: &str, scope: &str) -> Value {
        let code = self.code(client, scope).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let (status, tokens) = self.token(client, &form).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    async fn shared(&self) -> Shared {
        let tokens = self.sign_in("app1", "openid device_sso").await;
        let text =
            |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}")).to_owned();
        Shared { id_token: text("id_token"), secret: text("device_secret") }
    }

    async fn swap(&self, client: &str, shown: &Shared, more: &[(&str, &str)]) -> (u16, Value) {
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", ISSUER),
            ("subject_token", shown.id_token.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("actor_token", shown.secret.as_str()),
            ("actor_token_type", "urn:openid:params:token-type:device-secret"),
        ];
        form.retain(|(name, _)| more.iter().all(|(changed, _)| changed != name));
        form.extend(more);
        self.token(client, &form).await
    }
}

fn peer() -> Peer {
    Peer::new([192, 0, 2, 9].into())
}

/// Sections 3 and 4: the second app is given tokens of its own, in the session of the first.
#[tokio::test]
async fn native_sso_4_another_app_is_signed_in() {
    let device = Device::apart().await;
    assert_eq!(device.server.metadata()["native_sso_supported"], true);
    let shown = device.shared().await;
    let first = claims_of(&shown.id_token);
    assert!(first["ds_hash"].is_string() && first["sid"].is_string());
    let (status, tokens) =
        device.swap("app2", &shown, &[("scope", "openid device_sso email offline_access")]).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let second = claims_of(tokens["id_token"].as_str().unwrap());
    assert_eq!(
        (&second["aud"], &second["sid"], &second["sub"]),
        (&json!("app2"), &first["sid"], &first["sub"])
    );
    assert_eq!((&second["auth_time"], second.get("nonce")), (&first["auth_time"], None));
    assert_eq!(tokens["device_secret"], shown.secret.as_str(), "one secret for one session");
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    assert_eq!(device.token("app2", &refresh).await.0, 200);
    // An ID token that has expired still says who is meant.
    device.clock.advance(Duration::hours(1));
    assert_eq!(device.swap("app2", &shown, &[]).await.0, 200);
}

/// Section 4.2: everything that must fit.
#[tokio::test]
async fn native_sso_4_2_what_is_refused() {
    let device = Device::apart().await;
    let shown = device.shared().await;
    let other = Device::of(8).await;
    let plain = device.sign_in("plain", "openid email").await;
    let access =
        device.sign_in("app1", "openid device_sso").await["access_token"].as_str().unwrap().to_owned();
    let with =
        |id_token: &str, secret: &str| Shared { id_token: id_token.to_owned(), secret: secret.to_owned() };
    let mut forged = shown.secret.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    let another = device.server.device_secret(ciam_core::id::SessionId::from_uuid(uuid::Uuid::nil()));
    for (what, shown) in [
        ("a forged secret", with(&shown.id_token, &forged)),
        ("the secret of another session", with(&shown.id_token, another.expose())),
        ("no secret", with(&shown.id_token, "x")),
        ("the secret of another server", with(&shown.id_token, &other.shared().await.secret)),
        ("an ID token that names no secret", with(plain["id_token"].as_str().unwrap(), &shown.secret)),
        ("an access token", with(&access, &shown.secret)),
        ("no token", with("x", &shown.secret)),
        ("an ID token of another server", with(&other.shared().await.id_token, &shown.secret)),
    ] {
        let (status, body) = device.swap("app2", &shown, &[]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{what}");
    }
    for (more, error) in [
        (("audience", "https://other.example"), "invalid_target"),
        (("scope", "openid phone"), "invalid_scope"),
        (("resource", "https://api.example"), "invalid_target"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), "invalid_request"),
        (("subject_token", ""), "invalid_request"),
    ] {
        let (status, body) = device.swap("app2", &shown, &[more]).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{more:?}");
    }
}

/// For apps of the operator's own that are registered for it, on both sides.
#[tokio::test]
async fn native_sso_is_for_apps_of_one_maker() {
    let device = Device::apart().await;
    let shown = device.shared().await;
    for client in ["foreign", "plain"] {
        let (_, body) = device.swap(client, &shown, &[]).await;
        assert_eq!(body["error"], "unauthorized_client", "{client}");
    }
    let read = device.server.clients().get(&"app1".parse().unwrap()).await.unwrap().unwrap();
    let changed = not_ours(read.value.clone());
    device.server.clients().update(&read, changed).await.unwrap();
    let (_, body) = device.swap("app2", &shown, &[]).await;
    assert_eq!(body["error"], "invalid_grant", "the first app is another's now");
    assert!(device.sign_in("plain", "openid email").await.get("device_secret").is_none());
}

/// The device secret ends with the session.
#[tokio::test]
async fn native_sso_ends_with_the_session() {
    let device = Device::apart().await;
    let shown = device.shared().await;
    let session = device.ports.store().session(device.session.id()).await.unwrap().unwrap().value;
    device.server.sessions().end(session.id, SessionEnd::SignedOut).await.unwrap();
    let (status, body) = device.swap("app2", &shown, &[]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn native_sso_is_off_unless_it_is_turned_on() {
    let off = Device::new(7, |config| config).await;
    assert!(!off.server.metadata().contains_key("native_sso_supported"));
    assert!(off.server.clients().register(app("app1")).await.is_err(), "there is no such scope value");
}
