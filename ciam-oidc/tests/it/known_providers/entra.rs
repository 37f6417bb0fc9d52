//! Microsoft Entra: whose tenant speaks.

use super::*;

/// Microsoft: whose token it is says the tenant in it, and the issuer must be that tenant's.
#[tokio::test]
async fn entra_tenants_do_not_stand_for_each_other() {
    let issuer = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let net = Net::new();
    for endpoint in ["common", "organizations"] {
        let url =
            format!("https://login.microsoftonline.com/{endpoint}/v2.0/.well-known/openid-configuration");
        net.discoverable(&url, &issuer("{tenantid}"));
    }
    net.put("https://endpoints.example/userinfo", json!({ "sub": "1001" }));
    let any = provider(&net, "microsoft", |setup| setup);
    let work = provider(&net, "microsoft-work", |setup| setup);
    let one = provider(&net, "microsoft", |setup| setup.with_tenants([TENANT.to_owned()]));
    let says = |iss: &str, tid: Value| json!({ "iss": iss, "tid": tid });
    for (claims, expected) in [
        (says(&issuer(TENANT), json!(TENANT)), [true, true, true]),
        (says(&issuer(OTHER_TENANT), json!(OTHER_TENANT)), [true, true, false]),
        // A personal account is none of work, whichever address the browser was sent to.
        (says(&issuer(PERSONAL), json!(PERSONAL)), [true, false, false]),
        // One says the issuer, another the tenant.
        (says(&issuer(OTHER_TENANT), json!(TENANT)), [false, false, false]),
        (says(&issuer(TENANT), json!(OTHER_TENANT)), [false, false, false]),
        (says(&issuer("{tenantid}"), json!("{tenantid}")), [false, false, false]),
        (says(&issuer(TENANT), Value::Null), [false, false, false]),
        (says(&issuer("common"), json!("common")), [false, false, false]),
        (says(&issuer(&TENANT.to_ascii_uppercase()), json!(TENANT)), [false, false, false]),
        (says("https://sts.windows.net/x/", json!(TENANT)), [false, false, false]),
    ] {
        for (provider, expected) in [&any, &work, &one].into_iter().zip(expected) {
            match net.arrive(provider, "app", &claims, &[]).await {
                Ok(arrived) => {
                    assert!(expected, "{claims}");
                    // Two tenants' people of one subject are two people.
                    assert_eq!(arrived.identity.issuer, claims["iss"], "{claims}");
                    assert_eq!(arrived.identity.tenant.as_deref(), claims["tid"].as_str());
                }
                Err(refused) => assert!(
                    !expected && matches!(refused, SignInError::IdToken(IdTokenError::Issuer)),
                    "{claims}: {refused:?}"
                ),
            }
        }
    }
    assert!(any.is_issuer(&issuer(PERSONAL)) && !work.is_issuer(&issuer(PERSONAL)));
    assert!(!one.is_issuer(&issuer(OTHER_TENANT)) && !any.is_issuer(&issuer("{tenantid}")));
    // An administrator types any address; only one that the domain's owner proved is believed.
    for (edov, verified) in
        [(json!(true), true), (json!("1"), true), (json!(false), false), (Value::Null, false)]
    {
        let claims = json!({
            "iss": issuer(TENANT), "tid": TENANT, "email": "ada@example.com", "email_verified": true, "xms_edov": edov,
        });
        let arrived = net.arrive(&any, "app", &claims, &[]).await.unwrap();
        assert_eq!(arrived.identity.email.unwrap().verified, verified, "{edov}");
    }
}

/// Who somebody is in the tenant, where the token says it well.
#[tokio::test]
async fn entra_says_who_somebody_is_in_the_tenant() {
    let net = Net::new();
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    net.discoverable(&format!("{issuer}/.well-known/openid-configuration"), &issuer);
    net.put("https://endpoints.example/userinfo", json!({ "sub": "1001" }));
    let entra = provider(&net, "entra", |setup| setup);
    for (oid, known) in [(json!(OTHER_TENANT), true), (json!("1"), false), (json!(null), false)] {
        let claims = json!({ "iss": issuer, "tid": TENANT, "oid": oid });
        let arrived = net.arrive(&entra, "app", &claims, &[]).await.unwrap();
        let found = EntraClaims::of(&arrived.granted.open_id().unwrap().claims);
        assert_eq!(found.is_some_and(|it| it.tenant == TENANT && it.object == OTHER_TENANT), known, "{oid}");
    }
}
