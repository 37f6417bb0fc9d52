//! The account page.

use ciam_core::http::SESSION_COOKIE;
use http::StatusCode;

use crate::{
    pages::account::Section,
    testing::{Browser, app, sign_in},
};

const PASSWORD: &str = "quiet-river-lantern-42";

async fn signed_in(app: &crate::app::App) -> Browser {
    let mut browser = Browser::new(app);
    browser
        .headers
        .push(("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0".into()));
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    browser
}

#[tokio::test]
async fn it_shows_who_one_is_and_where_one_is_signed_in() {
    let app = app(&[]).await;
    let mut browser = signed_in(&app).await;
    for (path, texts) in [
        ("/account", &["Dana Demo", "demo@example.com"][..]),
        ("/account/profile", &["Dana Demo", "Member since"]),
        ("/account/identifiers", &["demo@example.com", "Verified"]),
        ("/account/sessions", &["Firefox · Linux", "This device"]),
        ("/account/organizations", &["Example Ltd", "owner"]),
    ] {
        let page = browser.get(path).await;
        for text in texts {
            assert!(page.says(text), "{path}: {text}");
        }
        assert!(!page.says("Sign out everywhere else"), "there is nowhere else");
    }
}

#[tokio::test]
async fn every_section_is_in_the_navigation_and_for_those_alone_who_are_signed_in() {
    let app = app(&[]).await;
    let (mut stranger, mut browser) = (Browser::new(&app), signed_in(&app).await);
    let overview = browser.get("/account").await;
    for section in Section::ALL {
        assert!(overview.text.contains(&format!("<li><a href=\"{}\"", section.path())), "{section:?}");
        let page = browser.get(section.path()).await;
        assert_eq!(page.status, StatusCode::OK, "{section:?}");
        let current = format!("<li><a href=\"{}\" aria-current=\"page\">", section.path());
        assert!(page.text.contains(&current), "{section:?}");
        assert_eq!(stranger.get(section.path()).await.path, "/sign-in", "{section:?}");
    }
}

#[tokio::test]
async fn a_name_is_changed_and_a_bad_one_refused() {
    let app = app(&[]).await;
    let mut browser = signed_in(&app).await;
    let page = browser.get("/account/profile").await;
    let seen = browser.submit(&page, "/account/profile", &[("name", "  Dana D.  ")]).await;
    assert!(seen.says("Your changes are saved") && seen.text.contains("value=\"Dana D.\""));
    for bad in ["x".repeat(129).as_str(), &"x".repeat(10_000), "a\u{7}b"] {
        let seen = browser.submit(&page, "/account/profile", &[("name", bad)]).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad:?}");
    }
    assert!(browser.get("/account").await.says("Dana D."));
}

#[tokio::test]
async fn other_sessions_are_ended_one_by_one_or_all_at_once() {
    let app = app(&[]).await;
    let (mut here, mut there) = (signed_in(&app).await, signed_in(&app).await);
    let mut third = signed_in(&app).await;
    let page = here.get("/account/sessions").await;
    let session = there.cookies[SESSION_COOKIE].split('.').next().unwrap().to_owned();
    let token: Vec<_> =
        page.hidden("/account/sessions").into_iter().filter(|(name, _)| name == "csrf").collect();
    let with = |pairs: &[(&str, &str)]| {
        let mut fields = token.clone();
        fields.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    };
    here.post("/account/sessions", &with(&[("action", "end"), ("session", &session)])).await;
    assert_eq!(there.get("/account").await.path, "/sign-in");
    assert_eq!(third.get("/account").await.path, "/account");
    here.post("/account/sessions", &with(&[("action", "end-others")])).await;
    assert_eq!(third.get("/account").await.path, "/sign-in");
    assert_eq!(here.get("/account").await.path, "/account");
    for bad in [&[("action", "else")][..], &[("action", "end"), ("session", "x")]] {
        assert_eq!(here.post("/account/sessions", &with(bad)).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let app = app(&[]).await;
    let mut victim = signed_in(&app).await;
    let mut other = Browser::new(&app);
    crate::testing::sign_up(&app, &mut other, "eve@example.com").await;
    let verify = other.get("/account").await;
    assert_eq!(verify.path, "/account");
    let session = victim.cookies[SESSION_COOKIE].split('.').next().unwrap().to_owned();
    // A second session of her own gives her a form to change.
    let mut second = Browser::new(&app);
    sign_in(&mut second, "eve@example.com", crate::testing::PASSWORD).await;
    let page = other.get("/account/sessions").await;
    let mut fields = page.hidden("/account/sessions");
    fields.retain(|(name, _)| name == "csrf");
    fields.extend([("action".into(), "end".into()), ("session".into(), session)]);
    assert_eq!(other.post("/account/sessions", &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(victim.get("/account").await.path, "/account");
}

#[tokio::test]
async fn a_device_is_known_and_forgotten_with_its_sessions() {
    let app = app(&[]).await;
    let (mut here, mut there) = (signed_in(&app).await, signed_in(&app).await);
    // The same browser again: its session is gone, its device is known.
    here.cookies.remove(SESSION_COOKIE);
    sign_in(&mut here, "demo@example.com", PASSWORD).await;
    let page = here.get("/account/sessions").await;
    assert!(page.says("Remembered devices"));
    let devices: Vec<_> = page.text.split("name=\"device\" value=\"").skip(1).collect();
    assert_eq!(devices.len(), 2);
    let mut fields = page.hidden("/account/sessions");
    fields.retain(|(name, _)| name == "csrf");
    let device = devices[1].split('"').next().unwrap().to_owned();
    fields.extend([("action".into(), "forget".into()), ("device".into(), device)]);
    let answered = here.post("/account/sessions", &fields).await;
    let seen = here.follow(answered).await;
    assert!(seen.says("The device is forgotten"));
    assert_eq!(there.get("/account").await.path, "/sign-in", "what began on it is over");
}
