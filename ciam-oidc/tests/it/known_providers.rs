//! Well-known providers: each row of the table signs somebody in, with answers of the shape that its sources show.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::http::{BrowserId, Params};
use ciam_core::jose::{self, Algorithm, LocalSigner};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::ports::Ports;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oidc::rp::known::{KnownProvider, Protocol, Setup, SetupError};
use ciam_oidc::rp::{
    AppleClaims, AppleNoticeError, AppleNoticeKind, Arrived, EntraClaims, HostedDomains, IdTokenError,
    IdentityProvider, RealUser, SignInError, SignInOptions,
};
use http::{Request, Response};
use serde_json::{Map, Value, json};
use url::Url;

const SECRET: &str = "a-secret-of-the-application-0123456789";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER_TENANT: &str = "00000000-86f1-41af-91ab-2d7cd011db47";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Where a profile is and what it says, and the same of a list of addresses.
type Profile = (String, Value, Option<(String, Value)>);
type Documents = Arc<Mutex<BTreeMap<String, Value>>>;

/// Providers that answer what the test put at an address, without its query, and an application.
struct Net {
    ports: Ports,
    clock: Arc<ManualClock>,
    network: MemoryHttpClient,
    documents: Documents,
    signer: LocalSigner,
    browser: BrowserId,
}

impl Net {
    fn new() -> Self {
        let network = MemoryHttpClient::new();
        let clock = Arc::new(ManualClock::default());
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(11)))
            .with_http_client(Arc::new(network.clone()));
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("theirs");
        Self { ports, clock, network, documents: Documents::default(), signer, browser }
    }

    fn put(&self, url: &str, document: Value) {
        let host = Url::parse(url).unwrap().host_str().unwrap().to_owned();
        let place = url.split('?').next().unwrap().to_owned();
        self.documents.lock().unwrap().insert(place, document);
        let documents = self.documents.clone();
        self.network.serve(&host, move |request: Request<Bytes>| {
            let url = request.uri().to_string();
            let document = documents.lock().unwrap().get(url.split('?').next().unwrap()).cloned();
            let status = if document.is_some() { 200 } else { 404 };
            let body = Bytes::from(document.unwrap_or_default().to_string());
            let response = Response::builder().status(status).header("content-type", "application/json");
            let response = response.body(body).unwrap();
            Box::pin(async move { response })
        });
    }

    /// The metadata of an issuer, at the address where they are asked for.
    fn discoverable(&self, url: &str, issuer: &str) {
        let place = "https://endpoints.example";
        self.put(
            url,
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{place}/authorize"),
                "token_endpoint": format!("{place}/token"),
                "userinfo_endpoint": format!("{place}/userinfo"),
                "jwks_uri": format!("{place}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            }),
        );
        self.put(&format!("{place}/keys"), json!({ "keys": [self.signer.public_jwk().unwrap()] }));
    }

    async fn begin(&self, provider: &IdentityProvider) -> String {
        provider.begin(&self.browser, &SignInOptions::new(), None).await.unwrap()
    }

    /// Comes back from a provider of OpenID Connect whose ID token says this, beside what every one says.
    async fn arrive(
        &self,
        provider: &IdentityProvider,
        audience: &str,
        claims: &Value,
        more: &[(&str, &str)],
    ) -> Result<Arrived, SignInError> {
        let url = self.begin(provider).await;
        let now = self.ports.now().unix_timestamp();
        let mut all = json!({ "sub": "1001", "aud": audience, "iat": now, "exp": now + 300 });
        all["nonce"] = json!(param(&url, "nonce"));
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let token = jose::sign(&self.signer, "JWT", &all).await.unwrap();
        self.put(
            "https://endpoints.example/token",
            json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 3600, "id_token": token }),
        );
        let mut pairs = vec![("state", param(&url, "state").unwrap()), ("code", "c".to_owned())];
        pairs.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        provider.finish(Some(&self.browser), &Params::from_pairs(pairs)).await
    }

    fn sent_to(&self, path: &str) -> Request<Bytes> {
        self.network.requests().into_iter().rfind(|request| request.uri().path() == path).unwrap()
    }
}

