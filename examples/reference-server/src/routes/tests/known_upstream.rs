//! Sign-in with well-known providers, and with one that speaks OAuth 2.0 and not OpenID Connect. They are answered for here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use base64::Engine as _;
use bytes::Bytes;
use ciam_core::{
    account::IdentifierKey,
    crypto::{self, SignatureScheme},
    jose::{self, Algorithm, LocalSigner},
    memory::{self, MemoryHttpClient},
    store::PageRequest,
};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, Seen, app_on, sign_up},
};

const ADA: &str = "ada@example.com";

type Documents = Arc<Mutex<BTreeMap<String, Response<Bytes>>>>;

/// This server, and what the providers answer, by address without the query.
struct World {
    here: App,
    network: MemoryHttpClient,
    documents: Documents,
}

fn json_response(status: u16, body: &Value) -> Response<Bytes> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Bytes::from(body.to_string())).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ciam-known-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

impl World {
    async fn new(folder: &Path, upstreams: &str) -> Self {
        let config = folder.join("ciam.toml");
        let text = format!("listen = \"127.0.0.1:9090\"\n[ui]\nidentifier_first = false\n{upstreams}");
        fs::write(&config, text).unwrap();
        let network = MemoryHttpClient::new();
        let ports = memory::ports().with_http_client(Arc::new(network.clone()));
        let here = app_on(&["--config", config.to_str().unwrap()], ports).await;
        fs::remove_dir_all(folder).unwrap();
        Self { here, network, documents: Documents::default() }
    }

    async fn github(name: &str) -> Self {
        let world = Self::new(&folder(name), TWO).await;
        world.put("https://github.com/login/oauth/access_token", &token());
        world.put(
            "https://api.github.com/user",
            &json!({ "id": 583_231, "name": "Ada Lovelace", "email": ADA }),
        );
        world.emails(true);
        world.put("https://forge.example/token", &token());
        world.put("https://forge.example/me", &json!({ "uid": "583231", "mail": ADA, "mail_ok": false }));
        world
    }

    fn emails(&self, verified: bool) {
        let list = json!([{ "email": ADA, "primary": true, "verified": verified }]);
        self.put("https://api.github.com/user/emails", &list);
    }

    fn put(&self, url: &str, document: &Value) {
        self.answer(url, json_response(200, document));
    }

    fn answer(&self, url: &str, response: Response<Bytes>) {
        let host = Url::parse(url).unwrap().host_str().unwrap().to_owned();
        self.documents.lock().unwrap().insert(url.to_owned(), response);
        let documents = self.documents.clone();
        self.network.serve(&host, move |request: Request<Bytes>| {
            let url = request.uri().to_string();
            let found = documents.lock().unwrap().get(url.split('?').next().unwrap()).cloned();
            let response = found.unwrap_or_else(|| json_response(404, &json!({})));
            Box::pin(async move { response })
        });
    }

    /// Goes to a provider, and gives the address there.
    async fn go(&self, browser: &mut Browser, start: &str) -> Url {
        let away = browser.get(start).await;
        let target = away.location().unwrap_or_else(|| panic!("{} {}", away.path, away.text));
        Url::parse(target).unwrap()
    }

    /// Goes there and comes back.
    async fn sign_in(&self, browser: &mut Browser, start: &str) -> Seen {
        let there = self.go(browser, start).await;
        let back = param(&there, "redirect_uri").unwrap();
        let back = back.strip_prefix("http://localhost:9090").unwrap();
        browser.get(&format!("{back}?code=c&state={}", param(&there, "state").unwrap())).await
    }

    async fn sessions(&self, email: &str) -> usize {
        let key = IdentifierKey::email(email).unwrap();
        let found = self.here.ports().store().account_by_identifier(&key).await.unwrap();
        let Some(account) = found else { return 0 };
        let sessions = &self.here.services().sessions;
        sessions.list(account.value.id, PageRequest::first(10)).await.unwrap().items.len()
    }

