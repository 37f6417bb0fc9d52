//! The check that costs a machine something: in a sign-in, a sign-up and a recovery, with a script and without.

use std::sync::Arc;

use ciam_core::{
    abuse::ProofOfWork,
    entropy::SystemEntropy,
    memory::{self, MemoryHttpClient},
    testkit::ManualClock,
};
use http::StatusCode;
use time::Duration;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, Seen, app_on, mail, sign_up},
};

fn file(name: &str, text: &str) -> String {
    let folder = std::env::temp_dir().join(format!("ciam-check-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn checked(name: &str, always: &str) -> (App, Arc<ManualClock>) {
    let text = format!("[human_check]\nkind = \"proof_of_work\"\nbits = 8\nalways = [{always}]\n");
    let clock = Arc::new(ManualClock::default());
    let app = app_on(
        &["--config", &file(name, &text)],
        memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new())),
    )
    .await;
    (app, clock)
}

fn work(page: &Seen) -> String {
    let challenge = page.text.split("data-challenge=\"").nth(1).unwrap_or_else(|| panic!("{}", page.text));
    assert!(page.text.contains("data-bits=\"8\""), "{}", page.text);
    ProofOfWork::solve(challenge.split('"').next().unwrap(), 8)
}

#[tokio::test]
async fn everybody_is_asked_first_where_the_server_is_set_up_so() {
    let (app, _) = checked("always", "\"sign_in\", \"sign_up\", \"recovery\"").await;
    let mut ada = Browser::new(&app);
    let page = ada.get("/sign-up").await;
    assert!(page.path.starts_with("/check?journey="), "{}", page.path);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(page.text.contains("<script src=\"/assets/check.js?v="), "{}", page.text);
    // A guess is none, and what was asked is asked again.
    let wrong = ada.post("/check", &with(&page, "x")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answer = work(&wrong);
    let page = ada.post("/check", &with(&wrong, &answer)).await;
    let page = ada.follow(page).await;
    assert!(page.path.starts_with("/sign-up?journey="), "{} {}", page.path, page.text);
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD)];
    let verify = ada.submit(&page, "/sign-up", &fields).await;
    let (_, code) = mail(&app, "ada@example.com").await;
    let seen = ada.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);

    for (path, fields) in [
        ("/sign-in", vec![("identifier", "ada@example.com"), ("password", PASSWORD)]),
        ("/recover", vec![("identifier", "ada@example.com")]),
    ] {
        let mut browser = Browser::new(&app);
        let mut page = browser.get(path).await;
        if path == "/recover" {
            page = browser.submit(&page, path, &fields).await;
        }
        assert!(page.path.starts_with("/check?journey="), "{path}: {}", page.path);
        let answer = work(&page);
        let passed = browser.post("/check", &with(&page, &answer)).await;
        let page = browser.follow(passed).await;
        assert!(page.path.starts_with(&format!("{path}?journey=")), "{path}: {}", page.path);
        let done = browser.submit(&page, path, &fields).await;
        assert!(done.path == "/account" || done.path.starts_with("/verify?"), "{} {}", done.path, done.text);
    }
}

/// The hidden fields of the form, with an answer.
fn with(page: &Seen, answer: &str) -> Vec<(String, String)> {
    let mut fields: Vec<_> = page.hidden("/check").into_iter().filter(|it| it.0 != "response").collect();
    fields.push(("response".to_owned(), answer.to_owned()));
    fields
}

#[tokio::test]
async fn who_runs_no_scripts_waits_instead() {
    let (app, clock) = checked("wait", "\"sign_in\"").await;
    let mut ada = Browser::new(&app);
    let page = ada.get("/sign-in").await;
    assert!(page.says("Wait 30 seconds"), "{}", page.text);
    // The form as it stands, without a script: too early, then late enough.
    let early = ada.post("/check", &page.hidden("/check")).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", early.text);
    clock.advance(Duration::seconds(31));
    let seen = ada.post("/check", &page.hidden("/check")).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
    assert!(ada.follow(seen).await.path.starts_with("/sign-in?journey="));
}

