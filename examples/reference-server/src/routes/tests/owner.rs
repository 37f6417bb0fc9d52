//! The owner changes what they sign in with.

use http::StatusCode;

use crate::testing::{Browser, PASSWORD, app, mail, person, sign_in};

const NEW: &str = "a completely different sentence";

/// The address in a message that begins with this path.
fn link(text: &str, path: &str) -> String {
    let address = text.split_whitespace().find(|it| it.contains(path)).unwrap();
    format!("{path}{}", address.split_once(path).unwrap().1)
}

#[tokio::test]
async fn an_address_is_changed_by_the_code_and_taken_back_by_the_link() {
    let app = app(&[]).await;
    let mut browser = person(&app, "old@example.com").await;
    let page = browser.get("/account/identifiers?replaces=old%40example.com").await;
    assert!(page.says("It takes the place of old@example.com"));
    let path = "/account/identifiers";
    let fields = [("action", "add"), ("identifier", "new@example.com"), ("replaces", "old@example.com")];
    let asked = browser.submit_one(&page, path, &fields).await;
    assert!(asked.says("We sent a code to new@example.com"), "{}", asked.text);
    let (_, code) = mail(&app, "new@example.com").await;
    assert!(browser.get(path).await.says("old@example.com"), "nothing changes before the proof");

    let confirm = "/account/identifiers/confirm";
    let wrong = browser.submit(&asked, confirm, &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.says("That code is no longer good"));
    // The link of the message in another browser: the same answer as for any other that is not good.
    let mut other = person(&app, "other@example.com").await;
    let stolen = other.get(&asked.path).await;
    assert_eq!(stolen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stolen.says("That code is no longer good") && !stolen.says("new@example.com"));

    let done = browser.submit(&asked, confirm, &[("code", &code)]).await;
    assert!(done.says("It is yours now") && done.says("new@example.com") && !done.says("old@example.com"));
    mail(&app, "old@example.com").await;
    let letter = app.catcher().unwrap().messages().into_iter().find(|it| it.to == "old@example.com");
    let revert = link(&letter.unwrap().text.text, "/identifier/revert");
    let mut stranger = Browser::new(&app);
    let offered = stranger.get(&revert).await;
    assert!(offered.says("old@example.com was removed from an account"));
    assert!(browser.get(path).await.says("new@example.com"), "looking takes nothing back");
    let back = stranger.submit(&offered, "/identifier/revert", &[]).await;
    assert!(back.says("It is yours again"));
    assert_eq!(browser.get(path).await.path, "/sign-in", "every session is over");
    let again = stranger.get(&revert).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    sign_in(&mut browser, "old@example.com", PASSWORD).await;
    assert!(browser.get(path).await.says("old@example.com"));
}

#[tokio::test]
async fn a_new_password_signs_out_everybody_else() {
    let app = app(&[]).await;
    let mut here = person(&app, "ada@example.com").await;
    let mut there = Browser::new(&app);
    sign_in(&mut there, "ada@example.com", PASSWORD).await;
    let path = "/account/security";
    let page = here.get(path).await;
    let short = here.submit_one(&page, path, &[("action", "password"), ("new-password", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.says("Use at least 15 characters"));
    let done = here.submit_one(&page, path, &[("action", "password"), ("new-password", NEW)]).await;
    assert!(done.says("Your password is saved"));
    assert_eq!(there.get(path).await.path, "/sign-in");
    assert_eq!(here.get("/account").await.path, "/account");
    sign_in(&mut there, "ada@example.com", NEW).await;
}

#[tokio::test]
async fn the_last_way_in_and_the_last_address_stay() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let page = browser.get("/account/identifiers").await;
    let fields = [("action", "remove"), ("value", "ada@example.com")];
    let refused = browser.submit_one(&page, "/account/identifiers", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("This is the last verified address or number"));
    let foreign = [("action", "remove"), ("value", "demo@example.com")];
    let foreign = browser.submit_one(&page, "/account/identifiers", &foreign).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST, "only one's own");
}

#[tokio::test]
async fn a_name_is_set_and_those_of_the_house_are_not() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let page = browser.get("/account/identifiers").await;
    let path = "/account/identifiers";
    for (name, says) in [("admin", "This name is not available"), ("x y", "Enter 2 to 64 letters")] {
        let refused = browser.submit_one(&page, path, &[("action", "username"), ("username", name)]).await;
        assert!(refused.says(says) && refused.text.contains(&format!("value=\"{name}\"")), "{name}");
    }
    let done = browser.submit_one(&page, path, &[("action", "username"), ("username", "Lovelace")]).await;
    assert!(done.says("Your username is saved") && done.says("lovelace"));
    let mut other = Browser::new(&app);
    sign_in(&mut other, "lovelace", PASSWORD).await;
}

#[tokio::test]
async fn an_account_is_closed_and_its_owner_told_until_when_it_comes_back() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let page = browser.get("/account/security").await;
    assert!(page.says("For 30 days"));
    let closed = browser.submit_one(&page, "/account/security", &[("action", "close")]).await;
    assert!(closed.says("Your account is closed") && closed.says("Changed your mind?"));
    assert_eq!(browser.get("/account").await.path, "/sign-in");
    let (subject, _) = mail(&app, "ada@example.com").await;
    assert!(subject.contains("is closed"), "{subject}");

    let page = browser.get("/sign-in").await;
    let fields = [("identifier", "ada@example.com"), ("password", PASSWORD)];
    let offered = browser.submit(&page, "/sign-in", &fields).await;
    assert!(offered.says("Take my account back"), "{}", offered.text);
    assert_eq!(browser.get("/account").await.path, "/sign-in", "there is no session before");
    let back = browser.submit(&offered, "/take-back", &[]).await;
    assert_eq!(back.path, "/account", "{}", back.text);
}

#[tokio::test]
async fn a_profile_has_the_fields_of_the_schema_and_keeps_what_was_typed() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let page = browser.get("/account/profile").await;
    for label in ["Given name", "Date of birth", "Time zone", "Website"] {
        assert!(page.says(label), "{label}");
    }
    let path = "/account/profile";
    let fields = [("given_name", "Augusta"), ("website", "javascript:alert(1)"), ("birthdate", "1815-12-10")];
    let refused = browser.submit_one(&page, path, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("Enter a web address that begins with"));
    for kept in ["Augusta", "1815-12-10", "javascript:alert(1)"] {
        assert!(refused.text.contains(&format!("value=\"{kept}\"")), "{kept} is lost");
    }
    let saved = browser.submit_one(&page, path, &[("given_name", "Augusta"), ("website", "")]).await;
    assert!(saved.says("Your changes are saved") && saved.text.contains("value=\"Augusta\""));
    // What is no attribute, and what is not theirs to change, is not even read.
    browser.submit_one(&page, path, &[("email_verified", "true"), ("role", "admin")]).await;
}
