//! What is kept about a person, what they agreed to, and the end of it.

use ciam_core::{
    actor::Actor,
    audit::AuditLog,
    event::{Event, EventType},
    organization::{RoleName, Slug},
    relay::Relay,
    terms::{AcceptedHow, DocumentName, Terms, TermsText, TermsVersion},
};
use http::StatusCode;

use crate::{
    app::App,
    privacy::audit_sink,
    testing::{Browser, PASSWORD, account_of, app, mail, person},
};

const PATH: &str = "/account/privacy";

/// Delivers the events to the audit log.
async fn audit(app: &App) {
    let notifier = std::sync::Arc::new(ciam_core::memory::MemoryNotifier::new());
    let relay = Relay::new(app.ports().clone(), notifier).with_sink(audit_sink(app.ports()));
    for _ in 0..5 {
        relay.deliver_pending().await.unwrap();
    }
}

#[tokio::test]
async fn a_consent_to_a_purpose_is_given_proved_and_taken_back() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let page = browser.get(PATH).await;
    assert!(page.says("We write to you by email about news") && page.says("Agree"));
    let given = browser.submit_one(&page, PATH, &[("action", "give"), ("purpose", "newsletter")]).await;
    assert!(
        given.says("Your consent is recorded") && given.says("version 1") && given.says("shown in English")
    );
    let digest = ciam_core::secret::TokenDigest::of(
        "Newsletter\nWe write to you by email about news of this demonstration, at most once a month.",
    );
    assert!(given.says(&format!("Proof of the text: {}", digest.to_text())), "{}", given.text);
    let taken = [("action", "withdraw"), ("recipient", "purpose:newsletter")];
    let taken = browser.submit_one(&given, PATH, &taken).await;
    assert!(taken.says("Your consent is taken back") && !taken.says("Proof of the text"));
    let history = browser.get("/account/privacy/consents").await;
    assert_eq!(history.text.matches("<tr>").count(), 3, "{}", history.text);
    assert!(history.says("On this page") && history.says("Taken back") && history.says("version 1"));
    for wrong in [
        &[("action", "give"), ("purpose", "something")][..],
        &[("action", "withdraw"), ("recipient", "newsletter")],
        &[("action", "something")],
    ] {
        assert_eq!(browser.submit_one(&page, PATH, wrong).await.status, StatusCode::BAD_REQUEST);
    }
    let german = browser.get("/account/privacy?ui_locales=de").await;
    assert!(german.says("Wir schreiben Ihnen höchstens einmal"));
}

#[tokio::test]
async fn terms_are_shown_with_the_version_that_was_accepted() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    assert!(browser.get(PATH).await.says("You have not accepted any terms"));
    let (terms, document) = (Terms::new(app.ports().clone()), DocumentName::new("tos").unwrap());
    let now = app.ports().now();
    for (version, url) in [("one", "https://example.com/1"), ("two", "javascript:alert(1)")] {
        let text = TermsText::of("…").with_title(format!("Terms <{version}>")).with_url(url);
        let version = TermsVersion::new(document.clone(), version, now).with_text("en", text);
        terms.publish(version, &Actor::system("test")).await.unwrap();
    }
    let account = account_of(&app, "ada@example.com").await;
    for version in ["one", "two"] {
        terms.accept(account, &document, version, &[], AcceptedHow::SignIn).await.unwrap();
    }
    let page = browser.get(PATH).await;
    assert!(page.says("Terms <one>") && page.says("Version one, accepted") && page.says("Version two"));
    assert!(page.text.contains("href=\"https://example.com/1\"") && !page.text.contains("javascript:"));
}