    fn asked(&self, path: &str) -> usize {
        self.network.requests().iter().filter(|request| request.uri().path() == path).count()
    }
}

fn token() -> Value {
    json!({ "access_token": "the-token", "token_type": "bearer", "scope": "read:user,user:email" })
}

fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

const TWO: &str = "[[upstream]]\nname = \"github\"\nprovider = \"github\"\nclient_id = \"Iv1\"\nclient_secret = \"s\"\n\
                   [[upstream]]\nname = \"forge\"\nlabel = \"Forge\"\nissuer = \"https://forge.example\"\n\
                   client_id = \"web\"\nclient_secret = \"s\"\nscope = \"user\"\n\
                   [upstream.oauth]\nauthorization_endpoint = \"https://forge.example/authorize\"\n\
                   token_endpoint = \"https://forge.example/token\"\nprofile = \"https://forge.example/me\"\n\
                   subject = \"/uid\"\nemail = \"/mail\"\nemail_verified = \"/mail_ok\"\n";

#[tokio::test]
async fn a_person_of_github_gets_an_account_and_comes_back_to_it() {
    let world = World::github("new").await;
    let mut ada = Browser::new(&world.here);
    let page = ada.get("/sign-in").await;
    assert!(page.says("Continue with GitHub") && page.says("Continue with Forge"), "{}", page.text);
    let there = world.go(&mut ada, "/upstream/github").await;
    assert_eq!(there.as_str().split('?').next().unwrap(), "https://github.com/login/oauth/authorize");
    assert_eq!(param(&there, "scope").as_deref(), Some("read:user user:email"));
    assert_eq!(
        param(&there, "redirect_uri").as_deref(),
        Some("http://localhost:9090/upstream/github/callback")
    );
    let seen = world.sign_in(&mut ada, "/upstream/github").await;
    assert_eq!((seen.path.as_str(), seen.status), ("/account", StatusCode::OK), "{}", seen.text);
    assert!(seen.says("Ada Lovelace"), "{}", seen.text);
    let security = ada.get("/account/security").await;
    assert!(security.says("<strong>GitHub</strong>"), "{}", security.text);
    assert!(security.says("Link Forge") && !security.says("Link GitHub"), "{}", security.text);
    world.sign_in(&mut Browser::new(&world.here), "/upstream/github").await;
    assert_eq!(world.sessions(ADA).await, 2, "the same account");
    // The same number at another provider is another person.
    world.sign_in(&mut Browser::new(&world.here), "/upstream/forge").await;
    assert_eq!(world.sessions(ADA).await, 2, "not hers");
}

/// Takeover by an address: neither one that nobody verified nor one that GitHub did gives an account away.
#[tokio::test]
async fn an_address_there_gives_nobody_an_account_here() {
    let world = World::github("takeover").await;
    sign_up(&world.here, &mut Browser::new(&world.here), ADA).await;
    let before = world.sessions(ADA).await;
    // Verified there: its owner proves the account here first.
    let mut ada = Browser::new(&world.here);
    let page = world.sign_in(&mut ada, "/upstream/github").await;
    assert!(page.says("There is an account with your address"), "{} {}", page.path, page.text);
    assert_eq!(world.sessions(ADA).await, before);
    let seen = ada.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert!(ada.get("/account/security").await.says("<strong>GitHub</strong>"));
    // Typed there: a new account without it.
    let mut eve = Browser::new(&world.here);
    let seen = world.sign_in(&mut eve, "/upstream/forge").await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert!(!seen.says(ADA), "{}", seen.text);
    assert_eq!(world.sessions(ADA).await, before + 1);
}

