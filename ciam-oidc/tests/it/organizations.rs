//! The organization that a person acts for, in ID tokens and at UserInfo.

use std::collections::BTreeSet;

use bytes::Bytes;
use ciam_core::actor::Actor;
use ciam_core::http::Peer;
use ciam_core::organization::{Organizations, RoleName, Slug};
use ciam_oauth::client::Client;
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::world::{Browser, World, claims_of};

const TENANT: Actor = Actor::system("test");

fn asks(client: Client) -> Client {
    let scopes = client.scopes.union(&"organization".parse().unwrap());
    client.with_scopes(scopes)
}

async fn userinfo(world: &World, token: &str) -> (u16, Value) {
    let request = Request::get("/userinfo").header(AUTHORIZATION, format!("Bearer {token}"));
    let request = request.body(Bytes::new()).unwrap();
    let response = world.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

#[tokio::test]
async fn the_id_token_and_userinfo_name_the_organization_and_forget_it_with_the_membership() {
    let world = World::with(asks, |config| config).await;
    let organizations = Organizations::new(world.ports.clone());
    let acme = organizations.create(&TENANT, Slug::new("acme").unwrap(), "Acme Ltd", None).await.unwrap();
    let account = world.account.value.id;
    let roles = BTreeSet::from([RoleName::member()]);
    organizations.add_member(&TENANT, acme.id, account, roles).await.unwrap();

    let mut browser = Browser::new(&world);
    let url = World::request("web", &[("scope", "openid organization offline_access")]);
    let back = world.follow(&mut browser, &url).await;
    let tokens = world.exchange("web", &back).await;
    let text = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let form = |token: &str| {
        vec![
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), token.to_owned()),
        ]
    };
    let refresh = async |token: &str| {
        let form = form(token);
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        world.post("/token", "web", &form).await
    };
    let (status, refreshed) = refresh(&text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200, "{refreshed}");
    let (status, info) = userinfo(&world, &text(&tokens, "access_token")).await;
    assert_eq!(status, 200, "{info}");
    let id_tokens = [&tokens, &refreshed].map(|tokens| claims_of(&text(tokens, "id_token")));
    for claims in id_tokens.iter().chain([&info]) {
        assert_eq!(claims["org_id"], acme.id.to_string());
        assert_eq!((&claims["org_slug"], &claims["org_name"]), (&json!("acme"), &json!("Acme Ltd")));
        assert_eq!(
            (&claims["roles"], &claims["permissions"]),
            (&json!(["member"]), &json!(["organization:read"]))
        );
    }

    organizations.remove_member(&TENANT, acme.id, account).await.unwrap();
    let (status, refused) = refresh(&text(&refreshed, "refresh_token")).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    assert_eq!(userinfo(&world, &text(&tokens, "access_token")).await.0, 401);
}

#[tokio::test]
async fn without_the_scope_value_nothing_is_said() {
    let world = World::with(asks, |config| config).await;
    let organizations = Organizations::new(world.ports.clone());
    let slug = Slug::new("acme").unwrap();
    organizations.create(&TENANT, slug, "Acme Ltd", Some(world.account.value.id)).await.unwrap();
    let mut browser = Browser::new(&world);
    let back = world.follow(&mut browser, &World::request("web", &[])).await;
    let tokens = world.exchange("web", &back).await;
    let claims = claims_of(tokens["id_token"].as_str().unwrap());
    assert_eq!((claims.get("org_id"), claims.get("roles")), (None, None));
}
