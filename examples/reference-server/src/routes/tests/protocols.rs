//! What the configuration turns on: profiles, registration, exchange, certificates by a proxy; and the configuration for the
//! conformance suite.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ciam_core::{
    crypto,
    jose::{LocalSigner, sign},
    memory,
    secret::SecretBytes,
};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::App,
    config::Config,
    testing::{Browser, Seen, app, config},
    tls::SelfSigned,
};

fn conformance(file: &str) -> String {
    format!("{}/conformance/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// A configuration in a file of its own, and its server.
async fn configured(name: &str, text: &str) -> App {
    let file = std::env::temp_dir().join(format!("ciam-protocols-{name}-{}.toml", std::process::id()));
    fs::write(&file, text).unwrap();
    let app = app(&["--config", file.to_str().unwrap()]).await;
    fs::remove_file(&file).unwrap();
    app
}

/// A configuration in a file of its own.
fn loaded(name: &str, text: &str) -> Config {
    let file = std::env::temp_dir().join(format!("ciam-protocols-{name}-{}.toml", std::process::id()));
    fs::write(&file, text).unwrap();
    let config = config(&["--config", file.to_str().unwrap()]);
    fs::remove_file(&file).unwrap();
    config
}

fn import(name: &str, text: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("ciam-protocols-{name}-{}.import.toml", std::process::id()));
    fs::write(&file, text).unwrap();
    file
}

async fn metadata(browser: &mut Browser) -> Value {
    let seen = browser.send(Request::get("/.well-known/openid-configuration"), "").await;
    assert_eq!(seen.status, StatusCode::OK);
    serde_json::from_str(&seen.text).unwrap()
}

async fn token(browser: &mut Browser, client: &str, form: &str) -> Seen {
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let pair = STANDARD.encode(format!("{client}:a-secret-of-a-test-that-is-long-enough-for-{client}"));
    browser.send(request.header("authorization", format!("Basic {pair}")), form.to_owned()).await
}

#[tokio::test]
async fn the_configurations_for_the_conformance_suite_start_with_every_profile_of_theirs() {
    for (file, profile) in [
        ("conformance.toml", "openid-basic"),
        ("conformance.toml", "openid-hybrid"),
        ("fapi.toml", "fapi-2.0-security"),
        ("fapi.toml", "fapi-2.0-message-signing"),
    ] {
        let app = app(&["--config", &conformance(file), "--profile", profile]).await;
        let mut browser = Browser::new(&app);
        let metadata = metadata(&mut browser).await;
        assert_eq!(metadata["issuer"], "https://localhost:9443", "{profile}");
        assert_eq!(metadata["registration_endpoint"], "https://localhost:9443/register");
        let fapi = profile.starts_with("fapi");
        assert_eq!(metadata["require_pushed_authorization_requests"], fapi, "{profile}");
        assert_eq!(metadata["request_uri_parameter_supported"], !fapi, "{profile}");
        assert_eq!(metadata["mtls_endpoint_aliases"]["token_endpoint"], "https://localhost:9444/token");
        let hybrid =
            metadata["response_types_supported"].as_array().unwrap().contains(&json!("code id_token"));
        assert_eq!(hybrid, profile == "openid-hybrid");
        if fapi {
            continue;
        }
        // Everybody may register, as the dynamic plan does.
        let metadata =
            json!({ "redirect_uris": ["https://localhost.emobix.co.uk:8443/test/a/ciam/callback"] });
        let request = Request::post("/register").header("content-type", "application/json");
        let seen = browser.send(request, metadata.to_string()).await;
        assert_eq!(seen.status, StatusCode::CREATED, "{}", seen.text);
    }
}

/// The frame of session management is for pages of others; everything else is framed by nobody.
#[tokio::test]
async fn only_the_frame_of_session_management_is_framed() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let frame = browser.send(Request::get("/check-session"), "").await;
    assert_eq!(frame.status, StatusCode::OK);
    assert_eq!(frame.headers.get("x-frame-options"), None);
    let page = browser.send(Request::get("/sign-in"), "").await;
    assert_eq!(page.headers["x-frame-options"], "DENY");
}

#[tokio::test]
async fn clients_register_only_where_that_is_configured() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    assert_eq!(metadata(&mut browser).await.get("registration_endpoint"), None);
    let post = || Request::post("/register").header("content-type", "application/json");
    assert_eq!(browser.send(post(), "{}").await.status, StatusCode::NOT_FOUND);
    assert!(crate::initial_access::issue(&app.services().server, "partner", 1, 1).await.is_err());

    let app = configured("registration", "[oauth.registration]\n").await;
    let mut browser = Browser::new(&app);
    let client = json!({ "redirect_uris": ["https://partner.example/cb"] }).to_string();
    assert_eq!(browser.send(post(), client.clone()).await.status, StatusCode::UNAUTHORIZED);
    let token = crate::initial_access::issue(&app.services().server, "partner", 1, 1).await.unwrap();
    let with_token = || post().header("authorization", format!("Bearer {token}"));
    let seen = browser.send(with_token(), client.clone()).await;
    assert_eq!(seen.status, StatusCode::CREATED, "{}", seen.text);
    assert_eq!(browser.send(with_token(), client).await.status, StatusCode::UNAUTHORIZED, "once");
}

