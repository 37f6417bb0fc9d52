//! Access tokens: RFC 9068, and the hook before a token is issued.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::hooks::{HookDecision, Hooks, TokenIssue};
use ciam_core::memory;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::server::TokenFormat;
use serde_json::{Map, Value, json};
use time::Duration;
use time::macros::datetime;

use super::{
    API, VAULT, claims, exchange, header, introspect, person, prepare, refresh, token, with_vault, world,
};
use crate::support::{ISSUER, World};

/// RFC 9068, sections 2.1 and 2.2.
#[tokio::test]
async fn rfc9068_2_header_and_claims() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", "orders:read profile:read").await;
    let (header, claims) = (header(&tokens.access), claims(&tokens.access));
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "ES256");
    assert!(header["kid"].is_string());
    assert_eq!(header.as_object().unwrap().len(), 3);
    let now = world.ports.now().unix_timestamp();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], API);
    assert_eq!(claims["client_id"], "shop");
    assert_eq!(claims["iat"], now);
    assert_eq!(claims["exp"], now + 600);
    assert_eq!(claims["scope"], "orders:read profile:read");
    assert_eq!(claims["auth_time"], now);
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!(claims["acr"], "urn:ciam:acr:aal1");
    assert_eq!(claims["sub"].as_str().unwrap().len(), 43);
    assert!(claims["jti"].is_string());
    assert!(claims.get("nbf").is_none(), "clocks that are a little behind refuse it");
}

/// The subject is the same at every client that is not pairwise, and never the internal id.
#[tokio::test]
async fn the_subject_is_stable_and_not_the_account_id() {
    let world = world().await;
    let (mut ada, mut eve) = (person(&world).await, person(&world).await);
    let shop = claims(&ada.tokens(&world, "shop", "orders:read").await.access)["sub"].clone();
    let spa = claims(&ada.tokens(&world, "spa", "orders:read").await.access)["sub"].clone();
    let other = claims(&eve.tokens(&world, "shop", "orders:read").await.access)["sub"].clone();
    assert_eq!(shop, spa);
    assert_ne!(shop, other);
    assert_ne!(shop, ada.account.value.id.to_string());
}

#[tokio::test]
async fn every_token_has_an_id_of_its_own() {
    let world = world().await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let tokens = token(&world, "shop", &[("grant_type", "client_credentials")]).await.tokens();
        assert!(ids.insert(claims(&tokens.access)["jti"].to_string()));
    }
}

/// The algorithm is that of the resource.
#[tokio::test]
async fn rfc9068_the_algorithm_and_the_lifetime_are_the_resources() {
    let world = World::with(|builder| {
        let format = TokenFormat::Jwt { alg: ciam_core::jose::Algorithm::EdDsa };
        let resource = ciam_oauth::server::ResourceServer::new(
            "https://edge.example".parse().unwrap(),
            "orders:read".parse().unwrap(),
        );
        let resource = resource.with_format(format).with_access_token_lifetime(Duration::minutes(2));
        with_vault(builder).resource(resource)
    })
    .await;
    let world = prepare(world).await;
    world
        .change_client("shop", |client| _ = client.resources.insert("https://edge.example".parse().unwrap()))
        .await;
    let params = [("grant_type", "client_credentials"), ("resource", "https://edge.example")];
    let tokens = token(&world, "shop", &params).await.tokens();
    assert_eq!(header(&tokens.access)["alg"], "EdDSA");
    assert_eq!(tokens.body["expires_in"], 120);
    assert!(super::is_active(&world, "shop", &tokens.access).await);
}

/// A hook of a host: it adds claims, tries to change others, and refuses one client.
#[derive(Debug, Default)]
struct Host {
    asked: Mutex<Vec<String>>,
    down: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Hooks for Host {
    async fn before_token(
        &self,
        issue: &TokenIssue<'_>,
        claims: &mut Map<String, Value>,
    ) -> Result<HookDecision, PortError> {
        if self.down.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(PortError::transient("down"));
        }
        self.asked.lock().unwrap().push(format!(
            "{} {} {} {} {}",
            issue.kind,
            issue.client,
            issue.account.is_some(),
            issue.scopes.join(","),
            issue.audience.join(",")
        ));
        if issue.client == "shop2" {
            return Ok(HookDecision::Deny { code: "not_today".to_owned() });
        }
        claims.insert("plan".to_owned(), json!({ "name": "gold", "seats": 7 }));
        for name in [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "jti",
            "client_id",
            "scope",
            "acr",
            "grant_id",
            "cnf",
            "active",
        ] {
            claims.insert(name.to_owned(), json!("forged"));
        }
        Ok(HookDecision::Allow)
    }
}

async fn hosted() -> (Arc<Host>, World) {
    let host = Arc::new(Host::default());
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7))).with_hooks(host.clone());
    (host, prepare(World::on(ports, clock, with_vault).await).await)
}

#[tokio::test]
async fn a_hook_adds_claims_and_replaces_none_of_ours() {
    let (host, world) = hosted().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", "orders:read").await;
    let next = refresh(&world, "shop", tokens.refresh()).await.tokens();
    let own = token(&world, "shop", &[("grant_type", "client_credentials")]).await.tokens();
    for access in [&tokens.access, &next.access, &own.access] {
        let claims = claims(access);
        assert_eq!(claims["plan"]["seats"], 7);
        assert!(!claims.to_string().contains("forged"), "{claims}");
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(introspect(&world, "rs", access).await["plan"]["name"], "gold");
    }
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    let said = introspect(&world, "vault-rs", &vault.access).await;
    assert_eq!(said["plan"]["name"], "gold");
    assert!(!said.to_string().contains("forged"));
    assert_eq!(host.asked.lock().unwrap()[0], format!("access_token shop true orders:read {API}"));
    assert!(host.asked.lock().unwrap()[2].starts_with("access_token shop false "));
}

#[tokio::test]
async fn a_hook_refuses_or_fails_and_nothing_is_used_up() {
    let (host, world) = hosted().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop2", "orders:read").await;
    assert_eq!(exchange(&world, "shop2", &code).await.error(), (400, "access_denied"));
    let own = token(&world, "shop2", &[("grant_type", "client_credentials")]).await;
    assert_eq!(own.error(), (400, "access_denied"));
    assert!(!own.body.to_string().contains("not_today"), "the host's reason is not the client's");

    let tokens = person.tokens(&world, "spa", "orders:read").await;
    let code = person.code(&world, "shop", "orders:read").await;
    host.down.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(exchange(&world, "shop", &code).await.error(), (503, "temporarily_unavailable"));
    assert_eq!(refresh(&world, "spa", tokens.refresh()).await.error(), (503, "temporarily_unavailable"));
    host.down.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(exchange(&world, "shop", &code).await.is_ok());
    assert!(refresh(&world, "spa", tokens.refresh()).await.tokens().refresh().contains(".2."));
}

/// Opaque tokens are 256 random bits, and mean nothing outside.
#[tokio::test]
async fn opaque_tokens_are_random() {
    let world = world().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let params = [("grant_type", "client_credentials"), ("resource", VAULT)];
        let tokens = token(&world, "shop", &params).await.tokens();
        assert_eq!(tokens.access.len(), 43);
        assert!(seen.insert(tokens.access));
    }
}
