//! Journeys by JSON.

use ciam_core::abuse::ProofOfWork;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::{
    api::{BASE, document::document, tests::schema::assert_described},
    app::App,
    testing::{Browser, PASSWORD, Seen, app, mail, sign_up},
};

const ORIGIN: (&str, &str) = ("origin", "http://localhost:8080");
const ADA: &str = "ada@example.com";

async fn post(browser: &mut Browser, path: &str, headers: &[(&str, &str)], body: &Value) -> Seen {
    let mut request = Request::builder().method(Method::POST).uri(format!("{BASE}{path}"));
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request, body.to_string()).await
}

fn json_of(seen: &Seen) -> Value {
    serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{} {}", seen.status, seen.text))
}

/// An application without cookies.
struct Native {
    browser: Browser,
    secret: String,
    journey: String,
    last: Value,
}

impl Native {
    async fn begin(app: &App, kind: &str) -> Self {
        let mut browser = Browser::new(app);
        let seen = post(&mut browser, "/journeys", &[], &json!({ "kind": kind })).await;
        assert_eq!(seen.status, StatusCode::CREATED, "{}", seen.text);
        assert!(browser.cookies.is_empty(), "an application without cookies gets none");
        let last = described(&seen);
        let text = |name: &str| last[name].as_str().unwrap().to_owned();
        Self { browser, secret: text("browser"), journey: text("journey"), last }
    }

    async fn send(&mut self, answer: Value) -> Seen {
        let path = format!("/journeys/{}/answers", self.journey);
        let secret = self.secret.clone();
        post(&mut self.browser, &path, &[("ciam-browser", &secret)], &answer).await
    }

    async fn answer(&mut self, answer: Value) -> &Value {
        let seen = self.send(answer).await;
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
        self.last = described(&seen);
        &self.last
    }
}

/// The step, which is as the document says.
fn described(seen: &Seen) -> Value {
    let step = json_of(seen);
    let mut known = step.clone();
    let members = [
        "journey",
        "browser",
        "step",
        "challenge",
        "reason",
        "retry_after",
        "next",
        "session",
        "account",
        "token",
        "device",
    ];
    known.as_object_mut().unwrap().retain(|name, value| members.contains(&name.as_str()) && !value.is_null());
    assert_described(&document(), &json!({"$ref": "#/components/schemas/JourneyStep"}), &known);
    step
}

#[tokio::test]
async fn an_application_signs_up_and_in_without_a_page() {
    let app = app(&[]).await;
    let mut native = Native::begin(&app, "sign_up").await;
    assert_eq!(native.last["challenge"], "registration");
    let short = native.answer(json!({"answer": "register", "identifier": ADA, "password": "short"})).await;
    assert_eq!((&short["step"], &short["reason"]), (&json!("refused"), &json!("too_short")));
    assert_eq!(short["next"]["challenge"], "registration");
    let answer = json!({"answer": "register", "identifier": ADA, "password": PASSWORD, "name": "Ada"});
    assert_eq!(native.answer(answer).await["challenge"], "code");
    let (_, code) = mail(&app, ADA).await;
    assert_eq!(native.answer(json!({"answer": "code", "code": "000000"})).await["reason"], "code");
    let done = native.answer(json!({"answer": "code", "code": code})).await.clone();
    assert_eq!(done["step"], "done");
    let token = format!("Bearer {}", done["token"].as_str().unwrap());
    let request = Request::get(format!("{BASE}/sessions")).header("authorization", &token);
    let sessions = native.browser.send(request, "").await;
    assert_eq!(sessions.status, StatusCode::OK, "{}", sessions.text);
    // The journey is over.
    assert_eq!(native.send(json!({"answer": "resend"})).await.status, StatusCode::NOT_FOUND);

    let mut again = Native::begin(&app, "sign_in").await;
    assert_eq!(again.answer(json!({"answer": "identify", "identifier": ADA})).await["login_hint"], ADA);
    let done = again.answer(json!({"answer": "credentials", "identifier": ADA, "password": PASSWORD})).await;
    assert_eq!(done["step"], "done");
    assert!(done["device"].is_string());
}

#[tokio::test]
async fn nobody_learns_from_an_answer_who_has_an_account() {
    let app = app(&[]).await;
    sign_up(&app, &mut Browser::new(&app), ADA).await;
    for (kind, answer) in [
        ("sign_in", json!({"answer": "credentials", "password": "not the right password"})),
        ("sign_in", json!({"answer": "send_code"})),
        ("sign_in", json!({"answer": "identify"})),
        ("recovery", json!({"answer": "recover"})),
        ("sign_up", json!({"answer": "register", "password": PASSWORD})),
    ] {
        let mut seen = Vec::new();
        for who in [ADA, "bob@example.com"] {
            let mut native = Native::begin(&app, kind).await;
            let mut answer = answer.clone();
            answer["identifier"] = who.into();
            let response = native.send(answer).await;
            let mut step = json_of(&response).to_string().replace(who, "somebody");
            if let Some(at) = step.find("expires_at") {
                step.truncate(at);
            }
            // The challenge of a passkey is random, whoever asks.
            let before = "\"allowCredentials\":[],\"challenge\":\"";
            if let Some(at) = step.find(before).map(|it| it + before.len()) {
                step.replace_range(at..at + 43, "");
            }
            seen.push((response.status, step));
        }
        assert_eq!(seen[0], seen[1], "{kind} {answer}");
    }
}

