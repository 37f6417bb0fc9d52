//! Sign in with Apple, and its notices.

use super::*;

/// Apple: a secret that is signed anew, a response in a form, a name that comes once.
#[tokio::test]
async fn apple_takes_a_signed_secret_and_posts_the_name_once() {
    let net = Net::new();
    net.discoverable(
        "https://appleid.apple.com/.well-known/openid-configuration",
        "https://appleid.apple.com",
    );
    let apple = provider(&net, "apple", |setup| setup);
    assert!(apple.posts_back());
    let url = net.begin(&apple).await;
    assert_eq!(param(&url, "response_mode").as_deref(), Some("form_post"));
    assert_eq!(param(&url, "scope").as_deref(), Some("openid name email"));
    let claims = json!({
        "iss": "https://appleid.apple.com", "email": "x7@privaterelay.appleid.com", "email_verified": "true",
        "is_private_email": "true", "real_user_status": 2,
    });
    let user = json!({ "name": { "firstName": "Ada", "lastName": "Lovelace" }, "email": "eve@example.com" });
    let arrived = net.arrive(&apple, "app", &claims, &[("user", &user.to_string())]).await.unwrap();
    let identity = &arrived.identity;
    assert_eq!(
        (identity.given_name.as_deref(), identity.family_name.as_deref()),
        (Some("Ada"), Some("Lovelace"))
    );
    assert_eq!(identity.name.as_deref(), Some("Ada Lovelace"));
    let email = identity.email.as_ref().unwrap();
    assert_eq!((email.address.as_str(), email.verified), ("x7@privaterelay.appleid.com", true));
    let apples = AppleClaims::of(&arrived.granted.open_id().unwrap().claims);
    assert!(apples.is_private_email);
    assert_eq!(apples.real_user, RealUser::LikelyReal);

    let sent = form(&net.sent_to("/token"));
    let secret = sent["client_secret"].as_str().unwrap();
    let (header, claims) = (crate::world::header_of(secret), crate::world::claims_of(secret));
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &json!("KEY1234567")));
    assert_eq!(claims["iss"], "TEAM123456");
    assert_eq!(claims["sub"], "app");
    assert_eq!(claims["aud"], "https://appleid.apple.com");
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=15_777_000).contains(&lifetime), "six months at most: {lifetime}");

    // A name that the provider signed is not replaced by one that the browser wrote.
    let named = json!({ "iss": "https://appleid.apple.com", "email": "x7@privaterelay.appleid.com", "name": "Grace" });
    let signed = net.arrive(&apple, "app", &named, &[("user", &user.to_string())]).await.unwrap();
    assert_eq!((signed.identity.name.as_deref(), signed.identity.given_name), (Some("Grace"), None));

    // Later there is no name, and what somebody writes there is no address: without one in the token there is none.
    let bare = json!({ "iss": "https://appleid.apple.com" });
    net.put("https://endpoints.example/userinfo", json!({ "sub": "1001" }));
    let again = net.arrive(&apple, "app", &bare, &[("user", &user.to_string())]).await.unwrap();
    assert_eq!(again.identity.email, None);
    for wrong in ["{", "[]", "{\"name\":7}"] {
        let arrived = net.arrive(&apple, "app", &bare, &[("user", wrong)]).await.unwrap();
        assert_eq!(arrived.identity.given_name, None, "{wrong}");
    }
}

