//! Rich authorization requests ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)).

use std::sync::Arc;

use ciam_core::interaction::Ask;
use ciam_oauth::ServerBuilder;
use ciam_oauth::authorization_details::{AuthorizationDetail, DetailProblem, DetailType};
use ciam_oauth::authorize::ConsentDecision;
use ciam_oauth::client::Client;
use serde_json::{Value, json};

use super::{API, Answer, Person, STOCK, VERIFIER, person, post_as, prepare, with_vault};
use crate::support::{CALLBACK, World, handle, request};

/// A payment of at most 100 euros; a smaller one is covered by a bigger one.
#[derive(Debug)]
struct Payment;

impl DetailType for Payment {
    fn name(&self) -> &str {
        "payment"
    }

    fn check(&self, detail: &AuthorizationDetail, _: &Client) -> Result<(), DetailProblem> {
        let known = ["type", "amount", "locations"];
        let all_known = detail.members().keys().all(|name| known.contains(&name.as_str()));
        if all_known && (1..=100).contains(&amount(detail)) { Ok(()) } else { Err(DetailProblem) }
    }

    fn describe(&self, detail: &AuthorizationDetail) -> String {
        format!("Pay {} euros", amount(detail))
    }

    fn covers(&self, granted: &AuthorizationDetail, asked: &AuthorizationDetail) -> bool {
        amount(asked) <= amount(granted)
    }
}

fn amount(detail: &AuthorizationDetail) -> u64 {
    detail.get("amount").and_then(Value::as_u64).unwrap_or_default()
}

fn with_payments(builder: ServerBuilder) -> ServerBuilder {
    with_vault(builder).detail_type(Arc::new(Payment))
}

async fn world() -> World {
    let world = prepare(World::with(with_payments).await).await;
    for client in ["shop", "shop2"] {
        world
            .change_client(client, |client| {
                client.authorization_details_types.insert("payment".to_owned());
            })
            .await;
    }
    world
}

/// A code for details, after the person was asked; and what they were asked.
async fn allowed(world: &World, person: &mut Person, details: &Value) -> (String, Vec<String>) {
    let text = details.to_string();
    let params = request("shop", &[("authorization_details", Some(&text)), ("scope", Some("orders:read"))]);
    let handle_text = person.browser.authorize(world, &params).await.handle();
    let visitor = person.browser.visitor(world).await;
    let pending = world.server.interaction(&handle(&handle_text), visitor.browser.as_ref()).await.unwrap();
    let Ask::Consent(ask) = pending.ask else { panic!("{:?}", pending.ask) };
    world.server.answer_consent(&handle(&handle_text), &visitor, ConsentDecision::AllowAll).await.unwrap();
    (person.browser.resume(world, &handle_text).await.code(), ask.details)
}

async fn post(world: &World, path: &str, client: &str, form: &[(&str, &str)]) -> Answer {
    post_as(&world.server, path, client, form).await
}

async fn exchange(world: &World, code: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    form.extend(more);
    post(world, "/token", "shop", &form).await
}

/// Sections 3 to 9: what is asked for is shown, granted, in the token response, in the token and in its introspection.
#[tokio::test]
async fn rfc9396_details_go_from_the_request_to_the_token() {
    let world = world().await;
    assert_eq!(world.server.metadata()["authorization_details_types_supported"], json!(["payment"]));
    let mut person = person(&world).await;
    let details = json!([{ "type": "payment", "amount": 42 }]);
    let (code, shown) = allowed(&world, &mut person, &details).await;
    assert_eq!(shown, ["Pay 42 euros"], "even a first-party client's are shown");
    let body = exchange(&world, &code, &[]).await.body;
    assert_eq!(body["authorization_details"], details);
    let token = body["access_token"].as_str().unwrap();
    let active = world.server.inspect(token).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&active.claims).unwrap()["authorization_details"], details);
    let answer = post(&world, "/introspect", "rs", &[("token", token)]).await.body;
    assert_eq!((&answer["active"], &answer["authorization_details"]), (&json!(true), &details));

    // A refresh keeps them, and can narrow them for one token.
    let refresh = body["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(post(&world, "/token", "shop", &form).await.body["authorization_details"], details);
    let less = json!([{ "type": "payment", "amount": 7 }]).to_string();
    let narrowed = [form[0], form[1], ("authorization_details", less.as_str())];
    let answer = post(&world, "/token", "shop", &narrowed).await.body;
    assert_eq!(answer["authorization_details"][0]["amount"], 7);
    assert_eq!(post(&world, "/token", "shop", &form).await.body["authorization_details"], details);
}

