//! Sign-up by invitation: the letter, the page, the account, and every way in which it goes wrong.

use ciam_core::{
    account::{IdentifierKey, Profile},
    actor::Actor,
    journey::AccountInvitations,
    organization::{RoleName, Slug},
};
use http::StatusCode;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, Seen, app, mail, sign_in, sign_up},
};

const GRACE: &str = "grace@example.com";

/// Invites into the demo organization, and gives the link of the letter.
async fn invited(app: &App, email: &str) -> String {
    let organizations = &app.services().organizations;
    let id = organizations.named("example").await.unwrap().unwrap();
    let roles = [RoleName::member()].into();
    organizations.invite(&Actor::system("test"), id, email, roles, Vec::new()).await.unwrap();
    letter(app, email).await
}

async fn letter(app: &App, email: &str) -> String {
    mail(app, email).await;
    let messages = app.catcher().unwrap().messages();
    let text = messages.iter().find(|it| it.to == email).unwrap().text.text.clone();
    let token = text.split("/invitation?token=").nth(1).unwrap_or_else(|| panic!("{text}"));
    format!("/invitation?token={}", token.split_whitespace().next().unwrap())
}

async fn join(browser: &mut Browser, link: &str, action: &str, password: &str) -> Seen {
    let page = browser.get(link).await;
    let fields = [("name", "Grace"), ("password", password), ("action", action)];
    browser.submit(&page, "/invitation", &fields).await
}

#[tokio::test]
async fn an_invited_person_follows_the_letter_signs_up_and_is_a_member() {
    let app = app(&[]).await;
    let link = invited(&app, GRACE).await;
    let mut grace = Browser::new(&app);
    let page = grace.get(&link).await;
    assert!(
        page.says("Example Ltd") && page.says(GRACE) && page.says("Create account and accept"),
        "{}",
        page.text
    );
    let short = join(&mut grace, &link, "join", "short").await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.says("Use at least"), "{}", short.text);
    assert!(short.text.contains("value=\"Grace\""), "what was typed stays");
    let joined = join(&mut grace, &link, "join", PASSWORD).await;
    assert_eq!(joined.path, "/account", "{}", joined.text);
    let own = grace.get("/account/organizations").await;
    assert!(own.says("Example Ltd") && own.says("member"), "{}", own.text);
    // Once; and the password is theirs.
    let mut other = Browser::new(&app);
    let used = other.get(&link).await;
    assert_eq!(used.status, StatusCode::GONE);
    assert!(used.says("This invitation is no longer good"), "{}", used.text);
    sign_in(&mut other, GRACE, PASSWORD).await;
}

#[tokio::test]
async fn a_person_without_a_password_joins_with_the_letter_alone() {
    let app = app(&[]).await;
    let link = invited(&app, GRACE).await;
    let mut grace = Browser::new(&app);
    let joined = join(&mut grace, &link, "passwordless", "").await;
    assert_eq!(joined.path, "/account", "{}", joined.text);
    assert!(grace.get("/account/organizations").await.says("Example Ltd"));
}

#[tokio::test]
async fn who_has_an_account_signs_in_and_comes_back_to_the_invitation() {
    let app = app(&[]).await;
    let mut grace = Browser::new(&app);
    sign_up(&app, &mut grace, GRACE).await;
    let link = invited(&app, GRACE).await;
    let mut elsewhere = Browser::new(&app);
    let taken = join(&mut elsewhere, &link, "join", PASSWORD).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.says("There is an account with this address already"), "{}", taken.text);
    let href = taken.text.split("href=\"").find(|it| it.starts_with("/sign-in?continue=")).unwrap();
    let page = elsewhere.get(&href.split('"').next().unwrap().replace("&#x2f;", "/")).await;
    let fields = [("identifier", GRACE), ("password", PASSWORD)];
    let back = elsewhere.submit(&page, "/sign-in", &fields).await;
    assert_eq!(back.path, link, "{}", back.text);
    let joined = elsewhere.submit(&back, "/invitation", &[("action", "accept")]).await;
    assert_eq!(joined.path, "/account/organizations?done=joined", "{}", joined.text);
}

#[tokio::test]
async fn another_account_cannot_accept_and_a_letter_that_is_late_or_withdrawn_is_none() {
    let app = app(&[]).await;
    let mut eve = Browser::new(&app);
    sign_up(&app, &mut eve, "eve@example.com").await;
    let link = invited(&app, GRACE).await;
    let other = eve.get(&link).await;
    assert!(other.says("signed in with another account") && !other.text.contains("action=\"/invitation\""));
    let organizations = &app.services().organizations;
    let id = organizations.named("example").await.unwrap().unwrap();
    let tenant = Actor::system("test");
    let open =
        organizations.invitations(&tenant, id, ciam_core::store::PageRequest::first(10)).await.unwrap();
    organizations.revoke_invitation(&tenant, id, open.items[0].invitation.id).await.unwrap();
    for gone in [link.as_str(), "/invitation?token=invented"] {
        let page = Browser::new(&app).get(gone).await;
        assert_eq!(page.status, StatusCode::GONE, "{gone}");
        assert!(!page.says("Example Ltd"));
    }
    assert_eq!(eve.get("/invitation").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_tenant_invites_where_nobody_may_register() {
    let folder = std::env::temp_dir().join(format!("ciam-invited-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    std::fs::write(&file, "[ui]\nsign_up = false\n").unwrap();
    let app = app(&["--config", file.to_str().unwrap()]).await;
    let (email, by) = (IdentifierKey::email(GRACE).unwrap(), Actor::system("test"));
    let mut profile = Profile::new();
    profile.set("nickname", "the admiral").unwrap();
    let invitations = AccountInvitations::new(app.ports().clone());
    invitations.invite(&email, profile, vec!["de".to_owned()], &by).await.unwrap();
    let link = letter(&app, GRACE).await;
    let subject = mail(&app, GRACE).await.0;
    assert!(subject.starts_with("Sie sind zu "), "{subject}");
    let mut grace = Browser::new(&app);
    assert!(grace.get("/sign-up").await.says("Registration is closed"));
    let page = grace.get(&link).await;
    assert!(page.says("You are invited") && page.says(GRACE), "{}", page.text);
    let joined = join(&mut grace, &link, "join", PASSWORD).await;
    assert_eq!(joined.path, "/account", "{}", joined.text);
    assert_eq!(Browser::new(&app).get(&link).await.status, StatusCode::GONE);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn two_organizations_invite_one_person_who_joins_both() {
    let app = app(&[]).await;
    let organizations = &app.services().organizations;
    let tenant = Actor::system("test");
    let acme = organizations.create(&tenant, Slug::new("acme").unwrap(), "Acme", None).await.unwrap();
    let first = invited(&app, GRACE).await;
    organizations.invite(&tenant, acme.id, GRACE, [RoleName::member()].into(), Vec::new()).await.unwrap();
    let second = letter(&app, GRACE).await;
    let mut grace = Browser::new(&app);
    assert_eq!(join(&mut grace, &first, "join", PASSWORD).await.path, "/account");
    let page = grace.get(&second).await;
    let joined = grace.submit(&page, "/invitation", &[("action", "accept")]).await;
    assert!(joined.says("Acme") && joined.says("Example Ltd"), "{}", joined.text);
}
