//! Grants of the host's own: RFC 6749, section 4.5.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::id::AccountId;
use ciam_core::memory;
use ciam_oauth::client::{Client, ClientProblem, ClientsError};
use ciam_oauth::custom_grant::{CustomDecision, CustomGrant, CustomRequest};
use ciam_oauth::error::TokenError;
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use serde_json::json;

use super::{Answer, basic_auth, claims, get, is_active, person, post_as, prepare, with_vault};
use crate::support::World;

const CARD: &str = "https://id.example/grants/card";

/// A card with the id of an account on it.
#[derive(Debug)]
struct Card(&'static str);

#[async_trait]
impl CustomGrant for Card {
    fn grant_type(&self) -> &str {
        self.0
    }

    async fn decide(&self, asked: &CustomRequest<'_>) -> Result<CustomDecision, TokenError> {
        let card = asked.parameter("card")?.ok_or_else(|| asked.missing("card"))?;
        if card == "blank" {
            return Ok(CustomDecision::Client);
        }
        let Ok(account) = card.parse::<AccountId>() else { return Ok(CustomDecision::Refuse) };
        let proof = Proof::new(Amr::HARDWARE_KEY, [FactorKind::Possession], asked.now);
        Ok(CustomDecision::account(account, AuthenticationContext::new([proof])))
    }
}

fn on(builder: ServerBuilder) -> ServerBuilder {
    with_vault(builder.custom_grant(Arc::new(Card(CARD))))
}

async fn world() -> World {
    let world = prepare(World::with(on).await).await;
    let kiosk = Client::confidential("kiosk".parse().unwrap(), basic_auth())
        .with_custom_grant(CARD)
        .with_scopes("orders:read".parse().unwrap());
    world.server.clients().register(kiosk).await.unwrap();
    world
}

async fn show(world: &World, client: &str, params: &[(&str, &str)]) -> Answer {
    let mut all = vec![("grant_type", CARD)];
    all.extend(params);
    post_as(&world.server, "/token", client, &all).await
}

#[tokio::test]
async fn rfc6749_4_5_a_grant_of_the_hosts_own() {
    let world = world().await;
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert!(said["grant_types_supported"].as_array().unwrap().contains(&json!(CARD)));
    let person = person(&world).await;
    let card = person.account.value.id.to_string();
    let tokens = show(&world, "kiosk", &[("card", &card)]).await.tokens();
    let of_person = claims(&tokens.access);
    assert_eq!((&of_person["client_id"], &of_person["scope"]), (&json!("kiosk"), &json!("orders:read")));
    assert_eq!(of_person["amr"], json!([Amr::HARDWARE_KEY.as_str()]));
    assert!(is_active(&world, "rs", &tokens.access).await);
    let own = show(&world, "kiosk", &[("card", "blank")]).await.tokens();
    assert_eq!(claims(&own.access)["sub"], "kiosk");
}

/// What is the server's stays the server's: authentication, registration, scope, resource, the account's state.
#[tokio::test]
async fn a_custom_grant_opens_no_other_door() {
    let world = world().await;
    let person = person(&world).await;
    let card = person.account.value.id.to_string();
    let shown = ("card", card.as_str());
    for (what, client, params, error) in [
        ("another client", "shop", vec![shown], (400, "unauthorized_client")),
        ("no client", "nobody", vec![shown], (401, "invalid_client")),
        ("nothing shown", "kiosk", vec![], (400, "invalid_request")),
        ("shown twice", "kiosk", vec![shown, shown], (400, "invalid_request")),
        ("refused", "kiosk", vec![("card", "x")], (400, "invalid_grant")),
        ("more scope", "kiosk", vec![shown, ("scope", "orders:write")], (400, "invalid_scope")),
        (
            "another resource",
            "kiosk",
            vec![shown, ("resource", "https://stock.example")],
            (400, "invalid_target"),
        ),
    ] {
        assert_eq!(show(&world, client, &params).await.error(), error, "{what}");
    }
    let unknown = [("grant_type", "https://id.example/grants/other"), shown];
    let answer = post_as(&world.server, "/token", "kiosk", &unknown).await;
    assert_eq!(answer.error(), (400, "unsupported_grant_type"));
    person.suspend(&world).await;
    assert_eq!(show(&world, "kiosk", &[shown]).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn types_are_uris_of_the_hosts_own() {
    for bad in ["card", "urn:ietf:params:oauth:grant-type:device_code", "authorization_code", ""] {
        let built = AuthorizationServer::builder(memory::ports())
            .issuer("https://id.example".parse().unwrap())
            .interaction_url("/interaction/")
            .custom_grant(Arc::new(Card(bad)))
            .build()
            .await;
        assert!(built.is_err(), "{bad}");
    }
    let world = super::world().await;
    let kiosk = Client::confidential("kiosk".parse().unwrap(), basic_auth()).with_custom_grant(CARD);
    let refused = world.server.clients().register(kiosk).await.unwrap_err();
    assert!(matches!(refused, ClientsError::Problem(ClientProblem::CustomGrant)), "{refused:?}");
}