fn param(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn form(request: &Request<Bytes>) -> Map<String, Value> {
    let text = std::str::from_utf8(request.body()).unwrap();
    let url = Url::parse(&format!("https://x.example/?{text}")).unwrap();
    url.query_pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect()
}

fn setup(row: &KnownProvider) -> Setup {
    let mut setup = Setup::new("app", format!("https://app.example/upstream/{}/callback", row.id));
    let samples = [
        ("host", "login.customer.example"),
        ("realm", "staff"),
        ("server", "default"),
        ("tenant", TENANT),
        ("region", "eu-central-1"),
        ("pool", "eu-central-1_AbCdEf"),
        ("environment", "3bedc164-22f1-4f8f-9f51-227975033cbd"),
        ("version", "v23.0"),
    ];
    for (name, value) in samples {
        if row.values.iter().any(|it| it.name == name) {
            setup = setup.with_value(name, value);
        }
    }
    match row.id {
        "apple" => {
            let key =
                LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("KEY1234567");
            setup.with_key(Arc::new(key), "TEAM123456")
        }
        _ => setup.with_secret(SECRET),
    }
}

fn provider(net: &Net, id: &str, change: impl FnOnce(Setup) -> Setup) -> IdentityProvider {
    let row = KnownProvider::find(id).unwrap();
    row.connect(net.ports.clone(), change(setup(row))).unwrap()
}

/// Every issuer is discovered where its provider has its metadata, and signs somebody in.
#[tokio::test]
async fn every_issuer_of_the_table_is_discovered() {
    // The address that is asked, the issuer in the document, and that of the ID token where it is another.
    let entra = "https://login.microsoftonline.com";
    let template = format!("{entra}/{{tenantid}}/v2.0");
    let tenants = format!("{entra}/{TENANT}/v2.0");
    let personal = format!("{entra}/{PERSONAL}/v2.0");
    let host = "https://login.customer.example";
    let table = [
        ("apple", "https://appleid.apple.com".to_owned(), None),
        ("auth0", format!("{host}/"), None),
        ("cognito", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf".to_owned(), None),
        ("dropbox", "https://www.dropbox.com".to_owned(), None),
        ("entra", tenants.clone(), None),
        ("gitlab", host.to_owned(), None),
        ("google", "https://accounts.google.com".to_owned(), None),
        ("kakao", "https://kauth.kakao.com".to_owned(), None),
        ("keycloak", format!("{host}/realms/staff"), None),
        ("linkedin", "https://www.linkedin.com/oauth".to_owned(), None),
        ("microsoft", template.clone(), Some((format!("{entra}/common/v2.0"), tenants.clone()))),
        ("microsoft-personal", personal.clone(), Some((format!("{entra}/consumers/v2.0"), personal))),
        ("microsoft-work", template, Some((format!("{entra}/organizations/v2.0"), tenants))),
        ("okta", host.to_owned(), None),
        ("okta-server", format!("{host}/oauth2/default"), None),
        ("ping", format!("{host}/3bedc164-22f1-4f8f-9f51-227975033cbd/as"), None),
        ("salesforce", host.to_owned(), None),
        ("slack", "https://slack.com".to_owned(), None),
        ("twitch", "https://id.twitch.tv/oauth2".to_owned(), None),
        ("yahoo", "https://api.login.yahoo.com".to_owned(), None),
    ];
    let of_openid = |row: &&KnownProvider| matches!(row.protocol, Protocol::OpenId(_));
    let rows: Vec<&str> = KnownProvider::all().into_iter().filter(of_openid).map(|row| row.id).collect();
    assert_eq!(rows, table.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), "every row is tried");
    for (id, issuer, other) in table {
        let net = Net::new();
        let base = other.as_ref().map_or(&issuer, |(base, _)| base).trim_end_matches('/');
        net.discoverable(&format!("{base}/.well-known/openid-configuration"), &issuer);
        let found = provider(&net, id, |setup| setup);
        let named = other.as_ref().map_or(&issuer, |(_, named)| named);
        let said = json!({ "iss": named, "email": "ada@example.com", "tid": TENANT, "name": "Ada" });
        let arrived = net.arrive(&found, "app", &said, &[]).await.unwrap();
        assert_eq!(arrived.identity.issuer, *named, "{id}");
        assert_eq!(arrived.identity.subject, "1001", "{id}");
        assert!(!arrived.identity.email.unwrap().verified, "{id}: an address that nobody verified");
        assert!(found.is_issuer(named) && !found.is_issuer("https://evil.example"), "{id}");
        // Metadata of another issuer at the same address.
        let net = Net::new();
        net.discoverable(&format!("{base}/.well-known/openid-configuration"), "https://evil.example");
        let refused =
            provider(&net, id, |setup| setup).begin(&net.browser, &SignInOptions::new(), None).await;
        assert!(matches!(refused, Err(SignInError::Discovery(_))), "{id}: {refused:?}");
    }
}

/// What a provider's interface answers, and who that is.
#[tokio::test]
async fn every_profile_of_the_table_is_read() {
    let list = |address: &str, primary: &str, verified: &str| {
        json!([
            { address: "old@example.com", primary: false, verified: true },
            { address: "ada@example.com", primary: true, verified: true },
        ])
    };
    let host = "https://login.customer.example";
    let github = |place: &str| {
        let profile = json!({
            "login": "ada", "id": 583_231, "avatar_url": "https://img.example/a.png", "name": "Ada",
            "email": "shown@example.com", "type": "User",
        });
        (
            format!("{place}/user"),
            profile,
            Some((format!("{place}/user/emails"), list("email", "primary", "verified"))),
        )
    };
    let table: Vec<(&str, Profile, &str, Option<bool>)> = vec![
        (
            "amazon",
            (
                "https://api.amazon.com/user/profile".to_owned(),
                json!({ "user_id": "amzn1.account.K2LI23KL2LK2", "email": "ada@example.com", "name": "Ada" }),
                None,
            ),
            "amzn1.account.K2LI23KL2LK2",
            Some(false),
        ),
        (
            "bitbucket",
            (
                "https://api.bitbucket.org/2.0/user".to_owned(),
                json!({
                    "type": "user", "uuid": "{c788b2da-b7a2-404c-9e26-d3f077557007}", "display_name": "Ada",
                    "links": { "avatar": { "href": "https://img.example/a.png" } },
                }),
                Some((
                    "https://api.bitbucket.org/2.0/user/emails".to_owned(),
                    json!({ "values": list("email", "is_primary", "is_confirmed") }),
                )),
            ),
            "{c788b2da-b7a2-404c-9e26-d3f077557007}",
            Some(true),
        ),
        (
            "discord",
            (
                "https://discord.com/api/users/@me".to_owned(),
                json!({
                    "id": "80351110224678912", "username": "ada", "global_name": "Ada", "verified": true,
                    "email": "ada@example.com", "avatar": "8342729096ea3675442027381ff50dfe",
                }),
                None,
            ),
            "80351110224678912",
            Some(true),
        ),
        (
            "facebook",
            (
                "https://graph.facebook.com/v23.0/me".to_owned(),
                json!({
                    "id": "10101010101010101", "name": "Ada", "first_name": "Ada", "email": "ada@example.com",
                    "picture": { "data": { "url": "https://img.example/a.png", "is_silhouette": false } },
                }),
                None,
            ),
            "10101010101010101",
            Some(false),
        ),
        ("github", github("https://api.github.com"), "583231", Some(true)),
        ("github-enterprise", github(&format!("{host}/api/v3")), "583231", Some(true)),
        (
            "line",
            (
                "https://api.line.me/v2/profile".to_owned(),
                json!({ "userId": "U4af4980629", "displayName": "Ada", "pictureUrl": "https://img.example/a" }),
                None,
            ),
            "U4af4980629",
            None,
        ),
        (
            "reddit",
            ("https://oauth.reddit.com/api/v1/me".to_owned(), json!({ "id": "1w72", "name": "Ada" }), None),
            "1w72",
            None,
        ),
        (
            "spotify",
            (
                "https://api.spotify.com/v1/me".to_owned(),
                json!({
                    "id": "wizzler", "display_name": "Ada", "email": "ada@example.com",
                    "images": [{ "url": "https://img.example/a.png", "height": null }],
                }),
                None,
            ),
            "wizzler",
            Some(false),
        ),
        (
            "x",
            (
                "https://api.x.com/2/users/me".to_owned(),
                json!({
                    "data": { "id": "2244994945", "name": "Ada", "username": "ada", "confirmed_email": "ada@example.com" },
                }),
                None,
            ),
            "2244994945",
            Some(true),
        ),
        (
            "zoom",
            (
                "https://api.zoom.us/v2/users/me".to_owned(),
                json!({ "id": "z8yAAAAA8bbbQ", "first_name": "Ada", "display_name": "Ada", "email": "ada@example.com" }),
                None,
            ),
            "z8yAAAAA8bbbQ",
            Some(false),
        ),
    ];
    let of_oauth = |row: &&KnownProvider| matches!(row.protocol, Protocol::OAuth(_));
    let rows: Vec<&str> = KnownProvider::all().into_iter().filter(of_oauth).map(|row| row.id).collect();
    assert_eq!(rows, table.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), "every row is tried");
    for (id, (place, profile, emails), subject, verified) in table {
        let net = Net::new();
        let Protocol::OAuth(known) = KnownProvider::find(id).unwrap().protocol else { unreachable!() };
        let found = provider(&net, id, |setup| setup);
        let token = known.token_endpoint.replace("{version}", "v23.0").replace("https://{host}", host);
        net.put(&token, json!({ "access_token": "the-token", "token_type": "bearer" }));
        net.put(&place, profile);
        if let Some((place, list)) = emails {
            net.put(&place, list);
        }
        let url = net.begin(&found).await;
        let response =
            vec![("state".to_owned(), param(&url, "state").unwrap()), ("code".to_owned(), "c".to_owned())];
        let arrived = found.finish(Some(&net.browser), &Params::from_pairs(response)).await.unwrap();
        let identity = arrived.identity;
        assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), (found.issuer(), subject), "{id}");
        let email = identity.email.map(|email| (email.address, email.verified));
        assert_eq!(email, verified.map(|verified| ("ada@example.com".to_owned(), verified)), "{id}");
        assert_eq!(identity.name.as_deref(), Some("Ada"), "{id}");
        assert!(arrived.granted.open_id().is_none(), "{id}");
        if id == "facebook" {
            let url = net.sent_to("/v23.0/me").uri().to_string();
            assert_eq!(param(&url, "appsecret_proof").unwrap().len(), 64);
            assert!(param(&url, "fields").unwrap().contains("email"));
        }
    }
}

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

