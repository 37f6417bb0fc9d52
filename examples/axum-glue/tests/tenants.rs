//! Issuers per tenant, by host and by path, in one process and on one database: RFC 8414, section 3.1, and the mismatched-tenant line
//! of what is refused. Both tenants have the same client with the same secret, and the same person, so that nothing but the
//! tenant tells them apart.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

use std::sync::Arc;

use axum::{Router, body::Body};
use ciam_axum::{SameIssuer, Tenants};
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::clock::SystemClock;
use ciam_core::http::Peer;
use ciam_core::id::{AccountId, TenantId};
use ciam_core::memory::{MemoryDatabase, MemoryEphemeralDatabase};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::store::{Batch, Write};
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::device::DeviceSettings;
use ciam_oauth::registration::RegistrationSettings;
use ciam_oauth::server::{ResourceServer, SupportedScope, TokenFormat};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::{Request, StatusCode, header::LOCATION};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::{Url, form_urlencoded};

const SECRET: &str = "0123456789012345678901234567890123456789abc";
const CALLBACK: &str = "https://app.example/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const API: &str = "https://api.example";
const BASIC: &str = "Basic YXBwOjAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODlhYmM=";

/// One tenant, and a browser that is signed in there.
struct Tenant {
    issuer: &'static str,
    server: AuthorizationServer,
    cookie: String,
}

/// Two tenants of one database, with one key under which everything is sealed.
struct World {
    router: Router,
    tenants: [Tenant; 2],
}

impl World {
    async fn new(issuers: [&'static str; 2]) -> Self {
        let clock = Arc::new(SystemClock::new());
        let (database, short_lived) = (MemoryDatabase::new(), MemoryEphemeralDatabase::new());
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
        let ports = |number: u128| {
            let id = TenantId::from_uuid(uuid(number));
            Ports::new(
                Arc::new(database.tenant(id, clock.clone())),
                Arc::new(short_lived.tenant(id, clock.clone())),
                Arc::new(LocalKeyVault::new(id, key.clone())),
            )
        };
        let [one, two] = issuers;
        let tenants = [tenant(one, ports(1)).await, tenant(two, ports(2)).await];
        let all = tenants.iter().fold(Tenants::new(), |all, it| all.with(it.server.clone()).unwrap());
        Self { router: all.router(), tenants }
    }

    async fn send(
        &self,
        request: http::request::Builder,
        url: &str,
        body: String,
    ) -> (StatusCode, http::HeaderMap, Value) {
        let url = Url::parse(url).unwrap();
        let path = &url[url::Position::BeforePath..];
        let request = request
            .uri(path)
            .header("host", url.authority())
            .extension(Peer::new([192, 0, 2, 1].into()))
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, url: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.send(Request::get("/"), url, String::new()).await;
        (status, body)
    }

    /// A form of the client, whose secret is the same everywhere.
    async fn post(&self, tenant: &Tenant, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", BASIC);
        let (status, _, body) = self.send(request, &format!("{}{path}", tenant.issuer), body).await;
        (status, body)
    }

    /// Where the browser is sent from the authorization endpoint with this cookie.
    async fn authorize(&self, tenant: &Tenant, cookie: &str, more: &[(&str, &str)]) -> Option<Url> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid offline_access orders:read"),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", API),
        ]);
        query.extend_pairs(more);
        let url = format!("{}/authorize?{}", tenant.issuer, query.finish());
        let (_, headers, _) =
            self.send(Request::get("/").header("cookie", cookie), &url, String::new()).await;
        Url::parse(headers.get(LOCATION)?.to_str().unwrap()).ok()
    }

    async fn code(&self, tenant: &Tenant) -> String {
        let back = self.authorize(tenant, &tenant.cookie, &[]).await.unwrap();
        let found = back.query_pairs().find(|(name, _)| name == "code");
        found.unwrap_or_else(|| panic!("{back}")).1.into_owned()
    }

    async fn exchange(&self, tenant: &Tenant, code: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post(tenant, "/token", &form).await
    }
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

