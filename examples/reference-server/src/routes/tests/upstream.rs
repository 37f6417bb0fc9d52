//! Sign-in with a second instance of this server as the provider.

use std::{net::SocketAddr, sync::Arc};

use axum::{body::Body, extract::ConnectInfo};
use bytes::Bytes;
use ciam_core::{
    account::IdentifierKey,
    assurance::{Acr, Amr},
    memory::{self, MemoryHttpClient},
    notify::Notifier,
    outbound::OutboundPolicy,
    relay::Relay,
    session::Session,
    store::PageRequest,
};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::{
    app::App,
    routes,
    testing::{Browser, PASSWORD, Seen, app_on, sign_in, sign_up},
};

const ADA: &str = "ada@example.com";
const THERE: &str = "http://localhost:8080";
const HERE: &str = "http://localhost:9090";
/// A line of the security page: what people know the provider by.
const LINKED: &str = "<strong>Home</strong>";

/// Two servers, and a network between them.
struct Two {
    provider: App,
    here: App,
    network: MemoryHttpClient,
}

impl Two {
    /// `more` stands in the section of the provider.
    async fn new(name: &str, more: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ciam-upstream-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (import, config) = (folder.join("import.toml"), folder.join("ciam.toml"));
        let accounts =
            format!("[[accounts]]\nemail = \"{ADA}\"\nname = \"Ada Lovelace\"\npassword = \"{PASSWORD}\"\n");
        let client = "[[clients]]\nid = \"downstream\"\nname = \"Downstream\"\nfirst_party = true\n\
                      authentication = \"client_secret_basic\"\n\
                      secret = \"a-secret-of-the-downstream-server-0123456789\"\n\
                      redirect_uris = [\"http://localhost:9090/upstream/home/callback\"]\n\
                      backchannel_logout_uri = \"https://here.example/upstream/home/backchannel-logout\"\n\
                      scopes = [\"openid\", \"profile\", \"email\"]\n";
        std::fs::write(&import, format!("{client}{accounts}")).unwrap();
        let upstream = format!(
            "listen = \"127.0.0.1:9090\"\n[ui]\nidentifier_first = false\n[[upstream]]\nname = \"home\"\n\
             label = \"Home\"\nissuer = \"{THERE}\"\nclient_id = \"downstream\"\n\
             client_secret = \"a-secret-of-the-downstream-server-0123456789\"\n{more}\n"
        );
        std::fs::write(&config, upstream).unwrap();
        let network = MemoryHttpClient::new();
        let ports = || {
            let policy = OutboundPolicy::default()
                .dangerous_trust_host("localhost", 8080)
                .dangerous_trust_host("localhost", 9090);
            memory::ports().with_http_client(Arc::new(network.clone())).with_outbound_policy(policy)
        };
        let provider = app_on(&["--import", import.to_str().unwrap()], ports()).await;
        let here = app_on(&["--config", config.to_str().unwrap()], ports()).await;
        // Where a logout token goes must be https; before this server there is a proxy.
        for (authority, app) in [("localhost:8080", provider.clone()), ("here.example", here.clone())] {
            network.serve(authority, move |request| {
                let app = app.clone();
                Box::pin(async move { answer(&app, request).await })
            });
        }
        std::fs::remove_dir_all(folder).unwrap();
        Self { provider, here, network }
    }

    /// Walks from the button to the page at the end, signed in there as Ada.
    async fn sign_in(&self, browser: &mut Browser, start: &str) -> Seen {
        let there = self.there().await;
        self.walk(browser, start, there).await
    }

    /// A browser that is signed in at the provider.
    async fn there(&self) -> Browser {
        let mut there = Browser::new(&self.provider);
        sign_in(&mut there, ADA, PASSWORD).await;
        there
    }

    async fn walk(&self, browser: &mut Browser, start: &str, mut there: Browser) -> Seen {
        let back = self.back(browser, start, &mut there).await;
        browser.get(&back).await
    }

    /// The path that the provider sends the browser back to.
    async fn back(&self, browser: &mut Browser, start: &str, there: &mut Browser) -> String {
        let away = browser.get(start).await;
        let target = away.location().unwrap_or_else(|| panic!("{} {}", away.path, away.text));
        let path = target.strip_prefix(THERE).unwrap_or_else(|| panic!("{target}"));
        let mut seen = there.get(path).await;
        if seen.path.starts_with("/choose?") {
            // Who links is asked which account it is.
            seen = there.submit(&seen, "/choose", &[]).await;
        }
        let back = seen.location().unwrap_or_else(|| panic!("{} {}", seen.path, seen.text));
        back.strip_prefix(HERE).unwrap_or_else(|| panic!("{back}")).to_owned()
    }

    async fn sessions(&self, email: &str) -> Vec<Session> {
        let key = IdentifierKey::email(email).unwrap();
        let account = self.here.ports().store().account_by_identifier(&key).await.unwrap().unwrap();
        let sessions = &self.here.services().sessions;
        let page = sessions.list(account.value.id, PageRequest::first(10)).await.unwrap();
        page.items.into_iter().map(|it| it.value).collect()
    }
}

