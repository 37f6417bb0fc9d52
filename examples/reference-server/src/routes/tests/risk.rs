//! A sign-in that looks unlike its owner: the challenge on the page, the reasons in the mail and in the audit log.

use std::{net::SocketAddr, sync::Arc};

use ciam_core::{audit::AuditLog, notify::Notifier, relay::Relay, store::PageRequest};

use crate::{
    app::App,
    privacy::audit_sink,
    testing::{Browser, PASSWORD, account_of, app, sign_in, sign_up},
};

const ADA: &str = "ada@example.com";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0 Safari/537.36";

fn browser(app: &App, address: [u8; 4], agent: &str) -> Browser {
    let mut browser = Browser::new(app);
    browser.address = SocketAddr::from((address, 4711));
    browser.headers.push(("user-agent", agent.to_owned()));
    browser
}

/// A server that knows where two networks are, with a person who is at home in one of them.
async fn at_home(name: &str, settings: &str) -> (App, Browser) {
    let folder = std::env::temp_dir().join(format!("ciam-risk-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    let networks = "[[risk.networks]]\nrange = \"192.0.2.0/24\"\ncountry = \"FR\"\ncity = \"Lyon\"\n\
                    [[risk.networks]]\nrange = \"203.0.113.0/24\"\ncountry = \"BR\"\ncity = \"Recife\"\n";
    std::fs::write(&file, format!("{settings}{networks}")).unwrap();
    let app = app(&["--config", file.to_str().unwrap()]).await;
    std::fs::remove_dir_all(&folder).unwrap();
    let mut owner = browser(&app, [192, 0, 2, 7], FIREFOX);
    sign_up(&app, &mut owner, ADA).await;
    for _ in 0..4 {
        let mut again = owner.clone();
        again.cookies.retain(|name, _| name.contains("device"));
        sign_in(&mut again, ADA, PASSWORD).await;
        owner = again;
    }
    (app, owner)
}

/// Delivers what is in the outbox: letters to the catcher, events to the audit log.
async fn deliver(app: &App) {
    let relay = Relay::new(app.ports().clone(), Arc::clone(app.catcher().unwrap()) as Arc<dyn Notifier>);
    relay.with_sink(audit_sink(app.ports())).deliver_pending().await.unwrap();
}

#[tokio::test]
async fn a_stranger_with_the_password_is_asked_for_a_code_and_the_owner_is_told_why() {
    let (app, _) = at_home("stranger", "").await;
    let mut stranger = browser(&app, [203, 0, 113, 9], CHROME);
    let page = stranger.get("/sign-in").await;
    let fields = [("identifier", ADA), ("password", PASSWORD)];
    let verify = stranger.submit(&page, "/sign-in", &fields).await;
    assert!(verify.path.starts_with("/verify?journey="), "{}: {}", verify.path, verify.text);
    assert!(verify.says("This sign-in looks unusual") && verify.says("a…@example.com"), "{}", verify.text);

    deliver(&app).await;
    let messages = app.catcher().unwrap().messages();
    let letter = messages.iter().find(|it| it.to == ADA).unwrap();
    let text = &letter.text.text;
    for told in
        ["Chrome · Windows, Recife, BR", "a device that we had not seen before", "a country in which you"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(text.contains("change your password"), "{text}");
    let subject = format!("account:{}", account_of(&app, ADA).await);
    let entries = AuditLog::new(app.ports().clone());
    let entries = entries.entries_about(&subject, PageRequest::first(100)).await.unwrap().items;
    let challenged = entries.iter().find(|it| it.event_type == "ciam.session.challenged.v1").unwrap();
    assert_eq!(challenged.data["risk"], "medium");
    let reasons = challenged.data["risk_reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|it| it == "new_country"), "{reasons:?}");

    // Without the code there is no session; with it there is.
    assert_eq!(stranger.get("/account").await.path, "/sign-in");
    let wrong = stranger.submit(&verify, "/verify", &[("code", "000000"), ("action", "verify")]).await;
    assert!(wrong.path.starts_with("/verify"), "{}", wrong.path);
    let code = letter.code.clone().unwrap();
    let done = stranger.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
    deliver(&app).await;
    let notice = app.catcher().unwrap().messages().into_iter().find(|it| it.to == ADA).unwrap().text.text;
    assert!(notice.contains("What was unusual about it: "), "{notice}");
    // And where they look themselves.
    let activity = stranger.get("/account/privacy/activity").await;
    for told in ["Sign-in to be confirmed by a code", "a device that we had not seen before", ": Recife, BR"]
    {
        assert!(activity.says(told), "{told}: {}", activity.text);
    }
}

#[tokio::test]
async fn the_owner_at_home_is_asked_for_nothing() {
    let (app, mut owner) = at_home("owner", "").await;
    owner.cookies.retain(|name, _| name.contains("device"));
    sign_in(&mut owner, ADA, PASSWORD).await;
    // Nor is another browser there: a new device at home is not unusual.
    sign_in(&mut browser(&app, [192, 0, 2, 7], FIREFOX), ADA, PASSWORD).await;
}

#[tokio::test]
async fn an_operator_may_do_without() {
    let (app, _) = at_home("without", "[risk]\nadaptive = false\n").await;
    sign_in(&mut browser(&app, [203, 0, 113, 9], CHROME), ADA, PASSWORD).await;
}