#[tokio::test]
async fn sign_up_pressure_brings_a_check_that_keeps_what_was_typed() {
    let (app, _) = checked("pressure", "").await;
    for n in 0..20 {
        sign_up(&app, &mut Browser::new(&app), &format!("u{n}@example.com")).await;
    }
    let mut ada = Browser::new(&app);
    let page = ada.get("/sign-up").await;
    assert_eq!(page.path, "/sign-up", "nothing is asked before");
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD)];
    let page = ada.submit(&page, "/sign-up", &fields).await;
    assert!(page.path.starts_with("/check?journey="), "{} {}", page.path, page.text);
    let answer = work(&page);
    let passed = ada.post("/check", &with(&page, &answer)).await;
    let page = ada.follow(passed).await;
    assert!(page.text.contains("value=\"ada@example.com\""), "{}", page.text);
    let verify = ada.submit(&page, "/sign-up", &fields).await;
    assert!(verify.path.starts_with("/verify?journey="), "{} {}", verify.path, verify.text);
}

/// Each captcha: what is written into the page, and what the page may load, whole.
#[tokio::test]
async fn a_captcha_is_shown_with_what_it_needs_and_nobody_elses() {
    let rest = "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    for (kind, class, expected) in [
        (
            "turnstile",
            "cf-turnstile",
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src https://challenges.cloudflare.com; \
             frame-src https://challenges.cloudflare.com;",
        ),
        (
            "hcaptcha",
            "h-captcha",
            "default-src 'none'; style-src 'self' https://hcaptcha.com https://*.hcaptcha.com; img-src 'self'; \
             script-src https://hcaptcha.com https://*.hcaptcha.com; \
             frame-src https://hcaptcha.com https://*.hcaptcha.com; \
             connect-src https://hcaptcha.com https://*.hcaptcha.com;",
        ),
        (
            "recaptcha",
            "g-recaptcha",
            "default-src 'none'; style-src 'self'; img-src 'self'; \
             script-src https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/; \
             frame-src https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/; \
             connect-src https://www.google.com/recaptcha/;",
        ),
    ] {
        let text = format!(
            "[human_check]\nkind = \"{kind}\"\nsite_key = \"0x4AAA\"\nsecret = \"0xSECRET\"\nalways = [\"sign_in\"]\n"
        );
        let app = app_on(&["--config", &file(kind, &text)], memory::ports()).await;
        let mut ada = Browser::new(&app);
        let page = ada.get("/sign-in").await;
        assert!(page.path.starts_with("/check?journey="), "{}", page.path);
        let place = format!("class=\"field {class}\" data-sitekey=\"0x4AAA\"");
        assert!(page.text.contains(&place), "{}", page.text);
        assert!(!page.text.contains("0xSECRET"));
        assert_eq!(page.header("content-security-policy"), format!("{expected} {rest}"), "{kind}");
        // Every other page loads nothing from there.
        let other = ada.get("/recover").await;
        assert!(!other.header("content-security-policy").contains("https:"), "{kind}");
        // The service cannot be reached in this test: nobody passes.
        let field = format!("{class}-response");
        let seen = ada.submit(&page, "/check", &[(field.as_str(), "token")]).await;
        assert!(seen.status.is_server_error(), "{} {}", seen.status, seen.text);
    }
}

/// Who the service takes for a human, on a page of this host, goes on.
#[tokio::test]
async fn a_captchas_verdict_decides() {
    let text = "[human_check]\nkind = \"turnstile\"\nsite_key = \"0x4AAA\"\nsecret = \"0xSECRET\"\nalways = [\"sign_in\"]\n";
    for (verdict, passes) in [
        ("{\"success\":true,\"hostname\":\"localhost\"}", true),
        ("{\"success\":true,\"hostname\":\"evil.example\"}", false),
        ("{\"success\":true}", false),
        ("{\"success\":false,\"hostname\":\"localhost\"}", false),
    ] {
        let network = MemoryHttpClient::new();
        network.serve("challenges.cloudflare.com", move |_| {
            Box::pin(async move {
                let response = http::Response::builder().header("content-type", "application/json");
                response.body(bytes::Bytes::from(verdict)).unwrap()
            })
        });
        let ports = memory::ports().with_http_client(Arc::new(network.clone()));
        let app = app_on(&["--config", &file("verdict", text)], ports).await;
        let mut ada = Browser::new(&app);
        let page = ada.get("/sign-in").await;
        let seen = ada.submit(&page, "/check", &[("cf-turnstile-response", "token")]).await;
        assert_eq!(
            seen.path.starts_with("/sign-in?journey="),
            passes,
            "{verdict}: {} {}",
            seen.path,
            seen.text
        );
        let asked = String::from_utf8(network.requests()[0].body().to_vec()).unwrap();
        assert!(asked.contains("secret=0xSECRET") && asked.contains("response=token"), "{asked}");
    }
}