/// A server's answer to a request from elsewhere.
async fn answer(app: &App, request: Request<Bytes>) -> http::Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("host", app.config().issuer.authority().parse().unwrap());
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    let address: SocketAddr = "127.0.0.1:4712".parse().unwrap();
    parts.extensions.insert(ConnectInfo(address));
    let request = Request::from_parts(parts, Body::from(body));
    let (parts, body) = routes::router(app.clone()).oneshot(request).await.unwrap().into_parts();
    http::Response::from_parts(parts, axum::body::to_bytes(body, usize::MAX).await.unwrap())
}

#[tokio::test]
async fn a_person_who_is_new_gets_an_account_and_comes_back_to_it() {
    let two = Two::new("new", "").await;
    let mut ada = Browser::new(&two.here);
    let page = ada.get("/sign-in").await;
    assert!(
        page.says("Continue with Home") && page.text.contains("href=\"/upstream/home\""),
        "{}",
        page.text
    );
    let seen = two.sign_in(&mut ada, "/upstream/home").await;
    assert_eq!((seen.path.as_str(), seen.status), ("/account", StatusCode::OK), "{}", seen.text);
    assert!(seen.says("Ada Lovelace"), "{}", seen.text);
    let first = two.sessions(ADA).await;
    // What was proved there is a fact of the session here, and one factor however many it names.
    let proof = first[0].context.proofs.iter().find(|it| it.amr == Amr::FEDERATED).unwrap();
    assert_eq!(proof.upstream, Some(Acr::new("urn:ciam:acr:aal1")));
    assert_eq!(first[0].context.proofs.len(), 1, "its word for a password is not taken");
    // What is kept of it for the provider's logout is told to the person with everything else.
    let exported: serde_json::Value =
        serde_json::from_str(&ada.get("/account/privacy/export").await.text).unwrap();
    let told = &exported["records"]["oidc.rp.session"];
    assert_eq!(told[0]["issuer"], THERE, "{told}");
    assert_eq!(told[0]["session"], first[0].id.to_string());
    let mut again = Browser::new(&two.here);
    two.sign_in(&mut again, "/upstream/home?continue=%2Faccount%2Fsecurity").await;
    let security = again.get("/account/security").await;
    assert!(security.says(LINKED), "the account is linked: {}", security.text);
    assert_eq!(two.sessions(ADA).await.len(), 2, "the same account");
}

