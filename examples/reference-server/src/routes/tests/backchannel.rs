//! What applications ask people who are elsewhere (OpenID Connect CIBA): found, answered and told, over HTTP.

mod api;
mod dangerous;
mod hints;

use std::sync::Arc;

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ciam_core::{
    entropy::SystemEntropy,
    memory::{self, MemoryHttpClient},
    notify::Notifier,
    relay::Relay,
    testkit::ManualClock,
};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    app::App,
    serve,
    testing::{self, Browser, Seen, config, person, sign_in, sign_up},
};

const PASSWORD: &str = "quiet-river-lantern-42";
const CIBA: &str = "urn%3Aopenid%3Aparams%3Agrant-type%3Aciba";
const NOTIFY: &str = "https://till.example/notify";

/// The server with tills: one that asks for the answer, one that is told, one that is sent the tokens.
struct Shop {
    app: App,
    clock: Arc<ManualClock>,
    outside: MemoryHttpClient,
}

impl Shop {
    async fn new() -> Self {
        Self::with("", "").await
    }

    /// With more of the section, and of the first till.
    async fn with(more: &str, of_till: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ciam-backchannel-{}", std::process::id()));
        let name = format!("{:?}", std::thread::current().id()).replace(['(', ')'], "");
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let client = |id: &str, how: &str| {
            format!(
                "[[clients]]\nid = \"{id}\"\nname = \"Corner shop\"\nauthentication = \"client_secret_basic\"\n\
                 secret = \"a-secret-of-a-test-that-is-long-enough-for-{id}\"\ngrants = [\"refresh_token\"]\n\
                 backchannel = {{ {how}, user_code = true }}\n"
            )
        };
        let told = format!("endpoint = \"{NOTIFY}\"");
        let clients = [
            client("till", &format!("delivery = \"poll\"{of_till}")),
            client("other", "delivery = \"poll\""),
            client("ping", &format!("delivery = \"ping\", {told}")),
            client("push", &format!("delivery = \"push\", {told}")),
        ];
        std::fs::write(folder.join("clients.toml"), clients.concat()).unwrap();
        let file = folder.join("server.toml");
        let text = "import = [\"clients.toml\"]\ndemo = true\n[oauth.backchannel]\ndelivery = [\"poll\", \"ping\", \"push\"]\n";
        std::fs::write(&file, format!("{text}{more}")).unwrap();
        let config = config(&["--config", file.to_str().unwrap()]);
        std::fs::remove_dir_all(&folder).unwrap();
        let (clock, outside) = (Arc::new(ManualClock::default()), MemoryHttpClient::new());
        let ports = memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new()))
            .with_http_client(Arc::new(outside.clone()));
        let services = testing::services(&config, &ports).await;
        let app = serve::start_with(config, services).await.unwrap();
        Self { app, clock, outside }
    }

    /// What a till sends, which has neither cookies nor pages.
    async fn send(&self, client: &str, path: &str, form: &str) -> (StatusCode, Value) {
        let pair = STANDARD.encode(format!("{client}:a-secret-of-a-test-that-is-long-enough-for-{client}"));
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {pair}"));
        let seen = Browser::new(&self.app).send(request, Body::from(form.to_owned())).await;
        (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
    }

    async fn begin(&self, client: &str, more: &str) -> (StatusCode, Value) {
        let form = format!("scope=openid+email&login_hint=demo%40example.com{more}");
        self.send(client, "/bc-authorize", &form).await
    }

    async fn begun(&self, client: &str, more: &str) -> String {
        let (status, begun) = self.begin(client, more).await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        begun["auth_req_id"].as_str().unwrap().to_owned()
    }

    async fn poll(&self, client: &str, id: &str) -> (StatusCode, Value) {
        self.send(client, "/token", &format!("grant_type={CIBA}&auth_req_id={id}")).await
    }

    async fn refused(&self, client: &str, id: &str) -> String {
        let (status, body) = self.poll(client, id).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        body["error"].as_str().unwrap().to_owned()
    }

    /// Sends what is to be sent: letters, and what clients are told.
    async fn relay(&self) {
        let catcher = Arc::clone(self.app.catcher().unwrap()) as Arc<dyn Notifier>;
        let relay = Relay::new(self.app.ports().clone(), catcher)
            .with_sink(self.app.services().server.backchannel_sink());
        relay.deliver_pending().await.unwrap();
    }

    /// Where the newest letter to somebody leads.
    async fn link(&self, to: &str) -> String {
        self.relay().await;
        let letters = self.app.catcher().unwrap().messages();
        let letter = letters.iter().find(|it| it.to == to).unwrap();
        let (_, rest) = letter.text.text.split_once("http://localhost:8080/request?token=").unwrap();
        format!("/request?token={}", rest.split_whitespace().next().unwrap())
    }

    async fn demo(&self) -> Browser {
        let mut browser = Browser::new(&self.app);
        sign_in(&mut browser, "demo@example.com", PASSWORD).await;
        browser
    }
}