const EXCHANGE: &str = r#"
[[clients]]
id = "app"
name = "App"
authentication = "client_secret_basic"
secret = "a-secret-of-a-test-that-is-long-enough-for-app"
grants = ["client_credentials"]
scopes = ["orders:read"]
resources = ["https://api.example"]

[[clients]]
id = "gateway"
name = "Gateway"
authentication = "client_secret_basic"
secret = "a-secret-of-a-test-that-is-long-enough-for-gateway"
grants = ["token_exchange"]
scopes = ["orders:read", "stock:read"]
resources = ["https://api.example", "https://stock.example"]
serves = ["https://api.example"]

[[resources]]
id = "https://api.example"
scopes = { "orders:read" = "Read your orders" }

[[resources]]
id = "https://stock.example"
scopes = { "stock:read" = "Read what is there" }
"#;

#[tokio::test]
async fn tokens_are_exchanged_as_configured_and_not_otherwise() {
    let file = import("exchange", EXCHANGE);
    let rule = "[[oauth.exchange]]\nclient = \"gateway\"\nresource = \"https://stock.example\"\nscopes = \"stock:read\"\n";
    let app = configured("exchange", &format!("import = [{:?}]\n{rule}", file.to_str().unwrap())).await;
    fs::remove_file(file).unwrap();
    let mut browser = Browser::new(&app);
    let form = "grant_type=client_credentials&scope=orders:read&resource=https://api.example";
    let seen = token(&mut browser, "app", form).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    let subject: Value = serde_json::from_str(&seen.text).unwrap();
    let form = |resource: &str| {
        format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={}\
             &subject_token_type=urn:ietf:params:oauth:token-type:access_token&resource={resource}",
            subject["access_token"].as_str().unwrap()
        )
    };
    let seen = token(&mut browser, "gateway", &form("https://stock.example")).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    let exchanged: Value = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(exchanged["scope"], "stock:read");
    let refused = token(&mut browser, "gateway", &form("https://api.example")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

/// S19: a header is nothing but what a trusted proxy says.
#[tokio::test]
async fn s19_a_certificate_in_a_header_counts_from_a_trusted_proxy_alone() {
    let signed = SelfSigned::new("client.example", time::OffsetDateTime::UNIX_EPOCH).unwrap();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(signed.certificate())
    );
    let clients = format!(
        "[[clients]]\nid = \"machine\"\nname = \"Machine\"\nauthentication = \"self_signed_tls_client_auth\"\n\
         certificates = [{pem:?}]\ncertificate_bound_access_tokens = true\ngrants = [\"client_credentials\"]\n\
         scopes = [\"orders:read\"]\nresources = [\"https://api.example\"]\n\n\
         [[resources]]\nid = \"https://api.example\"\nscopes = {{ \"orders:read\" = \"Read your orders\" }}\n"
    );
    let file = import("proxy", &clients);
    let text = format!(
        "import = [{:?}]\n[http]\ntrusted_proxies = [\"192.0.2.1\"]\n[oauth.mutual_tls]\nheader = \"client-cert\"\n",
        file.to_str().unwrap()
    );
    let app = configured("proxy", &text).await;
    fs::remove_file(file).unwrap();
    let mut browser = Browser::new(&app);
    let form =
        "grant_type=client_credentials&client_id=machine&scope=orders:read&resource=https://api.example";
    let request = || {
        Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("client-cert", format!(":{}:", STANDARD.encode(signed.certificate())))
    };
    browser.address = "198.51.100.7:4711".parse().unwrap();
    assert_eq!(
        browser.send(request(), form).await.status,
        StatusCode::UNAUTHORIZED,
        "anybody can write a header"
    );
    browser.address = "192.0.2.1:4711".parse().unwrap();
    let seen = browser.send(request(), form).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    let tokens: Value = serde_json::from_str(&seen.text).unwrap();
    let claims = tokens["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert!(claims["cnf"]["x5t#S256"].is_string(), "{claims}");
}

/// What is published of the server, and who it knows, as configured.
#[tokio::test]
async fn what_is_published_is_published_as_configured() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    assert_eq!(metadata(&mut browser).await.get("signed_metadata"), None);
    let path = "/.well-known/webfinger?resource=acct%3Aada%40example.com";
    assert_eq!(browser.send(Request::get(path), "").await.status, StatusCode::NOT_FOUND);

    let text = "[oauth]\nsigned_metadata = true\nwebfinger = [\"example.com\"]\n";
    let app = configured("published", text).await;
    let mut browser = Browser::new(&app);
    assert!(metadata(&mut browser).await["signed_metadata"].is_string());
    let seen = browser.send(Request::get(path), "").await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.headers["content-type"], "application/jrd+json");
    let found: Value = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(found["links"][0]["href"], "http://localhost:8080");
}