async fn tenant(issuer: &'static str, ports: Ports) -> Tenant {
    let pages = ProviderConfig::new(format!("{issuer}/sign-out/"), format!("{issuer}/signed-out"));
    let api = ResourceServer::new(API.parse().unwrap(), "orders:read".parse().unwrap());
    let server = AuthorizationServer::builder(ports.clone())
        .issuer(issuer.parse().unwrap())
        .interaction_url(format!("{issuer}/interaction/"))
        .scope(SupportedScope::new("orders:read".parse().unwrap(), "Read your orders"))
        .resource(api.with_format(TokenFormat::Opaque))
        .device(DeviceSettings::new("/device", "/device/done"))
        .registration(RegistrationSettings::default().open())
        .extension(Arc::new(OpenIdProvider::new(
            pages.with_only_algorithm(ciam_core::jose::Algorithm::Es256),
        )))
        .build()
        .await
        .unwrap();
    let authentication = ClientAuthentication::basic(&ClientSecret::new(SECRET).unwrap());
    let client = Client::confidential("app".parse().unwrap(), authentication)
        .first_party()
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_grant(GrantType::DeviceCode)
        .with_scopes("openid email offline_access orders:read".parse().unwrap());
    let mut client = client;
    client.resources.insert(API.parse().unwrap());
    client.serves.insert(API.parse().unwrap());
    server.clients().register(client).await.unwrap();
    // Even the account has the same id.
    let mut account = Account::new(AccountId::from_uuid(uuid(7)), ports.now());
    account.status = AccountStatus::Active;
    let key = IdentifierKey::email("ada@example.com").unwrap();
    account.identifiers.push(Identifier::verified(key, ports.now()));
    let batch = Batch::new().write(Write::PutAccount(account));
    assert!(ports.store().commit(batch).await.unwrap().is_applied());
    let account = ports.store().account(AccountId::from_uuid(uuid(7))).await.unwrap().unwrap();
    let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], ports.now());
    let started =
        server.sessions().start(&account, AuthenticationContext::new([proof]), None, None).await.unwrap();
    let cookie = started.cookie.set_cookie(None).unwrap();
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    Tenant { issuer, server, cookie }
}

const BY_PATH: [&str; 2] = ["https://id.example/acme", "https://id.example/acme/shop"];
const BY_HOST: [&str; 2] = ["https://acme.id.example", "https://shop.id.example"];

/// RFC 8414, section 3.1, and OpenID Connect Discovery, section 4.1.
#[tokio::test]
async fn each_issuer_has_its_metadata_and_keys() {
    for (issuers, documents) in [
        (
            BY_PATH,
            [
                [
                    "https://id.example/.well-known/oauth-authorization-server/acme",
                    "https://id.example/acme/.well-known/openid-configuration",
                ],
                [
                    "https://id.example/.well-known/oauth-authorization-server/acme/shop",
                    "https://id.example/acme/shop/.well-known/openid-configuration",
                ],
            ],
        ),
        (
            BY_HOST,
            [
                [
                    "https://acme.id.example/.well-known/oauth-authorization-server",
                    "https://acme.id.example/.well-known/openid-configuration",
                ],
                [
                    "https://shop.id.example/.well-known/oauth-authorization-server",
                    "https://shop.id.example/.well-known/openid-configuration",
                ],
            ],
        ),
    ] {
        let world = World::new(issuers).await;
        let mut keys = Vec::new();
        for (issuer, documents) in issuers.into_iter().zip(documents) {
            for url in documents {
                let (status, document) = world.get(url).await;
                assert_eq!(status, StatusCode::OK, "{url}");
                assert_eq!(document["issuer"], issuer, "{url}");
                assert_eq!(document["token_endpoint"], format!("{issuer}/token"), "{url}");
            }
            let (_, set) = world.get(&format!("{issuer}/jwks")).await;
            keys.push(set["keys"][0]["kid"].as_str().unwrap().to_owned());
        }
        assert_ne!(keys[0], keys[1], "each tenant signs with keys of its own");
    }
}

#[tokio::test]
async fn what_is_nobodys_is_nobodys() {
    let world = World::new(BY_PATH).await;
    for url in [
        "https://id.example/token",
        "https://id.example/acmes/jwks",
        "https://id.example/other/jwks",
        "https://evil.example/acme/jwks",
        "https://id.example/.well-known/oauth-authorization-server",
        "https://id.example/.well-known/oauth-authorization-server/other",
        "https://id.example:444/acme/jwks",
    ] {
        assert_eq!(world.get(url).await.0, StatusCode::NOT_FOUND, "{url}");
    }
    // The port that the scheme has anyway is no other host; any other port is.
    let one = Tenants::new().with(world.tenants[0].server.clone()).unwrap();
    for (host, known) in [
        ("id.example", true),
        ("ID.example:443", true),
        ("id.example:80", false),
        ("id.example:443:443", false),
        ("id.example.", false),
    ] {
        assert_eq!(one.find(host, "/acme/jwks").is_some(), known, "{host}");
    }
    let again =
        Tenants::new().with(world.tenants[0].server.clone()).unwrap().with(world.tenants[0].server.clone());
    assert_eq!(again.unwrap_err(), SameIssuer(BY_PATH[0].to_owned()));
}