#[tokio::test]
async fn an_account_with_the_same_address_is_proved_before_it_is_linked() {
    let two = Two::new("prove", "").await;
    sign_up(&two.here, &mut Browser::new(&two.here), ADA).await;
    let before = two.sessions(ADA).await.len();
    let mut ada = Browser::new(&two.here);
    let page = two.sign_in(&mut ada, "/upstream/home").await;
    assert!(page.path.starts_with("/sign-in?journey="), "{} {}", page.path, page.text);
    assert!(page.says("There is an account with your address"), "{}", page.text);
    assert_eq!(two.sessions(ADA).await.len(), before, "nobody is signed in by an address");
    let wrong = ada.submit(&page, "/sign-in", &[("identifier", ADA), ("password", "wrong")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let seen = ada.submit(&wrong, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert!(ada.get("/account/security").await.says(LINKED));
    // From now on it is enough.
    let direct = two.sign_in(&mut Browser::new(&two.here), "/upstream/home").await;
    assert_eq!(direct.path, "/account", "{}", direct.text);
}

#[tokio::test]
async fn what_is_not_proved_is_not_linked() {
    let two = Two::new("other", "").await;
    sign_up(&two.here, &mut Browser::new(&two.here), ADA).await;
    let page = two.sign_in(&mut Browser::new(&two.here), "/upstream/home").await;
    let journey = page.hidden("/sign-in").into_iter().find(|it| it.0 == "journey").unwrap().1;
    // Somebody else's browser does not get the identity with the journey's name.
    let mut eve = Browser::new(&two.here);
    sign_up(&two.here, &mut eve, "eve@example.com").await;
    let form = eve.get("/sign-in?journey=x").await;
    let mut fields = form.hidden("/sign-in");
    fields.extend(
        [("journey", journey.as_str()), ("identifier", "eve@example.com"), ("password", PASSWORD)]
            .map(|(a, b)| (a.to_owned(), b.to_owned())),
    );
    let seen = eve.post("/sign-in", &fields).await;
    let seen = eve.follow(seen).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert!(!eve.get("/account/security").await.says(THERE));
}

#[tokio::test]
async fn an_answer_is_good_once_in_the_browser_that_asked_and_a_refusal_is_said() {
    let two = Two::new("answers", "").await;
    let mut there = two.there().await;
    let mut ada = Browser::new(&two.here);
    let back = two.back(&mut ada, "/upstream/home", &mut there).await;
    let stolen = Browser::new(&two.here).get(&back).await;
    assert!(stolen.says("This page has expired"), "{}", stolen.text);
    let used = ada.get(&back).await;
    assert!(used.says("This page has expired"), "the state was used up: {}", used.text);

    let back = two.back(&mut ada, "/upstream/home", &mut there).await;
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let iss = "iss=http%3A%2F%2Flocalhost%3A8080";
    let refused = ada.get(&format!("/upstream/home/callback?error=access_denied&state={state}&{iss}")).await;
    assert!(refused.says("You did not sign in there"), "{}", refused.text);
    for nowhere in ["/upstream/away", "/upstream/away/callback?state=x"] {
        assert_eq!(ada.get(nowhere).await.status, StatusCode::NOT_FOUND);
    }
    let evil = ada.get("/upstream/home?continue=%2F%2Fevil.example").await;
    assert_eq!(evil.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_provider_whose_word_is_taken_names_the_factors() {
    let two = Two::new("trusted", "trust_factors = true").await;
    two.sign_in(&mut Browser::new(&two.here), "/upstream/home").await;
    let methods: Vec<_> = two.sessions(ADA).await[0].context.proofs.iter().map(|it| it.amr.clone()).collect();
    assert!(methods.contains(&Amr::PASSWORD) && methods.contains(&Amr::FEDERATED), "{methods:?}");
}

#[tokio::test]
async fn a_session_that_ends_there_ends_here() {
    let two = Two::new("logout", "").await;
    let mut there = two.there().await;
    let mut ada = Browser::new(&two.here);
    let back = two.back(&mut ada, "/upstream/home", &mut there).await;
    assert_eq!(ada.get(&back).await.path, "/account");
    let mut other = Browser::new(&two.here);
    two.sign_in(&mut other, "/upstream/home").await;
    assert_eq!(two.sessions(ADA).await.len(), 2);

    let page = there.get("/account").await;
    there.submit(&page, "/sign-out", &[]).await;
    let services = two.provider.services();
    let catcher = Arc::clone(two.provider.catcher().unwrap()) as Arc<dyn Notifier>;
    let relay = Relay::new(two.provider.ports().clone(), catcher);
    let sinks = services.provider.backchannel_sinks(&services.server);
    let relay = sinks.into_iter().fold(relay, Relay::with_sink);
    for _ in 0..4 {
        relay.deliver_pending().await.unwrap();
    }
    assert!(ada.get("/account").await.path.starts_with("/sign-in"), "it ended there");
    assert_eq!(other.get("/account").await.path, "/account", "another session of the same person did not");

    let posted = two.network.requests();
    let posted: Vec<_> =
        posted.iter().filter(|it| it.uri().path().ends_with("/backchannel-logout")).collect();
    assert_eq!(posted.len(), 1);
    // The same again is refused, and so is what is none.
    let replay = answer(&two.here, posted[0].clone()).await;
    assert_eq!(replay.status(), StatusCode::BAD_REQUEST);
    for body in ["", "logout_token=", "logout_token=a.b.c"] {
        let request = Request::post("http://localhost:9090/upstream/home/backchannel-logout")
            .body(Bytes::from(body))
            .unwrap();
        assert_eq!(answer(&two.here, request).await.status(), StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_and_everything_else_goes_on() {
    let two = Two::new("away", "").await;
    two.network.serve("localhost:8080", |_| {
        Box::pin(async { http::Response::builder().status(503).body(Bytes::new()).unwrap() })
    });
    let mut ada = Browser::new(&two.here);
    let page = ada.get("/upstream/home").await;
    assert!(page.says("That provider does not answer"), "{} {}", page.path, page.text);
    sign_up(&two.here, &mut ada, ADA).await;
}

#[tokio::test]
async fn an_owner_links_and_unlinks_on_their_security_page() {
    let two = Two::new("link", "").await;
    let mut grace = Browser::new(&two.here);
    sign_up(&two.here, &mut grace, "grace@example.com").await;
    let page = grace.get("/account/security").await;
    assert!(page.says("Link Home"), "{}", page.text);
    let linked = two.sign_in(&mut grace, "/upstream/home?link=1").await;
    assert_eq!(linked.path, "/account/security?done=linked", "{}", linked.text);
    assert!(linked.says(LINKED) && !linked.says("Link Home"), "{}", linked.text);
    // It is hers now, and nobody else's.
    let mut eve = Browser::new(&two.here);
    sign_up(&two.here, &mut eve, "eve@example.com").await;
    let refused = two.sign_in(&mut eve, "/upstream/home?link=1").await;
    assert!(refused.path.starts_with("/account/security?failed="), "{}", refused.path);
    let seen = two.sign_in(&mut Browser::new(&two.here), "/upstream/home").await;
    assert_eq!(seen.path, "/account");
    assert_eq!(two.sessions("grace@example.com").await.len(), 2);
}
