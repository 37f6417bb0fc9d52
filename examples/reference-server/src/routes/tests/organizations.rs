//! The console of an organization, its invitations and the choice of one.

use http::StatusCode;

use crate::{
    app::App,
    pages::organization::Section,
    testing::{Browser, Seen, app, mail, sign_in, sign_up},
};

const PASSWORD: &str = "quiet-river-lantern-42";

async fn dana(app: &App) -> Browser {
    let mut browser = Browser::new(app);
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    browser
}

async fn invitation_link(app: &App, email: &str) -> String {
    mail(app, email).await;
    let messages = app.catcher().unwrap().messages();
    let message = messages.iter().find(|it| it.to == email).unwrap();
    let text = &message.text.text;
    let token = text.split("/invitation?token=").nth(1).unwrap_or_else(|| panic!("{text}"));
    format!("/invitation?token={}", token.split_whitespace().next().unwrap())
}

#[tokio::test]
async fn every_section_is_there_for_the_owner_and_for_nobody_else() {
    let app = app(&[]).await;
    let (mut dana, mut stranger, mut eve) = (dana(&app).await, Browser::new(&app), Browser::new(&app));
    sign_up(&app, &mut eve, "eve@example.com").await;
    for section in Section::ALL {
        let path = section.path("example");
        let page = dana.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{section:?}: {}", page.text);
        assert!(page.says("Example Ltd"), "{section:?}");
        assert_eq!(stranger.get(&path).await.path, "/sign-in", "{section:?}");
        let (theirs, missing) = (eve.get(&path).await, eve.get(&section.path("missing")).await);
        assert_eq!((theirs.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    }
}

#[tokio::test]
async fn somebody_is_invited_joins_is_given_a_role_and_removed() {
    let app = app(&[]).await;
    let (mut dana, mut eve) = (dana(&app).await, Browser::new(&app));
    sign_up(&app, &mut eve, "eve@example.com").await;
    let path = "/organizations/example/invitations";
    let page = dana.get(path).await;
    let fields = [("do", "invite"), ("email", "eve@example.com"), ("role.member", "yes")];
    let page = post(&mut dana, &page, path, &fields).await;
    assert!(page.says("eve@example.com") && page.says("Done."), "{}", page.text);

    let link = invitation_link(&app, "eve@example.com").await;
    let other = dana.get(&link).await;
    assert!(other.says("signed in with another account") && !other.text.contains("action=\"/invitation\""));
    let page = eve.get(&link).await;
    assert!(page.says("Example Ltd"), "{}", page.text);
    let joined = eve.submit(&page, "/invitation", &[]).await;
    assert_eq!(joined.path, "/account/organizations?done=joined");
    assert!(joined.says("Example Ltd"));
    for used in [eve.get(&link).await, eve.get("/invitation?token=nonsense").await] {
        assert!(used.says("This invitation is no longer good"), "{}", used.text);
    }

    let members = dana.get("/organizations/example/members").await;
    let link = members.text.split("href=\"/organizations/example/members/").skip(1);
    let links: Vec<String> = link.map(|it| it.split('"').next().unwrap().to_owned()).collect();
    let mut eves = String::new();
    for id in links {
        let path = format!("/organizations/example/members/{id}");
        if dana.get(&path).await.says("eve@example.com") {
            eves = path;
        }
    }
    let page = dana.get(&eves).await;
    let page = post(&mut dana, &page, &eves, &[("do", "roles"), ("role.admin", "yes")]).await;
    assert!(page.says("Done."), "{}", page.text);
    // An administrator has no box for `owner`, and what is posted anyway is refused.
    let page = eve.get(&eves).await;
    assert!(page.text.contains("name=\"role.admin\"") && !page.text.contains("name=\"role.owner\""));
    let raised = post(&mut eve, &page, &eves, &[("do", "roles"), ("role.owner", "yes")]).await;
    assert_eq!(raised.status, StatusCode::FORBIDDEN, "{}", raised.text);
    let page = dana.get(&eves).await;
    post(&mut dana, &page, &eves, &[("do", "remove")]).await;
    assert_eq!(dana.get(&eves).await.status, StatusCode::NOT_FOUND);
    assert_eq!(eve.get("/organizations/example").await.status, StatusCode::NOT_FOUND);
}

/// Posts these fields with the token of a page's form.
async fn post(browser: &mut Browser, page: &Seen, action: &str, fields: &[(&str, &str)]) -> Seen {
    let token = page.hidden(action).into_iter().filter(|(name, _)| name == "csrf").take(1);
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all: Vec<_> = token.chain(fields).collect();
    let seen = browser.post(action, &all).await;
    browser.follow(seen).await
}

#[tokio::test]
async fn an_organization_is_created_renamed_and_kept_by_its_last_owner() {
    let app = app(&[]).await;
    let mut dana = dana(&app).await;
    let page = dana.get("/account/organizations").await;
    let fields = [("do", "create"), ("name", "Acme"), ("slug", "acme")];
    let made = post(&mut dana, &page, "/account/organizations", &fields).await;
    assert_eq!(made.path, "/organizations/acme", "{}", made.text);
    let again = post(&mut dana, &page, "/account/organizations", &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.says("is taken"));

    let page = dana.get("/organizations/acme").await;
    let page = dana.submit(&page, "/organizations/acme", &[("name", "Acme & Sons")]).await;
    assert!(page.says("Acme & Sons"), "{}", page.text);
    let leave = post(&mut dana, &page, "/organizations/acme", &[("do", "leave")]).await;
    assert_eq!(leave.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(leave.says("keeps an owner"), "{}", leave.text);
}

#[tokio::test]
async fn who_belongs_to_many_chooses_on_the_way_to_an_application() {
    let app = app(&[]).await;
    let mut dana = dana(&app).await;
    let organizations = &app.services().organizations;
    let account = app
        .ports()
        .store()
        .account_by_identifier(&ciam_core::account::IdentifierKey::email("demo@example.com").unwrap())
        .await
        .unwrap()
        .unwrap();
    let slug = ciam_core::organization::Slug::new("acme").unwrap();
    let tenant = ciam_core::actor::Actor::system("test");
    organizations.create(&tenant, slug, "Acme", Some(account.value.id)).await.unwrap();
    let query = "response_type=code&client_id=relying-party&redirect_uri=http%3A%2F%2Flocalhost%3A8081%2Fcallback&\
                 scope=openid%20organization&state=x&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&\
                 code_challenge_method=S256";
    let page = dana.get(&format!("/authorize?{query}")).await;
    assert!(page.path.starts_with("/choose-organization?handle="), "{} {}", page.path, page.text);
    assert!(page.says("Acme") && page.says("Example Ltd"));
    let fields = page.hidden("/choose-organization");
    let consent = dana.post("/choose-organization", &fields).await;
    let consent = dana.follow(consent).await;
    assert!(consent.path.starts_with("/consent?"), "{}", consent.path);
    assert!(consent.says("See your organization"));
}