/// Google: a hosted domain that was asked for is checked, and an old spelling of the issuer is the same provider.
#[tokio::test]
async fn google_hosted_domains_are_checked_in_the_token() {
    let net = Net::new();
    net.discoverable(
        "https://accounts.google.com/.well-known/openid-configuration",
        "https://accounts.google.com",
    );
    net.put("https://endpoints.example/userinfo", json!({ "sub": "1001" }));
    let domain = HostedDomains::Only(vec!["example.com".to_owned()]);
    let google = provider(&net, "google", |setup| setup.with_hosted_domains(domain));
    assert_eq!(param(&net.begin(&google).await, "hd").as_deref(), Some("example.com"));
    for (hd, accepted) in [(Some("example.com"), true), (Some("evil.example"), false), (None, false)] {
        let claims = json!({ "iss": "accounts.google.com", "hd": hd });
        match net.arrive(&google, "app", &claims, &[]).await {
            Ok(arrived) => {
                assert!(accepted, "{hd:?}");
                assert_eq!(arrived.identity.issuer, "https://accounts.google.com");
                assert_eq!(arrived.identity.tenant.as_deref(), hd);
            }
            Err(refused) => assert!(
                !accepted && matches!(refused, SignInError::IdToken(IdTokenError::HostedDomain)),
                "{hd:?}: {refused:?}"
            ),
        }
    }
}