/// Opens the only request of the person's list.
async fn open(browser: &mut Browser) -> Seen {
    let list = browser.get("/account/requests").await;
    browser.submit(&list, "/account/requests", &[]).await
}

async fn answer(browser: &mut Browser, question: &Seen, decision: &str) -> Seen {
    browser.submit(question, "/consent", &[("decision", decision)]).await
}

#[tokio::test]
async fn a_person_finds_the_request_in_their_account_and_allows_it() {
    let shop = Shop::new().await;
    let mut browser = shop.demo().await;
    assert!(!browser.get("/account").await.says("waits for your answer"));
    let id = shop.begun("till", "&binding_message=W4SCT+12.50").await;
    assert_eq!(shop.refused("till", &id).await, "authorization_pending");
    assert_eq!(shop.refused("till", &id).await, "slow_down", "five seconds have not passed");

    assert!(browser.get("/account").await.says("An application waits for your answer"));
    let list = browser.get("/account/requests").await;
    for text in ["Corner shop", "It shows: W4SCT 12.50", "Until "] {
        assert!(list.says(text), "{text}: {}", list.text);
    }
    let question = open(&mut browser).await;
    assert!(question.path.starts_with("/consent?handle="), "{}", question.path);
    assert!(question.says("Corner shop shows there: W4SCT 12.50. Only allow it if you started it"));
    assert!(!question.says("You will go back to"), "nobody goes back to an application");
    let done = answer(&mut browser, &question, "allow").await;
    assert_eq!(done.path, "/request/done?outcome=approved", "{}", done.text);
    assert!(done.says("You can go on where you started"));
    assert!(browser.get("/account/requests").await.says("Nothing waits for your answer"));

    let (status, tokens) = shop.poll("till", &id).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(tokens["id_token"].is_string() && tokens["access_token"].is_string(), "{tokens}");
    assert_eq!(shop.refused("till", &id).await, "invalid_grant", "once");
}

