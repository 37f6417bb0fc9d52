//! Whether a browser is the person's own: asked at sign-in, and changed in the list of devices.

use ciam_core::http::SESSION_COOKIE;
use ciam_core::store::PageRequest;
use http::{StatusCode, header::SET_COOKIE};

use crate::testing::{Browser, PASSWORD, account_of, app, person};

const ADA: &str = "ada@example.com";
const PATH: &str = "/account/sessions";

/// The `Set-Cookie` of the session, after a sign-in with these fields more.
async fn session_cookie(browser: &mut Browser, more: &[(&str, &str)]) -> String {
    let page = browser.get("/sign-in").await;
    let mut fields = page.hidden("/sign-in");
    let typed = [("identifier", ADA), ("password", PASSWORD)];
    fields.extend(typed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let seen = browser.post("/sign-in", &fields).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
    let all = seen.headers.get_all(SET_COOKIE).iter().map(|it| it.to_str().unwrap());
    all.filter(|it| it.starts_with(SESSION_COOKIE)).map(str::to_owned).next().unwrap()
}

#[tokio::test]
async fn in_a_browser_that_is_not_ones_own_the_cookie_goes_with_it() {
    let app = app(&[]).await;
    person(&app, ADA).await;
    let page = Browser::new(&app).get("/sign-in").await;
    assert!(page.says("This is my own device") && page.text.contains("name=\"own\""), "{}", page.text);
    let strange = session_cookie(&mut Browser::new(&app), &[]).await;
    assert!(!strange.contains("Max-Age") && !strange.contains("Expires"), "{strange}");
    let own = session_cookie(&mut Browser::new(&app), &[("own", "yes")]).await;
    assert!(own.contains("Max-Age=2592000"), "{own}");
}

#[tokio::test]
async fn what_is_ticked_before_a_code_counts_after_it() {
    let app = app(&[]).await;
    person(&app, ADA).await;
    for (more, lasting) in [(&[("own", "yes")][..], true), (&[], false)] {
        let mut browser = Browser::new(&app);
        let page = browser.get("/sign-in").await;
        let mut fields = vec![("identifier", ADA), ("password", ""), ("action", "code")];
        fields.extend(more);
        let verify = browser.submit(&page, "/sign-in", &fields).await;
        let (_, code) = crate::testing::mail(&app, ADA).await;
        let mut fields = verify.hidden("/verify");
        fields.extend([("code".to_owned(), code), ("action".to_owned(), "verify".to_owned())]);
        let seen = browser.post("/verify", &fields).await;
        let mut all = seen.headers.get_all(SET_COOKIE).iter().map(|it| it.to_str().unwrap());
        let cookie = all.find(|it| it.starts_with(SESSION_COOKIE)).unwrap_or_default();
        assert_eq!(cookie.contains("Max-Age"), lasting, "{cookie}");
    }
}

#[tokio::test]
async fn a_device_is_trusted_with_a_further_factor_alone_and_trusted_no_longer_by_its_owner() {
    let app = app(&[]).await;
    person(&app, ADA).await;
    let mut ada = Browser::new(&app);
    session_cookie(&mut ada, &[("own", "yes")]).await;
    let page = ada.get(PATH).await;
    assert!(!page.text.contains("value=\"trust\""), "a password alone trusts nothing: {}", page.text);
    assert_eq!(ada.submit_one(&page, PATH, &[("action", "trust")]).await.status, StatusCode::FORBIDDEN);

    let services = app.services();
    let id = account_of(&app, ADA).await;
    let account = app.ports().store().account(id).await.unwrap().unwrap().value;
    let listed = async || services.devices().list(&account, PageRequest::first(10)).await.unwrap().items;
    // The one of the sign-in, behind the one of the registration.
    let device = listed().await.last().unwrap().id;
    assert!(services.devices().trust(&account, device).await.unwrap());
    let page = ada.get(PATH).await;
    assert!(page.says("Trusted") && page.says("Trust no longer"), "{}", page.text);

    let text = device.to_string();
    let mut eve = person(&app, "eve@example.com").await;
    let theirs = eve.get(PATH).await;
    eve.submit_one(&theirs, PATH, &[("action", "distrust"), ("device", &text)]).await;
    assert!(listed().await.iter().any(|it| it.is_trusted(app.ports().now())), "not by somebody else");
    let seen = ada.submit_one(&page, PATH, &[("action", "distrust"), ("device", &text)]).await;
    assert!(seen.says("The device is trusted no longer"), "{}", seen.text);
    assert!(!listed().await.iter().any(|it| it.is_trusted(app.ports().now())));
    let nonsense = ada.submit_one(&page, PATH, &[("action", "distrust"), ("device", "x")]).await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
}