/// What the ID token does not say of the address, UserInfo is asked for; a `user` beside the code is nobody's but Apple's.
#[tokio::test]
async fn the_address_is_asked_for_where_the_token_has_none() {
    let net = Net::new();
    let place = "https://accounts.google.com";
    net.discoverable(&format!("{place}/.well-known/openid-configuration"), place);
    let told =
        json!({ "sub": "1001", "email": "ada@gmail.com", "email_verified": true, "hd": "example.com" });
    net.put("https://endpoints.example/userinfo", told);
    let google = provider(&net, "google", |setup| setup);
    let user = json!({ "name": { "firstName": "Eve" } }).to_string();
    let arrived = net.arrive(&google, "app", &json!({ "iss": place }), &[("user", &user)]).await.unwrap();
    let email = arrived.identity.email.unwrap();
    assert_eq!((email.address.as_str(), email.verified), ("ada@gmail.com", true));
    assert_eq!(
        (arrived.identity.tenant, arrived.identity.given_name, arrived.identity.name),
        (None, None, None)
    );
    // What the token says of an address is not said of another one.
    net.put("https://endpoints.example/userinfo", json!({ "sub": "1001", "email": "eve@gmail.com" }));
    let claims = json!({ "iss": place, "email_verified": true, "xms_edov": true });
    let email = net.arrive(&google, "app", &claims, &[]).await.unwrap().identity.email.unwrap();
    assert_eq!((email.address.as_str(), email.verified), ("eve@gmail.com", false));
}

