//! The code flow from end to end: what the ID token says, and when the person is asked.

use ciam_core::encoding::base64url;
use ciam_oauth::client::SubjectType;
use ciam_oidc::rp::{IdTokenError, SignInError, SignInOptions};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Browser, ISSUER, World, account, param};

#[tokio::test]
async fn a_person_signs_in_and_the_id_token_says_what_happened() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let signed_in = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    assert_eq!(signed_in.return_to.as_deref(), Some("/orders"));
    let claims = &signed_in.tokens.claims.all;
    let now = world.ports.now().unix_timestamp();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], "web");
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 600)));
    assert_eq!(claims["auth_time"], now);
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:ciam:acr:aal1"), &json!(["pwd"])));
    assert!(claims["nonce"].is_string() && claims["at_hash"].is_string() && claims["sid"].is_string());
    assert_ne!(claims["sub"], world.account.value.id.to_string(), "the internal id stays inside");
    // Claims of the person come from UserInfo; nbf makes clocks matter and is not there.
    for absent in ["email", "name", "nbf", "azp"] {
        assert!(!claims.contains_key(absent), "{absent}");
    }
    let header = signed_in.tokens.id_token.expose().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&base64url::decode(header).unwrap()).unwrap();
    assert_eq!((&header["typ"], &header["alg"]), (&json!("JWT"), &json!("ES256")));
}

#[tokio::test]
async fn a_live_session_is_enough_and_prompt_login_is_not_satisfied_by_it() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let first = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    world.clock.advance(Duration::minutes(5));
    let second = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    assert_eq!(browser.pages.len(), 1, "nothing is asked the second time");
    assert_eq!(second.tokens.claims.auth_time, first.tokens.claims.auth_time);
    assert_eq!(second.tokens.claims.session, first.tokens.claims.session);

    let third = world.sign_in(&mut browser, &SignInOptions::new().with_prompt("login")).await.unwrap();
    assert_eq!(browser.pages.len(), 2);
    assert!(third.tokens.claims.auth_time > first.tokens.claims.auth_time);
    assert_eq!(third.tokens.claims.session, first.tokens.claims.session, "the same session, renewed");
}

#[tokio::test]
async fn max_age_is_kept_by_the_provider_and_checked_by_the_relying_party() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    world.clock.advance(Duration::minutes(10));
    world.sign_in(&mut browser, &SignInOptions::new().with_max_age(3600)).await.unwrap();
    assert_eq!(browser.pages.len(), 1);
    world.sign_in(&mut browser, &SignInOptions::new().with_max_age(60)).await.unwrap();
    assert_eq!(browser.pages.len(), 2);
}

#[tokio::test]
async fn prompt_none_never_asks() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let none = SignInOptions::new().with_prompt("none");
    let refused = world.sign_in(&mut browser, &none).await.unwrap_err();
    assert!(
        matches!(&refused, SignInError::Declined { code, .. } if code == "login_required"),
        "{refused:?}"
    );
    let account = world.account.clone();
    world.sign_in_at_provider(&mut browser, &account).await;
    let refused = world.sign_in(&mut browser, &none).await.unwrap_err();
    assert!(
        matches!(&refused, SignInError::Declined { code, .. } if code == "consent_required"),
        "{refused:?}"
    );
    assert!(browser.pages.is_empty());
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    world.sign_in(&mut browser, &none).await.unwrap();
}

#[tokio::test]
async fn a_refresh_keeps_the_person_and_the_time_and_has_no_nonce() {
    let world = World::new().await;
    let signed_in = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
    world.clock.advance(Duration::hours(1));
    let refreshed = world.party.refresh(&signed_in.tokens).await.unwrap();
    let (old, new) = (&signed_in.tokens.claims.all, &refreshed.claims.all);
    for same in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert!(!new.contains_key("nonce"));
    assert_ne!(old["iat"], new["iat"]);
    assert_ne!(refreshed.access_token.expose(), signed_in.tokens.access_token.expose());
}

#[tokio::test]
async fn pushed_requests_work_the_same() {
    let world =
        World::with(|client| client.require_pushed_requests(), |config| config.with_pushed_requests()).await;
    let url = world.party.begin(&Browser::new(&world).at_party, &SignInOptions::new(), None).await.unwrap();
    assert!(url.contains("request_uri=") && !url.contains("code_challenge"), "{url}");
    world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
}