#[tokio::test]
async fn an_address_that_github_has_not_verified_is_none() {
    let world = World::github("unverified").await;
    world.emails(false);
    sign_up(&world.here, &mut Browser::new(&world.here), ADA).await;
    let mut eve = Browser::new(&world.here);
    let seen = world.sign_in(&mut eve, "/upstream/github").await;
    assert_eq!(seen.path, "/account", "she is somebody new: {}", seen.text);
    assert_eq!(world.sessions(ADA).await, 1, "and not Ada");
}

/// A response goes to the provider that was asked, once, in the browser that asked.
#[tokio::test]
async fn a_response_of_one_provider_is_nothing_at_another() {
    let world = World::github("swapped").await;
    let mut ada = Browser::new(&world.here);
    let there = world.go(&mut ada, "/upstream/github").await;
    let state = param(&there, "state").unwrap();
    let swapped = ada.get(&format!("/upstream/forge/callback?code=c&state={state}")).await;
    assert!(swapped.path.starts_with("/sign-in?upstream=refused"), "{} {}", swapped.path, swapped.text);
    let late = ada.get(&format!("/upstream/github/callback?code=c&state={state}")).await;
    assert!(late.says("This page has expired"), "{}", late.text);
    assert_eq!((world.asked("/token"), world.asked("/login/oauth/access_token")), (0, 0));
    let there = world.go(&mut ada, "/upstream/github").await;
    let back = format!("/upstream/github/callback?code=c&state={}", param(&there, "state").unwrap());
    let stolen = Browser::new(&world.here).get(&back).await;
    assert!(stolen.says("This page has expired"), "{}", stolen.text);
    // Nobody asked this provider for a form.
    let there = world.go(&mut ada, "/upstream/github").await;
    let form = [("code", "c".to_owned()), ("state", param(&there, "state").unwrap())];
    let posted = ada.post("/upstream/github/callback", &form.map(|(a, b)| (a.to_owned(), b))).await;
    assert_eq!(posted.status, StatusCode::BAD_REQUEST);
    // And it has no back channel to end sessions by.
    let form = [("logout_token".to_owned(), "a.b.c".to_owned())];
    let ended = ada.post("/upstream/github/backchannel-logout", &form).await;
    assert_eq!(ended.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_provider_that_answers_nonsense_signs_nobody_in() {
    let world = World::github("nonsense").await;
    let html = |status: u16| {
        let response = Response::builder().status(status).header("content-type", "text/html");
        response.body(Bytes::from_static(b"<html>{\"id\":583231}")).unwrap()
    };
    let away = Response::builder().status(302).header("location", "https://evil.example/user");
    for (answer, why) in [
        (html(200), "refused"),
        (html(503), "unavailable"),
        (away.body(Bytes::new()).unwrap(), "unavailable"),
        (json_response(200, &json!({ "id": "583231" })), "refused"),
        (json_response(200, &json!({ "id": 583_231, "x": "x".repeat(70_000) })), "refused"),
    ] {
        world.answer("https://api.github.com/user", answer);
        let mut ada = Browser::new(&world.here);
        let seen = world.sign_in(&mut ada, "/upstream/github").await;
        assert!(seen.path.starts_with(&format!("/sign-in?upstream={why}")), "{} {}", seen.path, seen.text);
        assert!(ada.get("/account").await.path.starts_with("/sign-in"), "nobody is signed in");
    }
}

/// Apple: a signed secret from a key file, and a form that comes from another site, without cookies.
#[tokio::test]
async fn apple_posts_back_from_another_site() {
    let folder = folder("apple");
    let key = crypto::ring().generate_signing_key(SignatureScheme::EcdsaP256Sha256).unwrap();
    let pem = base64::engine::general_purpose::STANDARD.encode(key.expose());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
    fs::write(folder.join("AuthKey.p8"), pem).unwrap();
    let upstream = "[[upstream]]\nname = \"apple\"\nprovider = \"apple\"\nclient_id = \"com.example.web\"\n\
                    key_file = \"AuthKey.p8\"\nkey_id = \"KEY1234567\"\nteam = \"TEAM123456\"\n";
    let world = World::new(&folder, upstream).await;
    let theirs = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("theirs");
    let place = "https://appleid.apple.com";
    world.put(
        &format!("{place}/.well-known/openid-configuration"),
        &json!({
            "issuer": place, "authorization_endpoint": format!("{place}/auth/authorize"),
            "token_endpoint": format!("{place}/auth/token"), "jwks_uri": format!("{place}/auth/keys"),
        }),
    );
    world.put(&format!("{place}/auth/keys"), &json!({ "keys": [theirs.public_jwk().unwrap()] }));

    let mut ada = Browser::new(&world.here);
    let there = world.go(&mut ada, "/upstream/apple").await;
    let now = world.here.ports().now().unix_timestamp();
    let claims = json!({
        "iss": place, "aud": "com.example.web", "sub": "001234.ab", "iat": now, "exp": now + 300,
        "nonce": param(&there, "nonce"), "email": "x7@privaterelay.appleid.com", "email_verified": "true",
        "is_private_email": "true",
    });
    let id_token = jose::sign(&theirs, "JWT", &claims).await.unwrap();
    let answer = json!({ "access_token": "t", "token_type": "Bearer", "id_token": id_token });
    world.put(&format!("{place}/auth/token"), &answer);

    let user = json!({ "name": { "firstName": "Ada", "lastName": "Lovelace" }, "email": "eve@example.com" });
    let fields = [
        ("state", param(&there, "state").unwrap()),
        ("code", "c".to_owned()),
        ("user", user.to_string()),
        ("id_token", "not.asked.for".to_owned()),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    // In the query nobody takes it.
    let query = ada.get(&format!("/upstream/apple/callback?code=c&state={}", fields[0].1)).await;
    assert_eq!(query.status, StatusCode::BAD_REQUEST);
    // The browser sends no cookies with a form of another site: it is sent once more from here.
    let again = Browser::new(&world.here).post("/upstream/apple/callback", &fields).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    let kept = again.hidden("http://localhost:9090/upstream/apple/callback");
    assert!(kept.iter().any(|(name, _)| name == "again") && kept.iter().all(|(name, _)| name != "id_token"));
    let seen = ada.post("/upstream/apple/callback", &kept).await;
    let seen = ada.follow(seen).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert!(seen.says("Ada"), "{}", seen.text);
    assert_eq!(world.sessions("x7@privaterelay.appleid.com").await, 1);
    assert_eq!(world.sessions("eve@example.com").await, 0, "what the browser writes is no address");
    // Apple says, once, that she has taken her consent back: her session ends.
    let events = json!({ "type": "consent-revoked", "sub": "001234.ab", "event_time": now });
    let notice = json!({
        "iss": place, "aud": "com.example.web", "iat": now, "jti": "n1", "events": events.to_string(),
    });
    let notice = json!({ "payload": jose::sign(&theirs, "JWT", &notice).await.unwrap() }).to_string();
    let post = |path: &str, body: String| {
        let request = Request::post(path.to_owned()).header("content-type", "application/json");
        (request, body)
    };
    let mut server = Browser::new(&world.here);
    for (path, body, status) in [
        ("/upstream/away/notices", notice.clone(), StatusCode::NOT_FOUND),
        ("/upstream/apple/notices", "{}".to_owned(), StatusCode::BAD_REQUEST),
        ("/upstream/apple/notices", "{\"payload\":\"a.b.c\"}".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let (request, body) = post(path, body);
        assert_eq!(server.send(request, body).await.status, status, "{path}");
    }
    assert_eq!(ada.get("/account").await.path, "/account");
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let (request, body) = post("/upstream/apple/notices", notice.clone());
        assert_eq!(server.send(request, body).await.status, status);
    }
    assert!(ada.get("/account").await.path.starts_with("/sign-in"), "it has ended");
    let large = [("state".to_owned(), "x".repeat(20_000))];
    assert_eq!(ada.post("/upstream/apple/callback", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}
