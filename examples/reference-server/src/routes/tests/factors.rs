//! Further factors on the pages.

use ciam_core::credential::Credential;
use ciam_mfa::otp::{OtpParameters, OtpSeed};
use http::StatusCode;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, Seen, account_of, app, person, sign_in},
};

const ADA: &str = "ada@example.com";
const PATH: &str = "/account/factors";

/// The code that an app shows now, or some steps later.
fn code(app: &App, seed: &str, ahead: u64) -> String {
    let seed = OtpSeed::from_base32(seed).unwrap();
    let parameters = OtpParameters::default();
    let step = parameters.step(app.ports().now()) + ahead;
    parameters.code(app.ports().crypto(), &seed, step).expose().to_owned()
}

fn seed_of(page: &Seen) -> String {
    let rest = page.text.split_once("id=\"seed\">").unwrap().1;
    rest.split('<').next().unwrap().replace(' ', "")
}

/// The value of a hidden field anywhere on a page.
fn hidden<'a>(page: &'a Seen, name: &str) -> &'a str {
    let rest = page.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
    rest.split('"').next().unwrap()
}

/// Adds an authenticator app; gives its seed.
async fn with_totp(app: &App, browser: &mut Browser) -> String {
    let page = browser.get(PATH).await;
    let offer = browser.submit_one(&page, PATH, &[("action", "totp")]).await;
    let seed = seed_of(&offer);
    let enrolment = hidden(&offer, "enrolment").to_owned();
    let fields = [("action", "totp-confirm"), ("enrolment", enrolment.as_str()), ("seed", seed.as_str())];
    let wrong = browser.submit_one(&offer, PATH, &[&fields[..], &[("code", "000000")]].concat()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.says("That code is wrong") && seed_of(&wrong) == seed);
    let right = code(app, &seed, 0);
    let done = browser
        .submit_one(&offer, PATH, &[&fields[..], &[("code", right.as_str()), ("label", "phone")]].concat())
        .await;
    assert!(done.says("It was added") && done.says("Authenticator app: phone"), "{}", done.text);
    seed
}

/// Gives the password; what comes is the page of the further factor.
async fn begun(browser: &mut Browser) -> Seen {
    let page = browser.get("/sign-in").await;
    browser.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await
}

