//! Token exchange: RFC 8693; S23 and S24.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::ServerBuilder;
use ciam_oauth::client::{Client, GrantType, SubjectType};
use ciam_oauth::exchange::{Exchange, ExchangeDecision, ExchangePolicy, ExchangeTerms, MAX_ACTORS};
use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::{
    API, Answer, Person, STOCK, Tokens, VAULT, basic_auth, claims, get, introspect, is_active, load_grant,
    person, post_as, prepare, revoke, token, with_vault,
};
use crate::support::World;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Says what it is told to.
#[derive(Debug)]
struct Says(Mutex<ExchangeDecision>);

#[async_trait]
impl ExchangePolicy for Says {
    async fn decide(&self, asked: &Exchange<'_>) -> Result<ExchangeDecision, PortError> {
        assert!(asked.subject.claims.exp > asked.now.unix_timestamp());
        Ok(self.0.lock().unwrap().clone())
    }
}

struct Setting {
    world: World,
    policy: Arc<Says>,
}

impl Setting {
    /// A world with `orders` (which serves the API) and `stock` (which serves the stock), both of which may exchange.
    async fn new() -> Self {
        Self::configured(|builder| builder).await
    }

    async fn configured(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::on(|clock, entropy| memory::ports_with(clock, entropy), configure).await
    }

    async fn with_hooks(hooks: Arc<Names>) -> Self {
        let ports = |clock: Arc<ManualClock>, entropy: Arc<SeededEntropy>| {
            memory::ports_with(clock, entropy).with_hooks(hooks)
        };
        Self::on(ports, |builder| builder).await
    }

    async fn on(
        ports: impl FnOnce(Arc<ManualClock>, Arc<SeededEntropy>) -> Ports,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let policy = Arc::new(Says(Mutex::new(ExchangeDecision::delegate())));
        let on = |builder: ServerBuilder| configure(with_vault(builder.token_exchange(policy.clone())));
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = ports(clock.clone(), Arc::new(SeededEntropy::new(7)));
        let world = prepare(World::on(ports, clock, on).await).await;
        for (id, serves, may) in [("orders", API, vec![STOCK, VAULT]), ("stock", STOCK, vec![VAULT])] {
            let mut client = Client::confidential(id.parse().unwrap(), basic_auth())
                .with_grant(GrantType::TokenExchange)
                .with_grant(GrantType::ClientCredentials)
                .with_scopes("orders:read orders:write stock:read".parse().unwrap())
                .serving(serves.parse().unwrap());
            client.resources.extend(may.into_iter().map(|it| it.parse().unwrap()));
            world.server.clients().register(client).await.unwrap();
        }
        Self { world, policy }
    }

    fn decide(&self, decision: ExchangeDecision) {
        *self.policy.0.lock().unwrap() = decision;
    }