/// The mismatched tenant: each thing that one has made, brought to the other.
#[tokio::test]
async fn what_one_tenant_made_is_refused_at_the_other() {
    for issuers in [BY_PATH, BY_HOST] {
        let world = World::new(issuers).await;
        let [here, there] = &world.tenants;
        let invalid = (StatusCode::BAD_REQUEST, json!("invalid_grant"));
        let refused = |(status, body): (StatusCode, Value)| (status, body["error"].clone());

        // The session, and with it everything that a browser can do.
        let away = world.authorize(there, &here.cookie, &[("prompt", "none")]).await.unwrap();
        assert!(away.query().unwrap().contains("error=login_required"), "{away}");

        // A code, which stays good where it was made.
        let code = world.code(here).await;
        assert_eq!(refused(world.exchange(there, &code).await), invalid);
        let (status, tokens) = world.exchange(here, &code).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();

        // An opaque access token, at introspection; and its end, at revocation.
        let introspect = async |tenant: &Tenant| {
            world.post(tenant, "/introspect", &[("token", &text("access_token"))]).await.1["active"].clone()
        };
        assert_eq!((introspect(there).await, introspect(here).await), (json!(false), json!(true)));
        for name in ["access_token", "refresh_token"] {
            let (status, _) = world.post(there, "/revoke", &[("token", &text(name))]).await;
            assert_eq!(status, StatusCode::OK, "{name}");
        }
        assert_eq!(introspect(here).await, json!(true), "nobody else ends it");

        // A refresh token.
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &text("refresh_token"))];
        assert_eq!(refused(world.post(there, "/token", &refresh).await), invalid);
        assert_eq!(world.post(here, "/token", &refresh).await.0, StatusCode::OK);

        // An ID token, as a hint of who is meant.
        let away = world
            .authorize(there, &there.cookie, &[("id_token_hint", &text("id_token")), ("prompt", "none")])
            .await;
        assert!(
            away.is_none_or(|url| !url.query().unwrap_or_default().contains("code=")),
            "a hint of somebody else"
        );

        pushed_and_devices(&world).await;
        jwts_and_registrations(&world).await;
    }
}

async fn pushed_and_devices(world: &World) {
    let [here, there] = &world.tenants;
    let form = [
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let (status, pushed) = world.post(here, "/par", &form).await;
    assert_eq!(status, StatusCode::CREATED, "{pushed}");
    let uri = pushed["request_uri"].as_str().unwrap();
    let by_reference = async |tenant: &Tenant| {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", "app"), ("request_uri", uri)])
            .finish();
        let url = format!("{}/authorize?{query}", tenant.issuer);
        let request = Request::get("/").header("cookie", &tenant.cookie);
        let (_, headers, _) = world.send(request, &url, String::new()).await;
        headers.get(LOCATION).is_some_and(|to| to.to_str().unwrap().contains("code="))
    };
    assert!(!by_reference(there).await && by_reference(here).await, "a pushed request");

    let (status, begun) = world.post(here, "/device_authorization", &[("scope", "openid")]).await;
    assert_eq!(status, StatusCode::OK, "{begun}");
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", begun["device_code"].as_str().unwrap()),
    ];
    assert_eq!(world.post(there, "/token", &poll).await.1["error"], "invalid_grant");
    assert_eq!(world.post(here, "/token", &poll).await.1["error"], "authorization_pending");
}

async fn jwts_and_registrations(world: &World) {
    let [here, there] = &world.tenants;
    // An access token that is a JWT, for UserInfo.
    let back = world.authorize(here, &here.cookie, &[]).await.unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let (_, tokens) = world.post(here, "/token", &form).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let userinfo = async |tenant: &Tenant| {
        let request = Request::get("/").header("authorization", &bearer);
        world.send(request, &format!("{}/userinfo", tenant.issuer), String::new()).await.0
    };
    assert_eq!(userinfo(there).await, StatusCode::UNAUTHORIZED);

    // A client that registered itself, and the token by which it looks after its registration.
    let request = Request::post("/").header("content-type", "application/json");
    let metadata = json!({ "redirect_uris": ["https://partner.example/cb"] }).to_string();
    let (status, _, registered) = world.send(request, &format!("{}/register", here.issuer), metadata).await;
    assert_eq!(status, StatusCode::CREATED, "{registered}");
    let (id, token) = (
        registered["client_id"].as_str().unwrap(),
        registered["registration_access_token"].as_str().unwrap(),
    );
    let read = async |tenant: &Tenant| {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        world.send(request, &format!("{}/register/{id}", tenant.issuer), String::new()).await.0
    };
    assert_eq!((read(there).await, read(here).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}