#[tokio::test]
async fn an_authenticator_app_is_added_and_asked_for_from_then_on() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let seed = with_totp(&app, &mut browser).await;

    let mut other = Browser::new(&app);
    let asked = begun(&mut other).await;
    assert!(asked.path.starts_with("/factor?journey="), "{}", asked.path);
    assert!(asked.says("Type the code that your authenticator app shows"));
    assert_eq!(other.get("/account").await.path, "/sign-in", "the password alone is not enough");
    let wrong = other.submit(&asked, "/factor", &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let used = other.submit(&asked, "/factor", &[("code", &code(&app, &seed, 0))]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY, "the code of the enrolment is used up");
    let done = other.submit(&asked, "/factor", &[("code", &code(&app, &seed, 1))]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    with_totp(&app, &mut browser).await;
    let page = browser.get(PATH).await;
    let sheet = browser.submit_one(&page, PATH, &[("action", "codes")]).await;
    let codes: Vec<_> =
        sheet.text.split("<code>").skip(1).map(|it| it.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    assert!(browser.get(PATH).await.says("10 codes left"));
    for (row, right) in [(0, true), (0, false), (1, true)] {
        let mut other = Browser::new(&app);
        let asked = begun(&mut other).await;
        assert!(asked.says("Use instead: Recovery code"));
        let asked = other.submit(&asked, "/factor", &[("other", "recovery_code")]).await;
        assert!(asked.says("Type one of your recovery codes"), "{}", asked.text);
        let seen = other.submit(&asked, "/factor", &[("code", &codes[row])]).await;
        assert_eq!(seen.path == "/account", right, "{row}: {}", seen.text);
    }
}

#[tokio::test]
async fn a_factor_is_named_and_removed_and_everybody_else_is_signed_out() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let mut elsewhere = Browser::new(&app);
    sign_in(&mut elsewhere, ADA, PASSWORD).await;
    with_totp(&app, &mut browser).await;
    let page = browser.get(PATH).await;
    let factor = hidden(&page, "factor").to_owned();
    let rename = [("action", "rename"), ("factor", factor.as_str())];
    let long = "x".repeat(65);
    let bad = browser.submit_one(&page, PATH, &[&rename[..], &[("label", long.as_str())]].concat()).await;
    assert!(bad.says("Use at most 64 characters"));
    let named = browser.submit_one(&page, PATH, &[&rename[..], &[("label", "old phone")]].concat()).await;
    assert!(named.says("Authenticator app: old phone"));
    assert_eq!(elsewhere.get("/account").await.path, "/account");
    let removed = browser.submit_one(&page, PATH, &[("action", "remove"), ("factor", factor.as_str())]).await;
    assert!(removed.says("It was removed") && removed.says("Nothing yet"), "{}", removed.text);
    assert_eq!(elsewhere.get("/account").await.path, "/sign-in");
    let gone = browser.submit_one(&page, PATH, &[("action", "remove"), ("factor", factor.as_str())]).await;
    assert_eq!(gone.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn who_has_a_factor_proves_it_before_anything_is_changed() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let seed = with_totp(&app, &mut browser).await;
    let before = browser.get(PATH).await;
    age_sessions(&app, app.ports().now() - time::Duration::hours(1)).await;
    let page = browser.get(PATH).await;
    assert!(
        !page.text.contains("value=\"totp\"") && page.text.contains("/confirm?continue=/account/factors")
    );
    for path in ["/account/security", "/account/identifiers"] {
        let page = browser.get(path).await;
        assert!(page.text.contains(&format!("/confirm?continue={path}")), "{path}");
        assert!(!page.text.contains("current-password"), "{path}: the password alone proves too little");
    }
    let refused = browser.submit_one(&before, PATH, &[("action", "codes")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);

    let confirm = browser.get("/confirm?continue=/account/factors").await;
    assert!(confirm.says("Confirm that it is you"));
    let wrong = browser.submit(&confirm, "/confirm", &[("password", "not the password at all")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let asked = browser.submit(&wrong, "/confirm", &[("password", PASSWORD)]).await;
    assert!(asked.path.starts_with("/factor?"), "{}", asked.path);
    let back = browser.submit(&asked, "/factor", &[("code", &code(&app, &seed, 1))]).await;
    assert_eq!(back.path, PATH);
    assert!(back.text.contains("value=\"totp\""), "it can be changed now");
    for elsewhere in ["https://evil.example", "//evil.example", "/sign-out"] {
        let refused = browser.get(&format!("/confirm?continue={elsewhere}")).await;
        assert!(refused.status.is_client_error(), "{elsewhere}: {}", refused.status);
    }
}

/// Makes all proofs of the account's sessions older.
async fn age_sessions(app: &App, at: time::OffsetDateTime) {
    use ciam_core::store::{Batch, PageRequest, Write};
    let account = account_of(app, ADA).await;
    let sessions = app.ports().store().sessions_of(account, PageRequest::first(10)).await.unwrap();
    for session in sessions.items {
        let mut session = session.value;
        session.context.proofs.iter_mut().for_each(|proof| proof.at = at);
        let batch = Batch::new().write(Write::PutSession(session));
        assert!(app.ports().store().commit(batch).await.unwrap().is_applied());
    }
}

#[tokio::test]
async fn a_passkey_is_offered_where_the_server_has_a_name() {
    let app = app(&[]).await;
    let mut browser = person(&app, ADA).await;
    let page = browser.get(PATH).await;
    assert!(page.text.contains("data-passkey=\"create\"") && page.says("\"rp\":{\"id\":\"localhost\""));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    let mut stranger = Browser::new(&app);
    let sign_in = stranger.get("/sign-in").await;
    assert!(sign_in.text.contains("data-passkey=\"conditional\"") && sign_in.says("\"allowCredentials\":[]"));
    assert!(!browser.get("/account").await.header("content-security-policy").contains("script-src"));
    // What is no passkey signs nobody in, and says no more than that.
    let mut fields = sign_in.hidden("/factor");
    fields.retain(|(name, _)| name != "response");
    fields.push(("response".to_owned(), "{}".to_owned()));
    let refused = stranger.post("/factor", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("That passkey is not accepted here") && refused.path == "/factor");
    let bad = browser
        .submit_one(&page, PATH, &[("action", "passkey"), ("response", "{}"), ("enrolment", "x")])
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let credentials: Vec<_> = app.ports().store().credentials_of(account_of(&app, ADA).await).await.unwrap();
    assert!(
        credentials.iter().all(|it: &ciam_core::store::Versioned<Credential>| it.value.factor == "password")
    );
}

#[tokio::test]
async fn without_a_name_there_are_no_passkeys_and_the_rest_works() {
    let app = app(&["--issuer", "http://127.0.0.1:8080"]).await;
    let mut browser = person(&app, ADA).await;
    assert!(!browser.get("/sign-in?continue=/account").await.text.contains("data-passkey"));
    assert!(!browser.get(PATH).await.text.contains("data-passkey"));
    with_totp(&app, &mut browser).await;
}

/// The server where everybody must have a factor.
async fn demanding(grace: &str) -> App {
    let folder = std::env::temp_dir().join(format!("ciam-factors-{}-{}", std::process::id(), grace.len()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    std::fs::write(&file, format!("[factors]\nrequired = [\"passkey\", \"totp\"]\n{grace}")).unwrap();
    app(&["--config", &file.to_string_lossy()]).await
}

#[tokio::test]
async fn nobody_has_a_session_before_the_factor_that_is_demanded() {
    let app = demanding("").await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-up").await;
    let fields = [("email", ADA), ("name", "Somebody"), ("password", PASSWORD)];
    let verify = browser.submit(&page, "/sign-up", &fields).await;
    let (_, mailed) = crate::testing::mail(&app, ADA).await;
    let choice = browser.submit(&verify, "/verify", &[("code", &mailed), ("action", "verify")]).await;
    assert!(choice.path.starts_with("/enrol?") && choice.says("Add one more factor"), "{}", choice.text);
    assert!(!choice.says("You can do it later"));
    assert_eq!(browser.get("/account").await.path, "/sign-in");
    let late = browser.submit(&choice, "/enrol", &[("later", "1")]).await;
    assert!(late.says("It cannot wait any longer") && late.status == StatusCode::UNPROCESSABLE_ENTITY);
    let passkey = browser.submit(&choice, "/enrol", &[("choose", "passkey")]).await;
    assert!(passkey.text.contains("data-passkey=\"create\""), "{}", passkey.text);
    assert!(passkey.header("content-security-policy").contains("script-src 'self'"));
    let offer = browser.submit(&choice, "/enrol", &[("choose", "totp")]).await;
    let seed = seed_of(&offer);
    let wrong = browser.submit(&offer, "/enrol", &[("code", "000000")]).await;
    assert!(wrong.says("That code is wrong") && seed_of(&wrong) == seed);
    let right = code(&app, &seed, 0);
    let done = browser.submit(&wrong, "/enrol", &[("code", &right)]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
}

#[tokio::test]
async fn what_is_demanded_can_wait_within_the_grace_period() {
    let app = demanding("grace = \"7d\"\n").await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-up").await;
    let fields = [("email", ADA), ("name", "Somebody"), ("password", PASSWORD)];
    let verify = browser.submit(&page, "/sign-up", &fields).await;
    let (_, mailed) = crate::testing::mail(&app, ADA).await;
    let choice = browser.submit(&verify, "/verify", &[("code", &mailed), ("action", "verify")]).await;
    assert!(choice.says("You can do it later, until"));
    let done = browser.submit(&choice, "/enrol", &[("later", "1")]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
}
