//! Well-known providers: each row of the table signs somebody in, with answers of the shape that its sources show.

mod apple;
mod entra;
mod profiles;

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