/// What was allowed before says nothing about the next payment: the person is asked each time, and silence is no yes.
#[tokio::test]
async fn details_are_asked_for_every_time() {
    let world = world().await;
    let mut person = person(&world).await;
    let details = json!([{ "type": "payment", "amount": 42 }]);
    allowed(&world, &mut person, &details).await;
    let text = details.to_string();
    let silent = request("shop", &[("authorization_details", Some(&text)), ("prompt", Some("none"))]);
    assert_eq!(person.browser.authorize(&world, &silent).await.error(), "consent_required");
    allowed(&world, &mut person, &details).await;
}

/// Section 5: malformed, unknown, unregistered, or not what the type allows.
#[tokio::test]
async fn rfc9396_5_details_that_are_refused() {
    let world = world().await;
    let mut person = person(&world).await;
    for (client, details) in [
        ("shop", json!([{ "type": "payment", "amount": 1000 }])),
        ("shop", json!([{ "type": "payment", "amount": 1, "creditor": "unknown member" }])),
        ("shop", json!([{ "type": "payment", "amount": 1 }, { "type": "account" }])),
        ("shop", json!([{ "type": "payment", "amount": 1, "locations": "x" }])),
        ("shop", json!([{ "amount": 1 }])),
        ("shop", json!([])),
        ("shop", json!({ "type": "payment", "amount": 1 })),
        ("shop", json!("payment")),
        ("spa", json!([{ "type": "payment", "amount": 1 }])),
    ] {
        let text = details.to_string();
        let params = request(client, &[("authorization_details", Some(&text))]);
        let error = person.browser.authorize(&world, &params).await.error();
        assert_eq!(error, "invalid_authorization_details", "{client} {details}");
    }
    let mut client = world.client("spa").await.value;
    client.authorization_details_types.insert("account".to_owned());
    let read = world.client("spa").await;
    assert!(
        world.server.clients().update(&read, client).await.is_err(),
        "a type that the server does not know"
    );
}

/// Section 6: a token is asked for with no more than was granted, and for a resource with no more than means something there.
#[tokio::test]
async fn rfc9396_6_a_token_gets_no_more_than_was_granted() {
    let world = world().await;
    let mut person = person(&world).await;
    let granted = json!([{ "type": "payment", "amount": 42 }]);
    for (asked, expected) in [
        (json!([{ "type": "payment", "amount": 42 }]), None),
        (json!([{ "type": "payment", "amount": 43 }]), Some("invalid_authorization_details")),
        (json!([{ "type": "account" }]), Some("invalid_authorization_details")),
        (json!("x"), Some("invalid_authorization_details")),
    ] {
        let (code, _) = allowed(&world, &mut person, &granted).await;
        let text = asked.to_string();
        let body = exchange(&world, &code, &[("authorization_details", text.as_str())]).await.body;
        assert_eq!(body.get("error").and_then(Value::as_str), expected, "{asked}");
    }
    let elsewhere = json!([
        { "type": "payment", "amount": 1, "locations": [API] },
        { "type": "payment", "amount": 2, "locations": [STOCK] },
    ]);
    let (code, shown) = allowed(&world, &mut person, &elsewhere).await;
    assert_eq!(shown.len(), 2);
    let body = exchange(&world, &code, &[]).await.body;
    assert_eq!(body["authorization_details"], json!([elsewhere[0]]), "the other is for another resource");
    // A client that acts for itself was granted none.
    let form = [
        ("grant_type", "client_credentials"),
        ("authorization_details", "[{\"type\":\"payment\",\"amount\":1}]"),
    ];
    let body = post(&world, "/token", "shop", &form).await.body;
    assert_eq!(body["error"], "invalid_authorization_details");
}

/// A client that loses a type cannot use what it was granted of it.
#[tokio::test]
async fn a_type_that_is_taken_away_is_used_no_more() {
    let world = world().await;
    let mut person = person(&world).await;
    let (code, _) = allowed(&world, &mut person, &json!([{ "type": "payment", "amount": 42 }])).await;
    world.change_client("shop", |client| client.authorization_details_types.clear()).await;
    let body = exchange(&world, &code, &[]).await.body;
    assert_eq!(body.get("authorization_details"), None);
}