#[tokio::test]
async fn keys_rotate_in_mid_session_and_break_no_client() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let before = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let kid = |token: &str| {
        let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    world.server.keys().rotate(ciam_core::jose::Algorithm::Es256).await.unwrap();
    let policy = *world.server.keys().policy();
    world.clock.advance(policy.publish_ahead);
    world.server.keys().maintain().await.unwrap();
    // The old access token is still good, a refresh signs with the new key, and the relying party finds it.
    world.clock.advance(Duration::seconds(31));
    let refreshed = world.party.refresh(&before.tokens).await.unwrap();
    assert_ne!(kid(before.tokens.id_token.expose()), kid(refreshed.id_token.expose()));
    world.party.userinfo(&refreshed).await.unwrap();
    world.sign_in(&mut browser, &SignInOptions::new().with_prompt("login")).await.unwrap();
}

/// S25: a client knows a person by one name, at every endpoint; the logout token has it too (`backchannel.rs`).
#[tokio::test]
async fn s25_pairwise_subjects_are_the_same_everywhere_for_one_client() {
    let public = World::new().await;
    let pairwise =
        World::with(|client| client.with_subject_type(SubjectType::Pairwise), |config| config).await;
    let one = public.sign_in(&mut Browser::new(&public), &SignInOptions::new()).await.unwrap();
    let two = pairwise.sign_in(&mut Browser::new(&pairwise), &SignInOptions::new()).await.unwrap();
    assert_ne!(one.tokens.claims.subject, two.tokens.claims.subject);
    let userinfo = pairwise.party.userinfo(&two.tokens).await.unwrap();
    assert_eq!(userinfo["sub"], two.tokens.claims.subject);
    let inspected = pairwise.server.inspect(two.tokens.access_token.expose()).await.unwrap().unwrap();
    assert_eq!(inspected.claims.sub, two.tokens.claims.subject);
    let token = [("token", two.tokens.access_token.expose())];
    let (_, introspected) = pairwise.post("/introspect", "web", &token).await;
    assert_eq!((&introspected["active"], &introspected["sub"]), (&json!(true), &userinfo["sub"]));
    let refreshed = pairwise.party.refresh(&two.tokens).await.unwrap();
    assert_eq!(refreshed.claims.subject, two.tokens.claims.subject);
}

#[tokio::test]
async fn an_id_token_hint_asks_for_its_person() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let signed_in = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let bob = account(&world.ports, "bob@example.com").await;
    world.sign_in_at_provider(&mut browser, &bob).await;
    let url =
        world.party.begin(&browser.at_party, &SignInOptions::new().with_prompt("none"), None).await.unwrap();
    let with_hint = format!("{url}&id_token_hint={}", signed_in.tokens.id_token.expose());
    let back = world.follow(&mut browser, &with_hint).await;
    assert!(back.contains("error=login_required"), "{back}");
    // A hint that has expired still says who; one that is none of ours is refused.
    world.clock.advance(Duration::hours(1));
    let back = world.follow(&mut browser, &with_hint).await;
    assert!(back.contains("error=login_required"), "{back}");
    for bad in ["x", "e30.e30.e30", signed_in.tokens.access_token.expose()] {
        let back = world.follow(&mut browser, &format!("{url}&id_token_hint={bad}")).await;
        assert!(back.contains("error=invalid_request"), "{back}");
    }
}

#[tokio::test]
async fn single_claims_go_where_they_were_asked_for() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let url = world.party.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
    let claims = r#"{"id_token":{"email":null,"auth_time":{"essential":true}},"userinfo":{"name":null}}"#;
    let claims: String = url::form_urlencoded::byte_serialize(claims.as_bytes()).collect();
    let back = world.follow(&mut browser, &format!("{url}&claims={claims}")).await;
    let response = crate::world::response_of(&back);
    let signed_in = world.party.finish(Some(&browser.at_party), &response).await.unwrap();
    assert_eq!(signed_in.tokens.claims.all["email"], "ada@example.com");
    assert!(!signed_in.tokens.claims.all.contains_key("name"));
}

#[tokio::test]
async fn an_essential_level_that_cannot_be_reached_is_an_error_and_never_a_downgrade() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let url =
        world.party.begin(&browser.at_party, &SignInOptions::new().with_prompt("none"), None).await.unwrap();
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["urn:ciam:acr:aal2"]}}}"#;
    let claims: String = url::form_urlencoded::byte_serialize(claims.as_bytes()).collect();
    let back = world.follow(&mut browser, &format!("{url}&claims={claims}")).await;
    assert_eq!(param(&back, "error").as_deref(), Some("unmet_authentication_requirements"));
    assert_eq!(param(&back, "code"), None);
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let url = world.party.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
    let plain = url.replace("scope=openid+profile+email+offline_access", "scope=offline_access");
    assert_ne!(url, plain);
    let back = world.follow(&mut browser, &plain).await;
    let refused =
        world.party.finish(Some(&browser.at_party), &crate::world::response_of(&back)).await.unwrap_err();
    assert!(matches!(refused, SignInError::IdToken(IdTokenError::Missing)), "{refused:?}");
}