    async fn exchange(&self, client: &str, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut params =
            vec![("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
        for (name, value) in more {
            if !matches!(*name, "resource" | "audience") {
                params.retain(|(known, _)| known != name);
            }
            params.push((name, value));
        }
        post_as(&self.world.server, "/token", client, &params).await
    }

    async fn tokens(&self, person: &mut Person) -> Tokens {
        person.tokens(&self.world, "shop", "orders:read profile:read offline_access").await
    }
}

/// RFC 8693, sections 2.2 and 4.1: the service that was called acts for the person, and says so.
#[tokio::test]
async fn rfc8693_2_2_delegation() {
    let setting = Setting::new().await;
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    let answer = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let exchanged = answer.tokens();
    assert_eq!(exchanged.body["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(exchanged.body["token_type"], "Bearer");
    assert_eq!(exchanged.refresh, None);
    let said = claims(&exchanged.access);
    assert_eq!(said["aud"], STOCK);
    assert_eq!(said["client_id"], "orders");
    assert_eq!(said["sub"], claims(&subject.access)["sub"]);
    assert_eq!(said["scope"], "orders:read", "what was carried and means something there");
    assert_eq!(said["act"], json!({ "sub": "orders", "client_id": "orders" }));
    let seen = introspect(&setting.world, "stock", &exchanged.access).await;
    assert_eq!((&seen["active"], &seen["act"]["sub"]), (&json!(true), &json!("orders")));
    assert_eq!(seen.get("grant_client"), None);

    // The next service, and then one more: each is named, the last one first.
    let next = setting.exchange("stock", &exchanged.access, &[("resource", VAULT)]).await.tokens();
    let seen = introspect(&setting.world, "vault-rs", &next.access).await;
    assert_eq!(seen["act"], json!({ "sub": "stock", "client_id": "stock", "act": said["act"] }));
    let events = setting.world.events().await;
    let exchanges: Vec<_> =
        events.iter().filter(|it| it.event_type.as_str() == "ciam.oauth.token.exchanged.v1").collect();
    assert_eq!(exchanges.len(), 2);
    assert_eq!(exchanges[0].data["kind"], "delegation");
}

/// RFC 8693, section 1.1: with impersonation nobody sees who acts, but the audit log.
#[tokio::test]
async fn rfc8693_1_1_impersonation() {
    let setting = Setting::new().await;
    setting.decide(ExchangeDecision::impersonate());
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    let exchanged = setting.exchange("orders", &subject.access, &[("audience", STOCK)]).await.tokens();
    assert_eq!(claims(&exchanged.access).get("act"), None);
    let events = setting.world.events().await;
    assert!(events.iter().any(|it| it.data.get("kind") == Some(&json!("impersonation"))));
    let mut actor = super::person(&setting.world).await;
    let actor = setting.tokens(&mut actor).await;
    let named = [("actor_token", actor.access.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let refused = setting.exchange("orders", &subject.access, &named).await;
    assert_eq!(refused.error(), (400, "access_denied"), "an actor is not left out");
}

/// RFC 8693, section 2.1: the subject of an actor token acts.
#[tokio::test]
async fn rfc8693_2_1_an_actor_token() {
    let setting = Setting::new().await;
    let (mut ada, mut eve) = (person(&setting.world).await, person(&setting.world).await);
    let (subject, actor) = (setting.tokens(&mut ada).await, setting.tokens(&mut eve).await);
    let named =
        [("actor_token", actor.access.as_str()), ("actor_token_type", ACCESS_TOKEN), ("resource", STOCK)];
    let exchanged = setting.exchange("orders", &subject.access, &named).await.tokens();
    let said = claims(&exchanged.access);
    assert_eq!(said["sub"], claims(&subject.access)["sub"]);
    assert_eq!(said["act"]["sub"], claims(&actor.access)["sub"]);
    eve.suspend(&setting.world).await;
    let refused = setting.exchange("orders", &subject.access, &named).await;
    assert_eq!(refused.error(), (400, "invalid_grant"), "an actor who may not sign in");
}

/// S24: without a policy nobody exchanges anything, and nothing is advertised.
#[tokio::test]
async fn s24_the_default_refuses() {
    let world = super::world().await;
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert!(!said["grant_types_supported"].to_string().contains("token-exchange"));
    let params = [("grant_type", EXCHANGE), ("subject_token", "x"), ("subject_token_type", ACCESS_TOKEN)];
    assert_eq!(token(&world, "shop", &params).await.error(), (400, "unsupported_grant_type"));
    let setting = Setting::new().await;
    setting.decide(ExchangeDecision::Refuse);
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    assert_eq!(setting.exchange("orders", &subject.access, &[]).await.error(), (400, "access_denied"));
}

/// S23, S24: only tokens that are the client's business, and only live ones.
#[tokio::test]
async fn s24_whose_tokens_are_exchanged() {
    let setting = Setting::new().await;
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    let stranger = setting.exchange("stock", &subject.access, &[("resource", VAULT)]).await;
    assert_eq!(stranger.error(), (400, "invalid_grant"), "a token for another resource");
    assert_eq!(setting.exchange("shop", &subject.access, &[]).await.error(), (400, "unauthorized_client"));
    for (what, token) in [("a refresh token", subject.refresh()), ("garbage", "x"), ("a JWT", "a.b.c")] {
        assert_eq!(setting.exchange("orders", token, &[]).await.error(), (400, "invalid_grant"), "{what}");
    }
    assert!(setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.is_ok());
    revoke(&setting.world, "shop", &subject.access).await;
    assert_eq!(
        setting.exchange("orders", &subject.access, &[]).await.error(),
        (400, "invalid_grant"),
        "revoked"
    );
    let late = setting.tokens(&mut person).await;
    setting.world.clock.advance(Duration::minutes(10));
    assert_eq!(
        setting.exchange("orders", &late.access, &[]).await.error(),
        (400, "invalid_grant"),
        "expired"
    );
}

/// S24: no more scope, no other audience, no longer life.
#[tokio::test]
async fn s24_no_escalation() {
    let setting = Setting::new().await;
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    for (more, error) in [
        (vec![("resource", STOCK), ("scope", "stock:read")], "invalid_scope"),
        (vec![("resource", STOCK), ("scope", "orders:read stock:read")], "invalid_scope"),
        (vec![("resource", VAULT), ("scope", "orders:write")], "invalid_scope"),
        (vec![("resource", STOCK), ("scope", "offline_access")], "invalid_scope"),
        (vec![("resource", "https://unknown.example")], "invalid_target"),
        (vec![("audience", "unknown")], "invalid_target"),
        (vec![("resource", STOCK), ("audience", VAULT)], "invalid_target"),
        (vec![("audience", STOCK), ("audience", VAULT)], "invalid_target"),
        (vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
        (vec![("requested_token_type", JWT), ("resource", VAULT)], "invalid_request"),
        (vec![("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")], "invalid_request"),
        (vec![("actor_token", "x")], "invalid_request"),
        (vec![("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
    ] {
        let refused = setting.exchange("orders", &subject.access, &more).await;
        assert_eq!(refused.error(), (400, error), "{more:?}");
    }
    let same = [("resource", STOCK), ("audience", STOCK), ("requested_token_type", JWT)];
    let exchanged = setting.exchange("orders", &subject.access, &same).await.tokens();
    assert_eq!(exchanged.body["issued_token_type"], JWT);

    setting.world.clock.advance(Duration::minutes(9));
    let late = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    assert_eq!(late.body["expires_in"], 60, "no longer than the subject token");
    assert_eq!(claims(&late.access)["exp"], claims(&subject.access)["exp"]);
}

/// What the policy says is bounded by the resource and the registration.
#[tokio::test]
async fn the_terms_of_a_policy() {
    let setting = Setting::new().await;
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    let scopes = "stock:read profile:read offline_access".parse().unwrap();
    let terms = ExchangeTerms::default().with_scopes(scopes).with_lifetime(Duration::seconds(30));
    setting.decide(ExchangeDecision::Delegate(terms));
    let exchanged = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    assert_eq!(exchanged.body["scope"], "stock:read");
    assert_eq!(exchanged.body["expires_in"], 30);
    let wanted = [("resource", STOCK), ("scope", "orders:read")];
    assert_eq!(setting.exchange("orders", &subject.access, &wanted).await.error().1, "invalid_scope");
}

/// An exchanged token dies with the grant of the first one, with its session and with its client.
#[tokio::test]
async fn revocation_reaches_what_was_exchanged() {
    let setting = Setting::new().await;
    let world = &setting.world;
    let mut person = person(world).await;
    let subject = setting.tokens(&mut person).await;
    let exchanged = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    assert!(is_active(world, "stock", &exchanged.access).await);
    assert!(revoke(world, "shop", subject.refresh()).await.is_ok());
    assert!(!is_active(world, "stock", &exchanged.access).await);
    assert!(load_grant(world, subject.grant()).await.is_some());

    let again = setting.tokens(&mut person).await;
    let exchanged = setting.exchange("orders", &again.access, &[("resource", STOCK)]).await.tokens();
    assert!(!is_active(world, "shop", &exchanged.access).await, "it is not the first client's");
    person.suspend(world).await;
    assert!(!is_active(world, "stock", &exchanged.access).await);
}

/// A client's own token can be exchanged too: then nobody is spoken of but clients.
#[tokio::test]
async fn a_clients_own_token() {
    let setting = Setting::new().await;
    let own = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let subject = token(&setting.world, "shop", &own).await.tokens();
    let exchanged = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    let said = claims(&exchanged.access);
    assert_eq!((&said["sub"], &said["client_id"]), (&json!("shop"), &json!("orders")));
    assert!(is_active(&setting.world, "stock", &exchanged.access).await);
}

/// S24: a chain has an end.
#[tokio::test]
async fn s24_a_chain_of_actors_has_an_end() {
    let setting = Setting::new().await;
    setting.world.change_client("orders", |client| _ = client.serves.insert(STOCK.parse().unwrap())).await;
    let mut person = person(&setting.world).await;
    let mut current = setting.tokens(&mut person).await.access;
    for step in 0..MAX_ACTORS {
        let next = setting.exchange("orders", &current, &[("resource", STOCK)]).await;
        assert!(next.is_ok(), "step {step}: {next:?}");
        current = next.tokens().access;
    }
    let refused = setting.exchange("orders", &current, &[("resource", STOCK)]).await;
    assert_eq!(refused.error(), (400, "access_denied"));
}

/// A pairwise client is given the subject that it knows.
#[tokio::test]
async fn the_subject_is_the_one_that_the_client_knows() {
    let setting = Setting::new().await;
    setting
        .world
        .change_client("orders", |client| {
            client.subject_type = SubjectType::Pairwise;
            client.sector_identifier = Some("orders.example".to_owned());
        })
        .await;
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    let exchanged = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    let (first, second): (Value, Value) = (claims(&subject.access), claims(&exchanged.access));
    assert_ne!(first["sub"], second["sub"]);
}

/// Says who may act for the subjects of tokens.
#[derive(Debug, Default)]
pub(super) struct Names(pub(super) Mutex<Option<Value>>);

#[async_trait]
impl ciam_core::hooks::Hooks for Names {
    async fn before_token(
        &self,
        _: &ciam_core::hooks::TokenIssue<'_>,
        claims: &mut serde_json::Map<String, Value>,
    ) -> Result<ciam_core::hooks::HookDecision, PortError> {
        if let Some(named) = &*self.0.lock().unwrap() {
            claims.insert("may_act".to_owned(), named.clone());
        }
        Ok(ciam_core::hooks::HookDecision::Allow)
    }
}

/// RFC 8693, section 4.4: a token that says who may act for its subject is exchanged by nobody else, whatever the policy says.
#[tokio::test]
async fn rfc8693_4_4_only_those_who_may_act() {
    let names = Arc::new(Names::default());
    let setting = Setting::with_hooks(names.clone()).await;
    let (mut ada, mut eve) = (person(&setting.world).await, person(&setting.world).await);
    let eves = setting.tokens(&mut eve).await;
    let eve_is = claims(&eves.access)["sub"].clone();
    let by_eve =
        [("actor_token", eves.access.as_str()), ("actor_token_type", ACCESS_TOKEN), ("resource", STOCK)];
    let alone = [("resource", STOCK)];
    for (named, by_itself, with_eve) in [
        (None, true, true),
        (Some(json!({ "client_id": "orders" })), true, false),
        (Some(json!({ "sub": "orders", "iss": crate::support::ISSUER })), true, false),
        (Some(json!({ "sub": eve_is })), false, true),
        (Some(json!({ "sub": eve_is, "client_id": "shop" })), false, true),
        (Some(json!({ "sub": eve_is, "client_id": "orders" })), false, false),
        (Some(json!({ "sub": "orders", "iss": "https://other.example" })), false, false),
        (Some(json!({ "client_id": "stock" })), false, false),
        (Some(json!({ "sub": "orders", "department": "sales" })), false, false),
    ] {
        for decision in [ExchangeDecision::delegate(), ExchangeDecision::impersonate()] {
            names.0.lock().unwrap().clone_from(&named);
            let subject = setting.tokens(&mut ada).await;
            assert_eq!(claims(&subject.access).get("may_act"), named.as_ref());
            *names.0.lock().unwrap() = None;
            let impersonates = matches!(decision, ExchangeDecision::Impersonate(_));
            setting.decide(decision);
            let answer = setting.exchange("orders", &subject.access, &alone).await;
            assert_eq!(answer.is_ok(), by_itself, "{named:?}");
            if by_itself {
                let next = answer.tokens();
                assert!(claims(&next.access).get("may_act").is_none(), "it was about the first token");
            } else {
                assert_eq!(answer.error(), (400, "access_denied"));
            }
            let answer = setting.exchange("orders", &subject.access, &by_eve).await;
            assert_eq!(answer.is_ok(), with_eve && !impersonates, "{named:?}");
        }
    }
    // Opaque tokens keep it beside them.
    *names.0.lock().unwrap() = Some(json!({ "client_id": "stock" }));
    let vault = ada.tokens_at(&setting.world, "shop", VAULT).await;
    assert_eq!(introspect(&setting.world, "vault-rs", &vault.access).await["may_act"]["client_id"], "stock");
}

/// A hook that names nobody has made a mistake: no token is issued that everybody could exchange.
#[tokio::test]
async fn rfc8693_4_4_who_may_act_is_somebody() {
    let names = Arc::new(Names::default());
    let setting = Setting::with_hooks(names.clone()).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    for bad in [
        json!({}),
        json!({ "iss": crate::support::ISSUER }),
        json!("orders"),
        json!({ "sub": 7 }),
        Value::Null,
    ] {
        *names.0.lock().unwrap() = Some(bad.clone());
        assert_eq!(token(&setting.world, "shop", &form).await.error(), (500, "server_error"), "{bad}");
    }
}

/// How many may act for each other is the host's to say.
#[tokio::test]
async fn s24_the_chain_is_as_long_as_configured() {
    let mut limits = ciam_oauth::server::Limits::default();
    limits.actors = 1;
    let setting = Setting::configured(|builder| builder.limits(limits)).await;
    let mut person = person(&setting.world).await;
    let subject = setting.tokens(&mut person).await;
    let first = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    let second = setting.exchange("stock", &first.access, &[("resource", VAULT)]).await;
    assert_eq!(second.error(), (400, "access_denied"));
}

/// A token that was issued in exchange for another is in a list too, and ends there with the grant of the first one.
#[tokio::test]
async fn an_exchanged_token_is_listed() {
    use ciam_oauth::status_list::{StatusListSettings, TokenStatus};

    use super::status_lists::{relay, status};

    let setting = Setting::configured(|builder| builder.status_lists(StatusListSettings::new())).await;
    let world = &setting.world;
    let mut person = person(world).await;
    let subject = setting.tokens(&mut person).await;
    let exchanged = setting.exchange("orders", &subject.access, &[("resource", STOCK)]).await.tokens();
    relay(world).await;
    assert_eq!(status(world, &exchanged.access).await, TokenStatus::Valid);
    assert_eq!(revoke(world, "shop", subject.refresh()).await.status, 200);
    relay(world).await;
    for access in [&subject.access, &exchanged.access] {
        assert_eq!(status(world, access).await, TokenStatus::Invalid);
    }
}