#[tokio::test]
async fn what_happened_is_told_in_words_the_newest_first_and_of_nobody_else() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    // Before the next letter is delivered, and events with it to nobody.
    audit(&app).await;
    let mut other = person(&app, "bob@example.com").await;
    audit(&app).await;
    let log = AuditLog::new(app.ports().clone());
    let ada = account_of(&app, "ada@example.com").await;
    let bob = account_of(&app, "bob@example.com").await;
    for number in 0..55 {
        let by = [Actor::Account(ada), Actor::Account(bob), Actor::system("test")][number % 3].clone();
        let event = Event::new(app.ports(), EventType::ACCOUNT_UPDATED, format!("account:{ada}")).unwrap();
        log.append(&event.by(&by)).await.unwrap();
    }
    let strange =
        Event::new(app.ports(), EventType::new("ciam.strange.v1"), format!("account:{ada}")).unwrap();
    log.append(&strange).await.unwrap();
    let page = browser.get("/account/privacy/activity").await;
    let first = page.text.split("<tbody>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(first.contains("ciam.strange.v1"), "the newest comes first: {first}");
    assert_eq!(page.text.matches("<tr>").count(), 51);
    for text in ["Profile changed", "You", "An administrator", "The system"] {
        assert!(page.says(text), "{text}");
    }
    assert!(!page.says("Account created") && !page.text.contains(&bob.to_string()));
    let next = page.text.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let older = browser.get(next).await;
    for (text, there) in [("Account created", true), ("Signed in", true), ("ciam.strange.v1", false)] {
        assert_eq!(older.says(text), there, "{text}: {}", older.text);
    }
    let nonsense = format!("/account/privacy/activity?after={}", "x".repeat(600));
    assert_eq!(browser.get(&nonsense).await.status, StatusCode::BAD_REQUEST);
    let theirs = other.get("/account/privacy/activity").await;
    assert!(theirs.says("Account created") && theirs.text.matches("<tr>").count() < 20);
}

#[tokio::test]
async fn an_account_is_deleted_by_who_has_just_proved_that_it_is_theirs() {
    let clock = std::sync::Arc::new(ciam_core::testkit::ManualClock::default());
    let ports = ciam_core::memory::ports_with(
        clock.clone(),
        std::sync::Arc::new(ciam_core::entropy::SystemEntropy::new()),
    );
    let app = crate::testing::app_on(&[], ports).await;
    let mut browser = person(&app, "ada@example.com").await;
    clock.advance(time::Duration::minutes(6));
    let page = browser.get(PATH).await;
    assert!(page.says("Confirm that it is you") && !page.text.contains("value=\"delete\""));
    let refused = browser.submit_one(&page, PATH, &[("action", "delete")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("Confirm first that it is you"));
    let fields = [("current-password", PASSWORD)];
    let proved = browser.submit(&page, "/account/prove", &fields).await;
    assert!(proved.path.starts_with(PATH) && proved.text.contains("value=\"delete\""), "{}", proved.path);
    assert!(proved.says("everything that we keep about you is erased for good") && proved.says("30 days"));
    let closed = browser.submit_one(&proved, PATH, &[("action", "delete")]).await;
    assert!(closed.says("Your account is closed"));
    assert_eq!(browser.get(PATH).await.path, "/sign-in");
    let (subject, _) = mail(&app, "ada@example.com").await;
    assert!(subject.contains("is closed"), "{subject}");
    let account = account_of(&app, "ada@example.com").await;
    clock.advance(time::Duration::days(30));
    assert_eq!(crate::privacy::erasure(app.ports()).run(10).await.unwrap().erased, 1);
    let stored = app.ports().store().account(account).await.unwrap().unwrap().value;
    assert_eq!(stored.status, ciam_core::account::AccountStatus::Erased);
}

#[tokio::test]
async fn the_last_owner_is_told_where_to_hand_over_first() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    person(&app, "bob@example.com").await;
    let (ada, bob) = (account_of(&app, "ada@example.com").await, account_of(&app, "bob@example.com").await);
    let (organizations, tenant) = (&app.services().organizations, Actor::system("test"));
    let slug = Slug::new("acme").unwrap();
    let acme = organizations.create(&tenant, slug, "Acme <1>", Some(ada)).await.unwrap();
    let roles = [RoleName::new("member").unwrap()].into();
    organizations.add_member(&tenant, acme.id, bob, roles).await.unwrap();
    let page = browser.get(PATH).await;
    let refused = browser.submit_one(&page, PATH, &[("action", "delete")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("Others work in Acme <1>, and you are the last owner"), "{}", refused.text);
    assert_eq!(browser.get(PATH).await.path, PATH, "they are signed in");
    organizations.set_roles(&tenant, acme.id, bob, [RoleName::owner()].into()).await.unwrap();
    let closed = browser.submit_one(&page, PATH, &[("action", "delete")]).await;
    assert!(closed.says("Your account is closed"));
}

#[tokio::test]
async fn every_page_of_it_is_for_those_alone_who_are_signed_in() {
    let app = app(&[]).await;
    let mut stranger = Browser::new(&app);
    for path in ["", "/consents", "/activity", "/export"] {
        assert_eq!(stranger.get(&format!("{PATH}{path}")).await.path, "/sign-in", "{path}");
    }
    let mut browser = person(&app, "ada@example.com").await;
    let file = browser.get("/account/privacy/export").await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"export.json\"");
    let export: serde_json::Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!(export["identifiers"][0]["value"], "ada@example.com");
}
