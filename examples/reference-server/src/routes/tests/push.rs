//! Approval on a phone, from the registration of the app to the session: the number is on the page, and typed on the phone.

use ciam_core::jose::{Algorithm, LocalSigner, sign, sign_with_header};
use http::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    api::BASE,
    app::App,
    testing::{Browser, PASSWORD, Seen, app, person},
};

const ADA: &str = "ada@example.com";

/// The app on a phone. It has no cookies.
struct Phone {
    signer: LocalSigner,
    browser: Browser,
    names: Value,
}

async fn post(browser: &mut Browser, path: &str, origin: bool, body: &Value) -> Seen {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("{BASE}{path}"))
        .header("content-type", "application/json");
    if origin {
        request = request.header("origin", "http://localhost:8080");
    }
    browser.send(request, body.to_string()).await
}

fn json_of(seen: &Seen) -> Value {
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    serde_json::from_str(&seen.text).unwrap()
}

impl Phone {
    /// Registers in the session of a browser.
    async fn registered(app: &App, session: &mut Browser) -> Self {
        let signer = LocalSigner::generate(app.ports().crypto(), Algorithm::Es256).unwrap();
        let offer = json_of(&post(session, "/push/devices/offer", true, &json!({})).await);
        let mut header = Map::new();
        header.insert("jwk".to_owned(), serde_json::to_value(signer.public_jwk().unwrap()).unwrap());
        let claims = json!({ "challenge": offer["challenge"] });
        let message = sign_with_header(&signer, "ciam-push-register+jwt", &header, &claims).await.unwrap();
        let new = json!({ "enrolment": offer["enrolment"], "message": message, "label": "my phone" });
        let names = json_of(&post(session, "/push/devices", true, &new).await);
        let again = post(session, "/push/devices", true, &new).await;
        assert_eq!(again.status, StatusCode::FORBIDDEN, "who has a factor proves it first");
        Self { signer, browser: Browser::new(app), names }
    }

    async fn says(&mut self, path: &str, typ: &'static str, more: &Value) -> Seen {
        let mut claims = json!({ "account": self.names["account"], "device": self.names["device"] });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let message = sign(&self.signer, typ, &claims).await.unwrap();
        post(&mut self.browser, path, false, &json!({ "message": message })).await
    }

    async fn waiting(&mut self, app: &App) -> Value {
        let iat = app.ports().now().unix_timestamp();
        let seen = self.says("/push/waiting", "ciam-push-look+jwt", &json!({ "iat": iat })).await;
        json_of(&seen)["request"].clone()
    }

    async fn answers(&mut self, request: &Value, decision: &str, number: Option<u64>) -> Seen {
        let said = json!({
            "request": request["request"], "challenge": request["challenge"], "decision": decision, "number": number,
        });
        self.says("/push/answers", "ciam-push-answer+jwt", &said).await
    }
}

/// Gives the password; what comes is the page with the number.
async fn asked(browser: &mut Browser) -> Seen {
    let page = browser.get("/sign-in").await;
    let page = browser.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert!(page.path.starts_with("/factor?"), "{}: {}", page.path, page.text);
    page
}

fn number(page: &Seen) -> u64 {
    page.text.split_once("id=\"number\">").unwrap().1.split('<').next().unwrap().parse().unwrap()
}

async fn status(browser: &mut Browser, page: &Seen) -> Value {
    let request = page.text.split_once("data-push=\"").unwrap().1.split('"').next().unwrap();
    json_of(&post(browser, "/push/status", true, &json!({ "request": request })).await)["status"].clone()
}

#[tokio::test]
async fn the_number_on_the_page_is_typed_on_the_phone_and_the_page_goes_on() {
    let app = app(&[]).await;
    let mut owner = person(&app, ADA).await;
    let mut phone = Phone::registered(&app, &mut owner).await;
    let list = owner.get("/account/factors").await;
    assert!(list.says("Approval on a phone: my phone"), "{}", list.text);

    let mut browser = Browser::new(&app);
    let page = asked(&mut browser).await;
    assert!(page.header("content-security-policy").contains("connect-src 'self';"));
    assert_eq!(status(&mut browser, &page).await, "pending");
    let early = browser.submit(&page, "/factor", &[]).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.says("It is not approved yet") && number(&early) == number(&page));
    let request = phone.waiting(&app).await;
    assert!(request["number"].is_null(), "the number is on the page alone");
    let said = json_of(&phone.answers(&request, "approve", Some(number(&page))).await);
    assert_eq!(said["approved"], true);
    assert_eq!(status(&mut browser, &page).await, "approved");
    let done = browser.submit(&page, "/factor", &[]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
    let late = phone.answers(&request, "approve", Some(number(&page))).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert_eq!(phone.waiting(&app).await, Value::Null);
}

#[tokio::test]
async fn a_wrong_number_and_a_no_end_it_and_so_does_another_phone() {
    let app = app(&[]).await;
    let mut owner = person(&app, ADA).await;
    let mut phone = Phone::registered(&app, &mut owner).await;
    let mut thief = person(&app, "thief@example.com").await;
    let mut theirs = Phone::registered(&app, &mut thief).await;
    let mut browser = Browser::new(&app);

    let page = asked(&mut browser).await;
    let request = phone.waiting(&app).await;
    let foreign = theirs.answers(&request, "approve", Some(number(&page))).await;
    assert_eq!(foreign.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = if number(&page) == 10 { 11 } else { 10 };
    let refused = phone.answers(&request, "approve", Some(wrong)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(status(&mut browser, &page).await, "over");
    let over = browser.get(&page.path).await;
    assert!(over.says("Nobody can approve this any more") && !over.text.contains("id=\"number\""));

    let page = asked(&mut browser).await;
    let request = phone.waiting(&app).await;
    assert_eq!(json_of(&phone.answers(&request, "report", None).await)["approved"], false);
    let refused = browser.submit(&page, "/factor", &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.get("/account").await.path, "/sign-in");
    // Whoever has the password asks nobody any more, for an hour.
    let page = asked(&mut browser).await;
    assert!(page.says("Nobody can approve this any more"), "{}", page.text);
    assert_eq!(phone.waiting(&app).await, Value::Null);
}
