//! The API of organizations, and what a stranger finds there.

use axum::body::Body;
use ciam_core::actor::Actor;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::{
    api::{BASE, document, tests::schema},
    app::App,
    testing::{Browser, Seen, app, mail, sign_in, sign_up},
};

const PASSWORD: &str = "quiet-river-lantern-42";
const ORIGIN: &str = "http://localhost:8080";

struct World {
    app: App,
    /// Owns Example Ltd.
    dana: Browser,
    /// Belongs to nothing.
    eve: Browser,
    /// Example Ltd.
    id: String,
}

impl World {
    async fn new() -> Self {
        let app = app(&[]).await;
        let (mut dana, mut eve) = (Browser::new(&app), Browser::new(&app));
        sign_in(&mut dana, "demo@example.com", PASSWORD).await;
        sign_up(&app, &mut eve, "eve@example.com").await;
        let found = app.ports().store().organization_by_slug("example").await.unwrap().unwrap();
        Self { app, dana, eve, id: found.value.id.to_string() }
    }

    /// The token of the newest invitation of an address.
    async fn invitation(&self, email: &str) -> String {
        mail(&self.app, email).await;
        let messages = self.app.catcher().unwrap().messages();
        let message = messages.iter().find(|it| it.to == email).unwrap();
        let link = message
            .text
            .text
            .split("/invitation?token=")
            .nth(1)
            .unwrap_or_else(|| panic!("{}", message.text.text));
        link.split_whitespace().next().unwrap().to_owned()
    }
}

async fn call(browser: &mut Browser, method: &str, path: &str, body: Option<Value>) -> Seen {
    let request = Request::builder()
        .method(method.parse::<Method>().unwrap())
        .uri(format!("{BASE}{path}"))
        .header("origin", ORIGIN)
        .header("content-type", "application/json");
    browser.send(request, body.map_or_else(Body::empty, |it| Body::from(it.to_string()))).await
}

/// Calls, and holds the answer to what is written of it.
async fn described(
    browser: &mut Browser,
    method: &str,
    path: &str,
    template: &str,
    body: Option<Value>,
) -> Value {
    let seen = call(browser, method, path, body).await;
    schema::assert_response(&document::document(), template, &method.to_lowercase(), &seen);
    serde_json::from_str(&seen.text).unwrap_or(Value::Null)
}