/// OpenID Connect Core, section 9: a secret that both have signs. It is sealed, and the same file twice changes nothing.
#[tokio::test]
async fn clients_authenticate_with_client_secret_jwt_where_that_is_configured() {
    let client = "[[clients]]\nid = \"machine\"\nname = \"Machine\"\nauthentication = \"client_secret_jwt\"\n\
                  secret = \"a-secret-of-a-test-that-is-long-enough-for-machine\"\ngrants = [\"client_credentials\"]\n\
                  scopes = [\"orders:read\"]\nresources = [\"https://api.example\"]\n\n\
                  [[resources]]\nid = \"https://api.example\"\nscopes = { \"orders:read\" = \"Read your orders\" }\n";
    let file = import("secret-jwt", client);
    let text = |more: &str| format!("import = [{:?}]\n[oauth]\n{more}", file.to_str().unwrap());
    let on = text("client_secret_jwt = true\n");

    // Off, the file is refused with the line; under a profile that proves keys, the server.
    let off = loaded("secret-jwt-off", &text(""));
    let services = crate::testing::services(&off, &memory::ports()).await;
    let refused = crate::serve::start_with(off, services).await.unwrap_err();
    assert!(refused.to_string().contains("client_secret_jwt"), "{refused:#}");
    let fapi = loaded("secret-jwt-fapi", &format!("{on}profile = \"fapi-2.0-security\"\n"));
    let refused = crate::testing::try_services(&fapi, &memory::ports()).await.unwrap_err();
    assert!(format!("{refused:#}").contains("without a private key"), "{refused:#}");

    let config = loaded("secret-jwt", &on);
    let ports = memory::ports();
    let services = crate::testing::services(&config, &ports).await;
    let app = crate::serve::start_with(config.clone(), services).await.unwrap();
    let mut browser = Browser::new(&app);
    let said = metadata(&mut browser).await;
    assert!(
        said["token_endpoint_auth_methods_supported"]
            .as_array()
            .unwrap()
            .contains(&json!("client_secret_jwt"))
    );
    let now = app.ports().now().unix_timestamp();
    let claims = |jti: &str| json!({ "iss": "machine", "sub": "machine", "aud": "http://localhost:8080", "jti": jti, "iat": now, "exp": now + 60 });
    let signed = async |secret: &str, jti: &str| {
        let secret = SecretBytes::new(secret.as_bytes().to_vec());
        let key = LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap();
        sign(&key, "JWT", &claims(jti)).await.unwrap()
    };
    let send = async |assertion: &str| {
        let form = format!(
            "grant_type=client_credentials&scope=orders:read&resource=https://api.example&client_assertion={assertion}\
             &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        Browser::new(&app).send(request, form).await.status
    };
    let right = signed("a-secret-of-a-test-that-is-long-enough-for-machine", "1").await;
    assert_eq!(send(&right).await, StatusCode::OK);
    assert_eq!(send(&right).await, StatusCode::UNAUTHORIZED, "an assertion is used once");
    let wrong = signed("a-secret-of-a-test-that-is-long-enough-for-another", "2").await;
    assert_eq!(send(&wrong).await, StatusCode::UNAUTHORIZED);

    let (server, password) = (&app.services().server, &app.services().password);
    let stored = server.clients().get(&"machine".parse().unwrap()).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&stored.value).unwrap().contains("long-enough"), "it is sealed");
    let again =
        crate::import::apply::apply(&ports, password, server.clients(), &config.imports).await.unwrap();
    assert_eq!((again.created, again.updated), (0, 0), "the seal of a secret differs each time");
    let other = fs::read_to_string(&file).unwrap().replace("for-machine\"", "for-another\"");
    fs::write(&file, other).unwrap();
    let changed = loaded("secret-jwt-changed", &on);
    let again =
        crate::import::apply::apply(&ports, password, server.clients(), &changed.imports).await.unwrap();
    assert_eq!((again.created, again.updated), (0, 1));
    let new = signed("a-secret-of-a-test-that-is-long-enough-for-another", "3").await;
    assert_eq!(send(&new).await, StatusCode::OK);
    fs::remove_file(file).unwrap();
}

#[cfg(feature = "draft-client-documents")]
#[tokio::test]
async fn published_clients_are_known_where_that_is_configured() {
    let text = "[oauth]\nprofile = \"mcp\"\n[oauth.client_documents]\nhosts = [\"agent.example\"]\n";
    let app = configured("documents", text).await;
    let mut browser = Browser::new(&app);
    assert_eq!(metadata(&mut browser).await["client_id_metadata_document_supported"], true);
    let off = crate::testing::app(&[]).await;
    let metadata = metadata(&mut Browser::new(&off)).await;
    assert_eq!(metadata.get("client_id_metadata_document_supported"), None);
}