/// LinkedIn does not repeat the nonce and refuses PKCE; what repeats another is refused all the same.
#[tokio::test]
async fn linkedin_gets_no_challenge_and_repeats_no_nonce() {
    let net = Net::new();
    let place = "https://www.linkedin.com/oauth";
    net.discoverable(&format!("{place}/.well-known/openid-configuration"), place);
    net.put("https://endpoints.example/userinfo", json!({ "sub": "1001" }));
    let linkedin = provider(&net, "linkedin", |setup| setup);
    assert_eq!(param(&net.begin(&linkedin).await, "code_challenge"), None);
    net.arrive(&linkedin, "app", &json!({ "iss": place, "nonce": null }), &[]).await.unwrap();
    assert_eq!(form(&net.sent_to("/token")).get("code_verifier"), None);
    let refused =
        net.arrive(&linkedin, "app", &json!({ "iss": place, "nonce": "another" }), &[]).await.unwrap_err();
    assert!(matches!(refused, SignInError::IdToken(IdTokenError::Nonce)), "{refused:?}");
}

#[test]
fn a_registration_that_does_not_fit_is_refused_and_nothing_is_left_out() {
    type Change = fn(Setup) -> Setup;
    let hosted: Change = |it| it.with_hosted_domains(HostedDomains::Any);
    let tenant: Change = |it| it.with_tenants([TENANT.to_owned()]);
    let table: Vec<(&str, Change, SetupError)> = vec![
        (
            "keycloak",
            |mut it| {
                it.values.remove("realm");
                it
            },
            SetupError::MissingValue("realm"),
        ),
        ("keycloak", |it| it.with_value("realm", "a/b"), SetupError::Value("realm")),
        ("keycloak", |it| it.with_value("host", "evil.example/x"), SetupError::Value("host")),
        ("google", |it| it.with_value("host", "evil.example"), SetupError::UnknownValue("host".to_owned())),
        ("entra", |it| it.with_value("tenant", "common"), SetupError::Value("tenant")),
        ("entra", tenant, SetupError::NoTenants),
        ("google", tenant, SetupError::NoTenants),
        ("github", tenant, SetupError::NoTenants),
        ("microsoft", |it| it.with_tenants(["contoso.com".to_owned()]), SetupError::Value("tenants")),
        ("microsoft-work", |it| it.with_tenants([PERSONAL.to_owned()]), SetupError::Value("tenants")),
        ("apple", hosted, SetupError::NoHostedDomains),
        ("github", hosted, SetupError::NoHostedDomains),
        ("apple", |it| it.with_secret(SECRET), SetupError::Credential),
        (
            "apple",
            |it| {
                let key = LocalSigner::generate(&*crypto::ring(), Algorithm::EdDsa).unwrap().with_kid("KEY");
                it.with_key(Arc::new(key), "TEAM")
            },
            SetupError::Credential,
        ),
        (
            "google",
            |it| {
                let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("KEY");
                it.with_key(Arc::new(key), "TEAM")
            },
            SetupError::Credential,
        ),
        (
            "facebook",
            |it| Setup::new(it.client_id, it.redirect_uri),
            SetupError::Provider(ciam_oidc::rp::oauth::OAuthProviderError::NoSecret),
        ),
    ];
    for (id, change, expected) in table {
        let row = KnownProvider::find(id).unwrap();
        let refused = row.connect(memory::ports(), change(setup(row))).unwrap_err();
        assert_eq!(refused, expected, "{id}");
    }
}