/// A replay ends what was given: somebody else may have it.
#[tokio::test]
async fn a_replay_ends_the_tokens_that_were_given() {
    let shop = Shop::new().await;
    let id = shop.begun("till", "").await;
    let mut browser = shop.demo().await;
    let question = open(&mut browser).await;
    assert!(question.says("Only allow it if it was you who started it"), "{}", question.text);
    answer(&mut browser, &question, "allow").await;
    let (_, tokens) = shop.poll("till", &id).await;
    let userinfo = async || {
        let request = Request::get("/userinfo")
            .header("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()));
        Browser::new(&shop.app).send(request, Body::empty()).await.status
    };
    assert_eq!(userinfo().await, StatusCode::OK);
    assert_eq!(shop.refused("till", &id).await, "invalid_grant");
    assert_eq!(userinfo().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_letter_leads_to_the_question_through_a_sign_in_and_no_is_no() {
    let shop = Shop::new().await;
    let id = shop.begun("till", "&binding_message=W4SCT").await;
    let link = shop.link("demo@example.com").await;
    let letter = shop.app.catcher().unwrap().messages().remove(0);
    for text in ["Corner shop", "shows: W4SCT", "5 minutes"] {
        assert!(letter.text.text.contains(text), "{text}: {}", letter.text.text);
    }
    let mut browser = Browser::new(&shop.app);
    let form = browser.get(&link).await;
    assert!(form.path.starts_with("/sign-in?continue="), "{}", form.path);
    let fields = [("identifier", "demo@example.com"), ("password", PASSWORD)];
    let question = browser.submit(&form, "/sign-in", &fields).await;
    assert!(question.says("Corner shop shows there: W4SCT"), "{} {}", question.path, question.text);
    let done = answer(&mut browser, &question, "deny").await;
    assert!(
        done.path == "/request/done?outcome=refused" && done.says("Nothing was allowed"),
        "{}",
        done.path
    );
    assert_eq!(shop.refused("till", &id).await, "access_denied");
    // An answer counts once: what is left of the link leads nowhere.
    assert_eq!(browser.get(&link).await.status, StatusCode::BAD_REQUEST, "answered");
}

/// Somebody else can neither see it nor answer it, whatever they know.
#[tokio::test]
async fn nobody_else_answers() {
    let shop = Shop::new().await;
    let id = shop.begun("till", "&binding_message=W4SCT").await;
    let link = shop.link("demo@example.com").await;
    assert_eq!(shop.refused("till", &id).await, "authorization_pending");
    let mut other = person(&shop.app, "grace@example.com").await;
    let list = other.get("/account/requests").await;
    assert!(list.says("Nothing waits for your answer") && !list.says("W4SCT"), "{}", list.text);
    // With the request's name, in a form of their own.
    let mut owner = shop.demo().await;
    let named = owner.get("/account/requests").await.hidden("/account/requests");
    shop.send("till", "/bc-authorize", "scope=openid&login_hint=grace%40example.com").await;
    let mut fields = other.get("/account/requests").await.hidden("/account/requests");
    let own = other.post("/account/requests", &fields).await;
    assert!(own.location().unwrap().contains("/interaction/"), "{:?}", own.location());
    fields.retain(|(name, _)| name != "request");
    fields.extend(named.into_iter().filter(|(name, _)| name == "request"));
    let seen = other.post("/account/requests", &fields).await;
    assert_eq!((seen.status, seen.location()), (StatusCode::BAD_REQUEST, None));
    // With the link: they are asked to sign in as the one who is meant, and never asked the question.
    let seen = other.get(&link).await;
    assert!(!seen.path.starts_with("/consent"), "{}", seen.path);
    assert!(seen.path.starts_with("/sign-in?continue="), "{}", seen.path);
    let fields = [("identifier", "grace@example.com"), ("password", testing::PASSWORD)];
    let seen = other.submit(&seen, "/sign-in", &fields).await;
    assert!(!seen.path.starts_with("/consent") && !seen.says("W4SCT"), "{} {}", seen.path, seen.text);
    assert_eq!(shop.refused("till", &id).await, "slow_down");
    // Another till cannot have the tokens either.
    let question = open(&mut owner).await;
    answer(&mut owner, &question, "allow").await;
    assert_eq!(shop.refused("other", &id).await, "invalid_grant");
    assert_eq!(shop.poll("till", &id).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_was_not_answered_in_time_is_over() {
    let shop = Shop::new().await;
    let id = shop.begun("till", "&requested_expiry=60").await;
    let mut browser = shop.demo().await;
    let question = open(&mut browser).await;
    shop.clock.advance(Duration::seconds(61));
    let late = answer(&mut browser, &question, "allow").await;
    assert!(late.status.is_client_error(), "{} {}", late.status, late.path);
    assert!(browser.get("/account/requests").await.says("Nothing waits for your answer"));
    assert_eq!(shop.refused("till", &id).await, "expired_token");
}

/// Section 10.2: the client is told, and asks then.
#[tokio::test]
async fn a_client_is_pinged_through_the_outbox() {
    let shop = Shop::new().await;
    let nothing = http::Response::builder().status(204).body(Bytes::new()).unwrap();
    shop.outside.answer(NOTIFY, nothing);
    let id = shop.begun("ping", "&client_notification_token=t0ken").await;
    let mut browser = shop.demo().await;
    let question = open(&mut browser).await;
    answer(&mut browser, &question, "allow").await;
    assert!(shop.outside.requests().is_empty(), "not while a person waits");
    shop.relay().await;
    let told = shop.outside.requests().pop().unwrap();
    assert_eq!(
        (told.uri().to_string(), &told.headers()["authorization"]),
        (NOTIFY.to_owned(), &"Bearer t0ken".parse().unwrap())
    );
    let body: Value = serde_json::from_slice(told.body()).unwrap();
    assert_eq!(body, json!({ "auth_req_id": id }));
    assert_eq!(shop.poll("ping", &id).await.0, StatusCode::OK);
}

/// Section 10.3: the tokens are sent, and cannot be asked for.
#[tokio::test]
async fn tokens_are_pushed_through_the_outbox() {
    let shop = Shop::new().await;
    let nothing = http::Response::builder().status(204).body(Bytes::new()).unwrap();
    shop.outside.answer(NOTIFY, nothing);
    let id = shop.begun("push", "&client_notification_token=t0ken").await;
    let mut browser = shop.demo().await;
    let question = open(&mut browser).await;
    answer(&mut browser, &question, "allow").await;
    shop.relay().await;
    let sent = shop.outside.requests().pop().unwrap();
    let body: Value = serde_json::from_slice(sent.body()).unwrap();
    assert_eq!(body["auth_req_id"], id.as_str());
    assert!(body["id_token"].is_string() && body["access_token"].is_string(), "{body}");
    assert_ne!(shop.poll("push", &id).await.0, StatusCode::OK);
}

/// Section 7.1: who has made a code is asked by those alone whom they told it.
#[tokio::test]
async fn a_code_keeps_those_away_who_do_not_know_it() {
    let shop = Shop::new().await;
    let mut browser = shop.demo().await;
    let error = |(_, body): (StatusCode, Value)| body["error"].as_str().unwrap_or_default().to_owned();
    shop.begun("till", "").await;
    let page = browser.get("/account/requests").await;
    let made = browser.submit(&page, "/account/requests/code", &[("action", "make")]).await;
    assert!(made.says("applications need your code"), "{}", made.text);
    let (_, rest) = made.text.split_once("<p class=\"code\">").unwrap();
    let code = rest.split('<').next().unwrap().to_owned();
    assert_eq!(error(shop.begin("till", "").await), "missing_user_code");
    assert_eq!(error(shop.begin("till", "&user_code=BBBB-BBBB").await), "invalid_user_code");
    let typed = code.to_lowercase().replace('-', "");
    shop.begun("till", &format!("&user_code={typed}")).await;

    // It is removed, and nobody needs one.
    let page = browser.get("/account/requests").await;
    browser.submit(&page, "/account/requests/code", &[("action", "remove")]).await;
    shop.begun("till", "").await;
}

/// Codes are short: after ten tries the right one is as good as none.
#[tokio::test]
async fn codes_are_not_guessed_and_people_are_not_flooded() {
    let shop = Shop::new().await;
    let mut browser = shop.demo().await;
    let page = browser.get("/account/requests").await;
    let made = browser.submit(&page, "/account/requests/code", &[("action", "make")]).await;
    let (_, rest) = made.text.split_once("<p class=\"code\">").unwrap();
    let code = rest.split('<').next().unwrap().to_owned();
    for _ in 0..10 {
        let (_, body) = shop.begin("till", "&user_code=BBBB-BBBB").await;
        assert_eq!(body["error"], "invalid_user_code");
    }
    // Ten requests to a person in ten minutes: the library's own limit, whoever asks.
    let (status, body) = shop.begin("other", &format!("&user_code={code}")).await;
    assert_eq!((status, &body["error"]), (StatusCode::TOO_MANY_REQUESTS, &json!("temporarily_unavailable")));
    shop.clock.advance(Duration::minutes(11));
    let (_, body) = shop.begin("till", &format!("&user_code={code}")).await;
    assert_eq!(body["error"], "invalid_user_code", "the tries of an hour are used up");
    shop.clock.advance(Duration::HOUR);
    shop.begun("till", &format!("&user_code={code}")).await;
}

#[tokio::test]
async fn hints_that_name_nobody_reach_nobody() {
    let shop = Shop::new().await;
    for hint in ["nobody%40example.com", "%00", "%20", "demo%40example.com.evil.example"] {
        let (status, body) =
            shop.send("till", "/bc-authorize", &format!("scope=openid&login_hint={hint}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{hint}: {body}");
        let known = ["unknown_user_id", "invalid_request"];
        assert!(known.contains(&body["error"].as_str().unwrap()), "{hint}: {body}");
    }
    shop.relay().await;
    assert!(shop.app.catcher().unwrap().messages().is_empty());
}

/// Without the section nothing of it is there.
#[tokio::test]
async fn it_is_off_unless_configured() {
    let app = testing::app(&[]).await;
    let mut browser = Browser::new(&app);
    sign_up(&app, &mut browser, "ada@example.com").await;
    assert_eq!(browser.get("/account/requests").await.status, StatusCode::NOT_FOUND);
    let seen = browser.send(Request::post("/bc-authorize"), Body::empty()).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    let metadata = browser.get("/.well-known/openid-configuration").await;
    assert!(!metadata.text.contains("backchannel_authentication_endpoint"));
    assert!(!browser.get("/account/applications").await.says("Requests"));
}

/// Section 12: an application that is sent its tokens hears that nobody answered.
#[tokio::test]
async fn an_application_that_does_not_ask_is_told_that_nobody_answered() {
    let shop = Shop::new().await;
    let nothing = http::Response::builder().status(204).body(Bytes::new()).unwrap();
    shop.outside.answer(NOTIFY, nothing);
    let id = shop.begun("push", "&client_notification_token=t0ken&requested_expiry=60").await;
    shop.clock.advance(Duration::seconds(61));
    assert_eq!(shop.app.services().server.end_unanswered(10).await.unwrap(), 1);
    shop.relay().await;
    let sent = shop.outside.requests().pop().unwrap();
    let body: Value = serde_json::from_slice(sent.body()).unwrap();
    assert_eq!(body, json!({ "auth_req_id": id, "error": "expired_token" }));
}
