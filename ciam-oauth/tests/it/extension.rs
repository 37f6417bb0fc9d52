//! What another protocol can add: parameters, demands, scope values, metadata, endpoints.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::assurance::{Acr, Amr, FactorKind, Proof};
use ciam_core::http::{Params, Peer};
use ciam_core::interaction::Ask;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::AuthorizeRequest;
use ciam_oauth::client::Client;
use ciam_oauth::error::{AuthorizeError, RequestProblem};
use ciam_oauth::extension::{Asked, Demands, Extension};
use ciam_oauth::server::SupportedScope;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use time::Duration;

use crate::support::{Browser, World, handle, request, scope};

const AAL2: &str = "urn:ciam:acr:aal2";

/// A protocol whose parameter `person` names the account that the request is about, and `must` a level to reach.
#[derive(Debug)]
struct Persons;

#[async_trait]
impl Extension for Persons {
    fn scopes(&self) -> Vec<SupportedScope> {
        vec![scope("persons")]
    }

    async fn parse(
        &self,
        _server: &AuthorizationServer,
        _client: &Client,
        request: &AuthorizeRequest,
        params: &Params,
    ) -> Result<Map<String, Value>, AuthorizeError> {
        assert!(request.extension.is_empty());
        let mut members = Map::new();
        for name in ["person", "must"] {
            if let Some(value) = params.one(name).map_err(RequestProblem::from)? {
                if value == "bad" {
                    return Err(RequestProblem::Invalid("person").into());
                }
                members.insert(name.to_owned(), json!(value));
            }
        }
        Ok(members)
    }

    async fn demands(
        &self,
        _server: &AuthorizationServer,
        asked: &Asked<'_>,
    ) -> Result<Demands, AuthorizeError> {
        let mut demands = Demands::default();
        if let (Some(person), Some(account)) = (asked.request.extension.get("person"), asked.account) {
            let other = person.as_str() != Some(&account.id.to_string());
            demands.other_person = other.then(|| "id_token_hint".to_owned());
        }
        if let Some(must) = asked.request.extension.get("must").and_then(Value::as_str) {
            demands.essential_acr = vec![Acr::new(must)];
        }
        Ok(demands)
    }

    fn metadata(&self, server: &AuthorizationServer, members: &mut Map<String, Value>) {
        members.insert("persons_endpoint".to_owned(), json!(server.issuer().endpoint("/persons")));
    }

    async fn handle(
        &self,
        _server: &AuthorizationServer,
        path: &str,
        request: &http::Request<Bytes>,
        _peer: &Peer,
    ) -> Option<Response<Bytes>> {
        (path == "/persons").then(|| Response::new(Bytes::from(request.method().to_string())))
    }
}

async fn world() -> World {
    World::with(|builder| builder.extension(Arc::new(Persons))).await
}

async fn ask(world: &World, browser: &Browser, text: &str) -> Ask {
    let visitor = browser.visitor(world).await;
    world.server.interaction(&handle(text), visitor.browser.as_ref()).await.unwrap().ask
}

#[tokio::test]
async fn what_it_reads_is_frozen_with_the_request_and_kept_with_the_code() {
    let world = world().await;
    let person = world.account().await;
    let id = person.value.id.to_string();
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let good = request("own", &[("person", Some(&id))]);
    let code = world.code(&browser.authorize(&world, &good).await.code()).await;
    assert_eq!(code.extension["person"], json!(id));
    let bad = request("own", &[("person", Some("bad"))]);
    assert_eq!(browser.authorize(&world, &bad).await.error(), "invalid_request");
}