fn code(seen: &Seen) -> (u16, String) {
    let problem: Value = serde_json::from_str(&seen.text).unwrap_or(Value::Null);
    (seen.status.as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_owner_invites_and_the_invited_joins_and_leaves() {
    let mut world = World::new().await;
    let id = world.id.clone();
    let invitations = format!("/organizations/{id}/invitations");
    let template = "/organizations/{id}/invitations";
    let body = json!({ "email": "eve@example.com", "roles": ["member"] });
    described(&mut world.dana, "POST", &invitations, template, Some(body)).await;
    let open = described(&mut world.dana, "GET", &invitations, template, None).await;
    assert_eq!(open["items"][0]["email"], "eve@example.com");
    let token = world.invitation("eve@example.com").await;
    let body = json!({ "token": token });
    let wrong = call(&mut world.dana, "POST", "/invitations/accept", Some(body.clone())).await;
    assert_eq!(code(&wrong), (403, "not_allowed".to_owned()));
    described(&mut world.eve, "POST", "/invitations/accept", "/invitations/accept", Some(body.clone())).await;
    let again = call(&mut world.eve, "POST", "/invitations/accept", Some(body)).await;
    assert_eq!(code(&again), (422, "not_proved".to_owned()));

    let mine = described(&mut world.eve, "GET", "/organizations", "/organizations", None).await;
    assert_eq!(
        (&mine["items"][0]["slug"], &mine["items"][0]["roles"]),
        (&json!("example"), &json!(["member"]))
    );
    let members = format!("/organizations/{id}/members");
    let denied = call(&mut world.eve, "GET", &members, None).await;
    assert_eq!(code(&denied), (403, "not_allowed".to_owned()));
    let list = described(&mut world.dana, "GET", &members, "/organizations/{id}/members", None).await;
    let eve = list["items"].as_array().unwrap().iter().find(|it| it["email"] == "eve@example.com").unwrap();
    let one = format!("{members}/{}", eve["account"].as_str().unwrap());
    let template = "/organizations/{id}/members/{account}";
    let body = json!({ "roles": ["admin"] });
    described(&mut world.dana, "PATCH", &one, template, Some(body)).await;
    assert_eq!(described(&mut world.eve, "GET", &one, template, None).await["roles"], json!(["admin"]));
    // An administrator does not raise themselves.
    let raised = call(&mut world.eve, "PATCH", &one, Some(json!({ "roles": ["owner"] }))).await;
    assert_eq!(code(&raised), (403, "not_allowed".to_owned()));
    described(&mut world.eve, "DELETE", &one, template, None).await;
    let gone = call(&mut world.eve, "GET", &members, None).await;
    assert_eq!(code(&gone), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_session_acts_for_an_organization_under_another_secret() {
    let mut world = World::new().await;
    let before = world.dana.cookies.clone();
    let body = json!({ "organization": world.id });
    described(&mut world.dana, "PUT", "/acting", "/acting", Some(body)).await;
    assert_ne!(world.dana.cookies, before);
    let mine = described(&mut world.dana, "GET", "/organizations", "/organizations", None).await;
    assert_eq!(mine["items"][0]["acting"], true);
    let mut old = Browser::new(&world.app);
    old.cookies = before;
    assert_eq!(call(&mut old, "GET", "/organizations", None).await.status, StatusCode::UNAUTHORIZED);
    let body = json!({ "organization": null });
    described(&mut world.dana, "PUT", "/acting", "/acting", Some(body)).await;
}

#[tokio::test]
async fn an_organization_of_others_is_as_one_that_does_not_exist() {
    let mut world = World::new().await;
    let calls = [
        ("GET", "", None),
        ("PATCH", "", Some(json!({ "name": "Mine" }))),
        ("GET", "/members", None),
        ("GET", "/members/01890000-0000-7000-8000-000000000000", None),
        ("PATCH", "/members/01890000-0000-7000-8000-000000000000", Some(json!({ "roles": ["owner"] }))),
        ("DELETE", "/members/01890000-0000-7000-8000-000000000000", None),
        ("GET", "/invitations", None),
        ("POST", "/invitations", Some(json!({ "email": "a@example.com", "roles": ["member"] }))),
        ("DELETE", "/invitations/01890000-0000-7000-8000-000000000000", None),
        ("GET", "/roles", None),
        ("PUT", "/roles/x", Some(json!({ "permissions": [] }))),
        ("DELETE", "/roles/x", None),
        ("GET", "/domains", None),
        ("POST", "/domains", Some(json!({ "domain": "acme.example" }))),
        ("POST", "/domains/acme.example/verify", None),
        ("DELETE", "/domains/acme.example", None),
        ("GET", "/policy", None),
    ];
    for (method, path, body) in calls {
        let mut answers = Vec::new();
        for id in [world.id.as_str(), "01890000-0000-7000-8000-000000000001", "nonsense"] {
            let seen =
                call(&mut world.eve, method, &format!("/organizations/{id}{path}"), body.clone()).await;
            answers.push((seen.status, seen.text));
        }
        assert_eq!(answers[0].0, StatusCode::NOT_FOUND, "{method} {path}: {answers:?}");
        assert!(answers.iter().all(|it| *it == answers[0]), "{method} {path}: {answers:?}");
    }
    let body = json!({ "organization": world.id });
    assert_eq!(call(&mut world.eve, "PUT", "/acting", Some(body)).await.status, StatusCode::NOT_FOUND);
    // The pages say the same.
    let (theirs, missing) =
        (world.eve.get("/organizations/example").await, world.eve.get("/organizations/missing").await);
    assert_eq!((theirs.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn roles_domains_and_policy_are_kept_as_described() {
    let mut world = World::new().await;
    let base = format!("/organizations/{}", world.id);
    let dana = &mut world.dana;
    let role = json!({ "permissions": ["member:read"], "inherits": ["member"], "description": "Looks" });
    let template = "/organizations/{id}/roles/{name}";
    described(dana, "PUT", &format!("{base}/roles/viewer"), template, Some(role)).await;
    let unknown = json!({ "permissions": ["plan:gold"] });
    let refused = call(dana, "PUT", &format!("{base}/roles/gold"), Some(unknown)).await;
    assert_eq!(code(&refused), (403, "not_allowed".to_owned()), "nobody makes up permissions");
    let roles = described(dana, "GET", &format!("{base}/roles"), "/organizations/{id}/roles", None).await;
    let viewer = roles.as_array().unwrap().iter().find(|it| it["name"] == "viewer").unwrap();
    assert_eq!(viewer["own"], true);
    described(dana, "DELETE", &format!("{base}/roles/viewer"), template, None).await;

    let domain = json!({ "domain": "Acme.Example" });
    let claim =
        described(dana, "POST", &format!("{base}/domains"), "/organizations/{id}/domains", Some(domain))
            .await;
    assert_eq!(
        (&claim["state"], &claim["txt_name"]),
        (&json!("pending"), &json!("_ciam-challenge.acme.example"))
    );
    let shared = call(dana, "POST", &format!("{base}/domains"), Some(json!({ "domain": "gmail.com" }))).await;
    assert_eq!(code(&shared), (422, "unacceptable".to_owned()));

    let policy = json!({
        "methods": [], "acr": "urn:ciam:acr:aal1", "session_idle": 3600, "session_absolute": null,
        "join_domains": ["example.com"], "auto_join_role": null, "connection": null,
    });
    let template = "/organizations/{id}/policy";
    described(dana, "PUT", &format!("{base}/policy"), template, Some(policy.clone())).await;
    assert_eq!(described(dana, "GET", &format!("{base}/policy"), template, None).await, policy);
    // Nobody locks themselves out.
    let mut strict = policy.clone();
    strict["methods"] = json!(["hwk"]);
    assert_eq!(
        call(dana, "PUT", &format!("{base}/policy"), Some(strict)).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    // Configured is used: what the tenant demands, the console and the API demand.
    let organizations = &world.app.services().organizations;
    let mut demand = ciam_core::organization::OrganizationPolicy::default();
    demand.methods.insert("hwk".to_owned());
    let id = world.id.parse().unwrap();
    organizations.set_policy(&Actor::system("test"), id, &demand).await.unwrap();
    let stopped = call(&mut world.dana, "GET", &format!("{base}/members"), None).await;
    assert_eq!(code(&stopped), (403, "step_up_required".to_owned()));
    let page = world.dana.get("/organizations/example").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.says("another way of signing in"), "{}", page.text);
    let body = json!({ "organization": world.id });
    assert_eq!(code(&call(&mut world.dana, "PUT", "/acting", Some(body)).await).1, "step_up_required");
}