#[tokio::test]
async fn a_journey_belongs_to_who_began_it() {
    let app = app(&[]).await;
    let mut native = Native::begin(&app, "sign_in").await;
    let mut other = Native::begin(&app, "sign_in").await;
    other.journey = native.journey.clone();
    let answer = json!({"answer": "send_code", "identifier": ADA});
    let stolen = other.send(answer.clone()).await;
    native.secret = "x".to_owned();
    let malformed = native.send(answer.clone()).await;
    let missing = post(&mut other.browser, "/journeys/nothing/answers", &[], &answer).await;
    assert_eq!(
        (stolen.status, malformed.status, missing.status),
        (StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND)
    );
    let strip = |seen: &Seen| json_of(seen)["code"].clone();
    assert_eq!(strip(&stolen), strip(&missing), "another's is none");
}

#[tokio::test]
async fn a_page_of_this_origin_walks_by_cookie_and_no_other_page_does() {
    let app = app(&[]).await;
    sign_up(&app, &mut Browser::new(&app), ADA).await;
    let mut page = Browser::new(&app);
    let begun = post(&mut page, "/journeys", &[ORIGIN], &json!({"kind": "sign_in"})).await;
    let step = described(&begun);
    assert!(step["browser"].is_null() && !page.cookies.is_empty());
    let path = format!("/journeys/{}/answers", step["journey"].as_str().unwrap());
    let answer = json!({"answer": "credentials", "identifier": ADA, "password": PASSWORD});
    for other in [&[][..], &[("origin", "https://evil.example")], &[ORIGIN, ("sec-fetch-site", "cross-site")]]
    {
        let seen = post(&mut page, &path, other, &answer).await;
        assert_eq!(json_of(&seen)["code"], "cross_site", "{other:?}");
    }
    let both = post(&mut page, &path, &[ORIGIN, ("ciam-browser", &"a".repeat(43))], &answer).await;
    assert_eq!(json_of(&both)["code"], "ambiguous_credentials");
    let done = post(&mut page, &path, &[ORIGIN], &answer).await;
    assert_eq!(json_of(&done)["step"], "done", "{}", done.text);
    assert!(json_of(&done)["token"].is_null(), "the session is in the cookie alone");
    assert_eq!(page.get("/account").await.path, "/account");
}

#[tokio::test]
async fn the_limits_are_those_of_the_pages() {
    let app = app(&[]).await;
    sign_up(&app, &mut Browser::new(&app), ADA).await;
    let wrong = json!({"answer": "credentials", "identifier": ADA, "password": "wrong"});
    // Half of them on the page, half of them here: one run.
    for _ in 0..5 {
        let mut browser = Browser::new(&app);
        let page = browser.get("/sign-in").await;
        browser.submit(&page, "/sign-in", &[("identifier", ADA), ("password", "wrong")]).await;
        Native::begin(&app, "sign_in").await.answer(wrong.clone()).await;
    }
    let mut native = Native::begin(&app, "sign_in").await;
    let seen = native.send(wrong).await;
    let step = json_of(&seen);
    assert_eq!(step["reason"], "too_many_attempts", "{step}");
    assert!(step["retry_after"].as_i64().unwrap() > 0 && !seen.header("retry-after").is_empty());
}

#[tokio::test]
async fn what_is_no_answer_is_said_and_every_answer_of_the_document_is_read() {
    let app = app(&[]).await;
    let mut native = Native::begin(&app, "sign_in").await;
    assert_eq!(native.answer(json!({"answer": "take_back"})).await["reason"], "unexpected");
    for bad in [json!({"answer": "sing"}), json!({}), json!({"answer": "code"}), json!([])] {
        let seen = native.send(bad.clone()).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}: {}", seen.text);
    }
    let document = serde_json::to_value(document()).unwrap();
    let described = document["components"]["schemas"]["JourneyAnswer"]["description"].as_str().unwrap();
    let kinds = [
        "identify",
        "credentials",
        "send_code",
        "code",
        "link",
        "resend",
        "register",
        "accept_invitation",
        "recover",
        "new_password",
        "human",
        "factor",
        "take_back",
        "accept_terms",
        "profile",
    ];
    let all = json!({
        "identifier": "x", "password": "x", "code": "x", "proof": "x", "token": "x", "response": "x",
        "factor": "x", "accepted": [{"document": "terms", "version": "1"}], "attributes": {},
    });
    for kind in kinds {
        assert!(described.contains(&format!("`{kind}`")), "{kind}");
        let mut answer = all.clone();
        answer["answer"] = kind.into();
        let read = serde_json::from_value::<ciam_core::journey::Answer>(answer);
        assert!(read.is_ok(), "{kind}: {read:?}");
    }
}

#[tokio::test]
async fn an_application_passes_a_check_and_a_closed_server_takes_no_registration() {
    let folder = std::env::temp_dir().join(format!("ciam-journeys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    let text =
        "[ui]\nsign_up = false\n[human_check]\nkind = \"proof_of_work\"\nbits = 8\nalways = [\"sign_in\"]\n";
    std::fs::write(&file, text).unwrap();
    let app = app(&["--config", file.to_str().unwrap()]).await;
    let refused = post(&mut Browser::new(&app), "/journeys", &[], &json!({"kind": "sign_up"})).await;
    assert_eq!(json_of(&refused)["code"], "not_allowed");
    let mut native = Native::begin(&app, "sign_in").await;
    assert_eq!(
        (&native.last["challenge"], &native.last["check"]),
        (&json!("human"), &json!("proof_of_work"))
    );
    let answer = ProofOfWork::solve(native.last["data"]["challenge"].as_str().unwrap(), 8);
    assert_eq!(
        native.answer(json!({"answer": "human", "response": answer})).await["challenge"],
        "credentials"
    );
    std::fs::remove_dir_all(folder).unwrap();
}