/// What Apple says of its own accord is signed by Apple, for this client, young, and said once.
#[tokio::test]
async fn apples_notices_are_checked_and_taken_once() {
    let net = Net::new();
    let place = "https://appleid.apple.com";
    net.discoverable(&format!("{place}/.well-known/openid-configuration"), place);
    let apple = provider(&net, "apple", |setup| setup);
    let party = apple.open_id_party().unwrap();
    let now = net.ports.now().unix_timestamp();
    let events = |kind: &str| json!({ "type": kind, "sub": "001234.ab", "event_time": now }).to_string();
    let claims = |jti: &str, kind: &str| json!({ "iss": place, "aud": "app", "iat": now, "jti": jti, "events": events(kind) });
    let changed = |changes: Value| {
        let mut claims = claims("changed", "consent-revoked");
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    for (kind, expected, ends) in [
        ("email-disabled", AppleNoticeKind::EmailDisabled, false),
        ("email-enabled", AppleNoticeKind::EmailEnabled, false),
        ("consent-revoked", AppleNoticeKind::ConsentRevoked, true),
        ("account-delete", AppleNoticeKind::AccountDeleted, true),
    ] {
        let token = jose::sign(&net.signer, "JWT", &claims(kind, kind)).await.unwrap();
        let notice = party.check_apple_notice(&token).await.unwrap();
        assert_eq!((notice.subject.as_str(), notice.kind), ("001234.ab", expected));
        let subject = notice.ends().and_then(|token| token.subject);
        assert_eq!(subject.as_deref(), ends.then_some("001234.ab"));
        let replayed = party.check_apple_notice(&token).await.unwrap_err();
        assert!(matches!(replayed, AppleNoticeError::Replayed), "{replayed:?}");
    }
    let week = 7 * 24 * 3600;
    for wrong in [
        json!({ "iss": "https://evil.example" }),
        json!({ "aud": "another" }),
        json!({ "iat": now - week - 60 }),
        json!({ "iat": now + 60 }),
        json!({ "iat": null }),
        json!({ "exp": now - 60 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": "x".repeat(256) }),
        json!({ "event_time": "x".repeat(12 * 1024) }),
        json!({ "nonce": "n" }),
        json!({ "events": null }),
        json!({ "events": { "type": "consent-revoked", "sub": "001234.ab" } }),
        json!({ "events": "{\"type\":\"consent-revoked\"}" }),
        json!({ "events": events("something-else") }),
        json!({ "events": "{\"type\":\"consent-revoked\",\"sub\":\"\"}" }),
        json!({ "events": json!({ "type": "consent-revoked", "sub": "x".repeat(256) }).to_string() }),
    ] {
        let token = jose::sign(&net.signer, "JWT", &changed(wrong.clone())).await.unwrap();
        let refused = party.check_apple_notice(&token).await.unwrap_err();
        assert!(matches!(refused, AppleNoticeError::Invalid), "{wrong}: {refused:?}");
    }
    let thief = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("theirs");
    let forged = jose::sign(&thief, "JWT", &claims("forged", "account-delete")).await.unwrap();
    let long = format!("{forged}{}", "x".repeat(20_000));
    for token in [forged.as_str(), long.as_str(), "", "a.b.c"] {
        let refused = party.check_apple_notice(token).await.unwrap_err();
        assert!(matches!(refused, AppleNoticeError::Invalid), "{refused:?}");
    }
    let good = jose::sign(&net.signer, "JWT", &changed(json!({}))).await.unwrap();
    party.check_apple_notice(&good).await.unwrap();
    // It is remembered for as long as it could be taken.
    net.clock.advance(time::Duration::days(7));
    let replayed = party.check_apple_notice(&good).await.unwrap_err();
    assert!(matches!(replayed, AppleNoticeError::Replayed), "{replayed:?}");
}

/// A name that one provider gave to a message is nobody else's: what was taken of Apple is not taken from another.
#[tokio::test]
async fn a_notice_is_remembered_for_its_issuer_alone() {
    let net = Net::new();
    let issuers = [("apple", "https://appleid.apple.com"), ("google", "https://accounts.google.com")];
    let now = net.ports.now().unix_timestamp();
    let events = json!({ "type": "consent-revoked", "sub": "001234.ab", "event_time": now }).to_string();
    for (name, issuer) in issuers {
        net.discoverable(&format!("{issuer}/.well-known/openid-configuration"), issuer);
        let known = provider(&net, name, |setup| setup);
        let party = known.open_id_party().unwrap();
        let claims = json!({ "iss": issuer, "aud": "app", "iat": now, "jti": "one", "events": events });
        let token = jose::sign(&net.signer, "JWT", &claims).await.unwrap();
        party.check_apple_notice(&token).await.unwrap();
        let replayed = party.check_apple_notice(&token).await.unwrap_err();
        assert!(matches!(replayed, AppleNoticeError::Replayed), "{name}: {replayed:?}");
    }
}