#[tokio::test]
async fn another_person_has_to_sign_in() {
    let world = world().await;
    let (wanted, present) = (world.account().await, world.account().await);
    let id = wanted.value.id.to_string();
    let mut browser = Browser::new();
    browser.sign_in(&world, &present).await;
    let params = request("own", &[("person", Some(&id))]);
    let text = browser.authorize(&world, &params).await.handle();
    let Ask::SignIn(asked) = ask(&world, &browser, &text).await else { panic!() };
    assert_eq!(asked.reasons, ["id_token_hint"]);
    // The wrong person again, however freshly.
    world.clock.advance(Duration::seconds(1));
    browser.sign_in(&world, &present).await;
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    browser.sign_in(&world, &wanted).await;
    browser.resume(&world, &text).await.code();
    // And without asking.
    let none = request("own", &[("person", Some(&id)), ("prompt", Some("none"))]);
    browser.authorize(&world, &none).await.code();
    browser.sign_in(&world, &present).await;
    assert_eq!(browser.authorize(&world, &none).await.error(), "login_required");
}

#[tokio::test]
async fn an_essential_level_is_reached_or_the_request_ends() {
    let world = world().await;
    let person = world.account().await;
    let must = request("own", &[("must", Some(AAL2))]);
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(1));

    let text = browser.authorize(&world, &must).await.handle();
    let Ask::SignIn(asked) = ask(&world, &browser, &text).await else { panic!() };
    assert_eq!((asked.reasons, asked.acr_values), (vec!["acr".to_owned()], vec![Acr::new(AAL2)]));
    assert_eq!(browser.resume(&world, &text).await.handle(), text, "nothing was tried yet");
    world.clock.advance(Duration::seconds(1));
    browser.sign_in(&world, &person).await;
    assert_eq!(browser.resume(&world, &text).await.error(), "unmet_authentication_requirements");

    let text = browser.authorize(&world, &must).await.handle();
    world.clock.advance(Duration::seconds(1));
    let proof = |amr, kind| Proof::new(amr, [kind], world.ports.now());
    let proofs = [proof(Amr::PASSWORD, FactorKind::Knowledge), proof(Amr::OTP, FactorKind::Possession)];
    browser.sign_in_with(&world, &person, proofs).await;
    browser.resume(&world, &text).await.code();

    let mut weak = Browser::new();
    weak.sign_in(&world, &person).await;
    let none = request("own", &[("must", Some(AAL2)), ("prompt", Some("none"))]);
    assert_eq!(weak.authorize(&world, &none).await.error(), "unmet_authentication_requirements");
    // Nobody signs in for a level that nobody can reach.
    let gold = request("own", &[("must", Some("gold"))]);
    let reply = Browser::new().authorize(&world, &gold).await;
    assert_eq!(reply.error(), "unmet_authentication_requirements");
}

#[tokio::test]
async fn its_scopes_metadata_and_endpoints_are_the_servers() {
    let world = world().await;
    assert!(world.server.config().protocol_scopes.contains("persons"));
    let found = Value::Object(world.server.metadata());
    assert_eq!(found["persons_endpoint"], json!("https://id.example/persons"));
    assert!(found["scopes_supported"].as_array().unwrap().contains(&json!("persons")));
    assert_eq!(Browser::new().get(&world, "/persons").await.body(), "GET");
    assert_eq!(Browser::new().get(&world, "/person").await.status(), StatusCode::NOT_FOUND);
}

/// A scope value of the protocol belongs to no resource: it is consented to by itself.
#[tokio::test]
async fn protocol_scopes_are_the_same_at_every_resource() {
    let world = world().await;
    let person = world.account().await;
    world.change_client("web", |client| client.scopes = "persons orders:read".parse().unwrap()).await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let at =
        |resource: &'static str| request("web", &[("scope", Some("persons")), ("resource", Some(resource))]);
    let text = browser.authorize(&world, &at("https://api.example")).await.handle();
    let visitor = browser.visitor(&world).await;
    let allow = ciam_oauth::authorize::ConsentDecision::AllowAll;
    world.server.answer_consent(&handle(&text), &visitor, allow).await.unwrap();
    browser.resume(&world, &text).await.code();
    browser.authorize(&world, &at("https://stock.example")).await.code();
}
