//! `oidcc-dynamic-certification-test-plan`, and `oidcc-3rdparty-init-login-certification-test-plan` by dynamic registration: every
//! client registers itself.

use base64::Engine as _;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::http::{Params, ParamsLimits};
use ciam_core::jose::{Algorithm, LocalSigner, sign};
use ciam_oauth::registration::RegistrationSettings;
use ciam_oauth::request_object::RequestObjects;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::suite::{Browser, CALLBACK, ISSUER, Mode, Suite, encode};

const RSA: &[u8] = include_bytes!("../../data/rsa-2048.pk8");
const JWKS_URI: &str = "https://suite.example/jwks";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn suite() -> Suite {
    Suite::with(Mode::QUERY, |builder| {
        builder
            .registration(RegistrationSettings::default().open())
            .request_objects(RequestObjects::new().by_reference())
    })
    .await
}

/// A client that has registered itself.
struct Registered<'s> {
    suite: &'s Suite,
    told: Value,
}

async fn post_registration(suite: &Suite, metadata: &Value) -> Response<Bytes> {
    let request = Request::post("/register").header(CONTENT_TYPE, "application/json");
    let response = suite.send(request, metadata.to_string()).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    response
}

/// Refused, as OpenID Connect Registration, section 3.3 says.
async fn refused(suite: &Suite, metadata: &Value, codes: &[&str]) {
    let response = post_registration(suite, metadata).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert!(codes.contains(&body["error"].as_str().unwrap()), "{body}");
}

async fn register<'s>(suite: &'s Suite, changes: &Value) -> Registered<'s> {
    let mut metadata =
        json!({ "redirect_uris": [CALLBACK], "client_name": "Suite", "response_types": ["code"] });
    metadata.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let response = post_registration(suite, &metadata).await;
    let told: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(response.status(), StatusCode::CREATED, "{told}");
    // What was asked for is what is told.
    for (name, value) in changes.as_object().unwrap() {
        assert_eq!(told[name], *value, "{name}");
    }
    Registered { suite, told }
}

impl Registered<'_> {
    fn id(&self) -> &str {
        self.told["client_id"].as_str().unwrap()
    }

    fn params<'a>(&'a self, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut changes = changes.to_vec();
        changes.insert(0, ("client_id", self.id()));
        self.suite.request(&changes)
    }

    /// Authenticates as the client was told to, with the secret that it was given.
    async fn post_token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let secret = self.told["client_secret"].as_str().unwrap();
        let pair = format!("{}:{secret}", self.id());
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        let request = Request::post("/token")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, format!("Basic {pair}"));
        let response = self.suite.send(request, encode(form)).await;
        (response.status(), serde_json::from_slice(response.body()).unwrap())
    }

    async fn exchange(&self, code: &str) -> Value {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        let (status, tokens) = self.post_token(&form).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let claims = crate::world::claims_of(tokens["id_token"].as_str().unwrap());
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(self.id())));
        tokens
    }

    async fn flow(&self, changes: &[(&str, &str)]) -> Value {
        let back = Browser::default().authorize(self.suite, &self.params(changes)).await;
        self.exchange(&back.code()).await
    }
}

/// The answer of an authorization request that goes where `Browser` does not look: the last address.
async fn landed(suite: &Suite, params: &[(&str, &str)], callback: &str) -> Option<Params> {
    let mut browser = Browser::default();
    // Signed in before, so that nothing but the client is asked for.
    browser.authorize(suite, &suite.request(&[])).await.code();
    let response = browser.get(suite, &format!("/authorize?{}", encode(params))).await;
    if response.status() != StatusCode::SEE_OTHER {
        assert!(response.status().is_client_error());
        assert_eq!(response.headers().get(LOCATION), None);
        return None;
    }
    let location = browser.until_client(suite, response, callback).await;
    let query = location.split_once('?').unwrap().1;
    Some(Params::parse(query, ParamsLimits::default()).unwrap())
}

fn es256(kid: &str) -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
}

fn rs256(kid: &str) -> LocalSigner {
    LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Rs256, RSA).unwrap().with_kid(kid)
}

fn jwks(keys: &[&LocalSigner]) -> Value {
    json!({ "keys": keys.iter().map(|key| serde_json::to_value(key.public_jwk().unwrap()).unwrap()).collect::<Vec<_>>() })
}

fn serve(suite: &Suite, url: &str, content_type: &str, body: String) {
    let response = Response::builder().header(CONTENT_TYPE, content_type).body(Bytes::from(body)).unwrap();
    suite.outside.answer(url, response);
}

async fn assertion(suite: &Suite, key: &LocalSigner, client: &str, jti: &str) -> String {
    let now = suite.ports.now().unix_timestamp();
    let claims =
        json!({ "iss": client, "sub": client, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti });
    sign(key, "JWT", &claims).await.unwrap()
}

async fn post_with_assertion(suite: &Suite, form: &[(&str, &str)], assertion: &str) -> (StatusCode, Value) {
    let mut form = form.to_vec();
    form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion)]);
    let request = Request::post("/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = suite.send(request, encode(&form)).await;
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let metadata = suite().await.metadata().await;
    assert_eq!(metadata["registration_endpoint"], format!("{ISSUER}/register"));
    assert_eq!(metadata["request_uri_parameter_supported"], true);
    assert_eq!(metadata["require_request_uri_registration"], true);
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!("authorization_code")));
}

#[tokio::test]
async fn oidcc_server() {
    let suite = suite().await;
    register(&suite, &json!({})).await.flow(&[]).await;
}

#[tokio::test]
async fn oidcc_idtoken_rs256() {
    let suite = suite().await;
    let client = register(&suite, &json!({ "id_token_signed_response_alg": "RS256" })).await;
    let tokens = client.flow(&[]).await;
    let header = crate::world::header_of(tokens["id_token"].as_str().unwrap());
    assert_eq!(header["alg"], "RS256");
    assert!(header["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
}

/// `oidcc-idtoken-unsigned` and `oidcc-request-uri-unsigned`: `none` is not advertised, so the suite skips them. A client that asks
/// for it is refused.
#[tokio::test]
async fn oidcc_idtoken_unsigned_and_oidcc_request_uri_unsigned_are_skipped() {
    let suite = suite().await;
    let metadata = suite.metadata().await;
    for (list, member) in [
        ("id_token_signing_alg_values_supported", "id_token_signed_response_alg"),
        ("request_object_signing_alg_values_supported", "request_object_signing_alg"),
    ] {
        assert!(!metadata[list].as_array().unwrap().contains(&json!("none")), "{list}");
        let asked = json!({ "redirect_uris": [CALLBACK], member: "none" });
        refused(&suite, &asked, &["invalid_client_metadata"]).await;
    }
}

#[tokio::test]
async fn oidcc_userinfo_rs256() {
    let suite = suite().await;
    let metadata = suite.metadata().await;
    assert!(metadata["userinfo_signing_alg_values_supported"].as_array().unwrap().contains(&json!("RS256")));
    let client = register(&suite, &json!({ "userinfo_signed_response_alg": "RS256" })).await;
    let tokens = client.flow(&[]).await;
    let response = suite.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/jwt");
    let token = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(crate::world::header_of(token)["alg"], "RS256");
    let keys = suite.server.keys().keys().await.unwrap();
    let verifier = ciam_core::jose::Verifier::new(
        ciam_core::jose::AlgorithmSet::of(&[Algorithm::Rs256]),
        ciam_core::jose::TokenType::exactly("userinfo+jwt"),
    );
    let claims: Value = verifier.verify(token, keys.keys()).unwrap().claims().unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(client.id())));
    let id_token = crate::world::claims_of(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["sub"], id_token["sub"]);
    assert_eq!(claims.get("nonce"), None);
}

/// Two addresses, and none is named.
#[tokio::test]
async fn oidcc_ensure_redirect_uri_in_authorization_request() {
    let suite = suite().await;
    let uris = json!({ "redirect_uris": [CALLBACK, "https://suite.example/other"] });
    let client = register(&suite, &uris).await;
    let back = Browser::default().authorize(&suite, &client.params(&[("redirect_uri", "")])).await;
    assert!(back.is_error_page(), "{back:?}");
}

const WITH_QUERY: &str = "https://suite.example/callback?foo=bar";

#[tokio::test]
async fn oidcc_redirect_uri_query_ok() {
    let suite = suite().await;
    let client = register(&suite, &json!({ "redirect_uris": [WITH_QUERY] })).await;
    let params = landed(&suite, &client.params(&[("redirect_uri", WITH_QUERY)]), WITH_QUERY).await.unwrap();
    assert_eq!(params.one("foo").unwrap(), Some("bar"));
    assert!(params.one("code").unwrap().is_some());
}

#[tokio::test]
async fn oidcc_redirect_uri_query_mismatch() {
    let suite = suite().await;
    let client = register(&suite, &json!({ "redirect_uris": [WITH_QUERY] })).await;
    let other = "https://suite.example/callback?bar=foo";
    assert!(landed(&suite, &client.params(&[("redirect_uri", other)]), other).await.is_none());
}

#[tokio::test]
async fn oidcc_redirect_uri_query_added() {
    let suite = suite().await;
    let client = register(&suite, &json!({})).await;
    let added = format!("{CALLBACK}?foo=bar");
    assert!(landed(&suite, &client.params(&[("redirect_uri", &added)]), &added).await.is_none());
}

#[tokio::test]
async fn oidcc_redirect_uri_regfrag() {
    let suite = suite().await;
    let metadata = json!({ "redirect_uris": [format!("{CALLBACK}#foobar")] });
    refused(&suite, &metadata, &["invalid_redirect_uri", "invalid_client_metadata"]).await;
}

/// What the client registers is what the page that asks the person is given.
async fn shown(member: &str, url: &str, of: impl Fn(&ciam_core::interaction::ConsentAsk) -> Option<String>) {
    let suite = suite().await;
    let client = register(&suite, &json!({ member: url })).await;
    let mut browser = Browser::default();
    browser.authorize(&suite, &client.params(&[])).await.code();
    let asked = browser.asked.iter().find_map(|ask| match ask {
        ciam_core::interaction::Ask::Consent(ask) => Some(ask),
        _ => None,
    });
    assert_eq!(of(asked.unwrap()).as_deref(), Some(url));
}

#[tokio::test]
async fn oidcc_registration_logo_uri() {
    shown("logo_uri", "https://suite.example/logo.png", |ask| ask.client_logo.clone()).await;
}

#[tokio::test]
async fn oidcc_registration_policy_uri() {
    shown("policy_uri", "https://suite.example/policy", |ask| ask.client_policy.clone()).await;
}

#[tokio::test]
async fn oidcc_registration_tos_uri() {
    shown("tos_uri", "https://suite.example/tos", |ask| ask.client_terms.clone()).await;
}

#[tokio::test]
async fn oidcc_registration_jwks_uri() {
    let suite = suite().await;
    let key = rs256("suite-1");
    serve(&suite, JWKS_URI, "application/json", jwks(&[&key]).to_string());
    let metadata = json!({ "jwks_uri": JWKS_URI, "token_endpoint_auth_method": "private_key_jwt" });
    let client = register(&suite, &metadata).await;
    let code = Browser::default().authorize(&suite, &client.params(&[])).await.code();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    let assertion = assertion(&suite, &key, client.id(), "1").await;
    let (status, tokens) = post_with_assertion(&suite, &form, &assertion).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
}

const SECTOR: &str = "https://suite.example/sector.json";

#[tokio::test]
async fn oidcc_registration_sector_uri() {
    let suite = suite().await;
    serve(&suite, SECTOR, "application/json", json!([CALLBACK]).to_string());
    let pairwise = json!({ "subject_type": "pairwise", "sector_identifier_uri": SECTOR });
    let (one, two) = (register(&suite, &pairwise).await, register(&suite, &pairwise).await);
    let public = register(&suite, &json!({})).await;
    let mut subjects = Vec::new();
    for client in [&one, &two, &public] {
        let tokens = client.flow(&[]).await;
        subjects.push(crate::world::claims_of(tokens["id_token"].as_str().unwrap())["sub"].clone());
    }
    assert_eq!(subjects[0], subjects[1], "one sector, one subject");
    assert_ne!(subjects[0], subjects[2]);
}

#[tokio::test]
async fn oidcc_registration_sector_bad() {
    let suite = suite().await;
    serve(&suite, SECTOR, "application/json", json!(["https://suite.example/another"]).to_string());
    let metadata = json!({
        "redirect_uris": [CALLBACK], "subject_type": "pairwise", "sector_identifier_uri": SECTOR,
    });
    refused(&suite, &metadata, &["invalid_client_metadata"]).await;
}

/// Core, section 10.1.1: the new key is published before it signs, and the old one after.
#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let suite = suite().await;
    let client = register(&suite, &json!({})).await;
    let published = async || -> Vec<String> {
        let response = suite.send(Request::get("/jwks"), String::new()).await;
        let set: Value = serde_json::from_slice(response.body()).unwrap();
        let rsa = set["keys"].as_array().unwrap().iter().filter(|key| key["kty"] == "RSA");
        rsa.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let before = published().await;
    let tokens = client.flow(&[]).await;
    let old = crate::world::header_of(tokens["id_token"].as_str().unwrap())["kid"].clone();
    let key = ciam_core::secret::SecretBytes::new(SECOND_RSA.to_vec());
    suite.server.keys().import_pkcs8(Algorithm::Rs256, key).await.unwrap();
    let after = published().await;
    assert_eq!((before.len(), after.len()), (1, 2), "old and new");
    assert!(after.contains(&before[0]));
    // It takes over when every client has had the time to fetch it.
    let policy = suite.server.keys().policy();
    suite.clock.advance(policy.publish_ahead);
    suite.server.keys().maintain().await.unwrap();
    let tokens = client.flow(&[]).await;
    let new = crate::world::header_of(tokens["id_token"].as_str().unwrap())["kid"].clone();
    assert_ne!(old, new);
    let last = published().await;
    let distinct: std::collections::BTreeSet<&String> = last.iter().collect();
    assert_eq!(distinct.len(), last.len(), "every key has a name of its own");
    assert!(last.iter().any(|kid| new == **kid) && last.iter().any(|kid| old == **kid), "{last:?}");
}

const SECOND_RSA: &[u8] = include_bytes!("../../data/rsa-2048-b.pk8");

/// The client's key changes between two uses: the server looks again.
#[tokio::test]
async fn oidcc_refresh_token_rp_key_rotation() {
    let suite = suite().await;
    let (first, second) = (es256("suite-1"), es256("suite-2"));
    serve(&suite, JWKS_URI, "application/json", jwks(&[&first]).to_string());
    let metadata = json!({
        "jwks_uri": JWKS_URI, "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let client = register(&suite, &metadata).await;
    let asked = [("scope", "openid offline_access"), ("prompt", "consent")];
    let code = Browser::default().authorize(&suite, &client.params(&asked)).await.code();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    let shown = assertion(&suite, &first, client.id(), "1").await;
    let (status, tokens) = post_with_assertion(&suite, &form, &shown).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert!(refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));

    serve(&suite, JWKS_URI, "application/json", jwks(&[&second]).to_string());
    suite.pass(60).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let shown = assertion(&suite, &second, client.id(), "2").await;
    let (status, body) = post_with_assertion(&suite, &form, &shown).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

const REQUEST_URI: &str = "https://suite.example/request.jwt";

#[tokio::test]
async fn oidcc_request_uri_signed_rs256() {
    let suite = suite().await;
    let metadata = suite.metadata().await;
    let algorithms = metadata["request_object_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("RS256")));
    let key = rs256("suite-1");
    // With a fragment that names the version of the document (Core, section 6.2).
    let uri = format!("{REQUEST_URI}#dGhlIHZlcnNpb24");
    let client = register(
        &suite,
        &json!({ "jwks": jwks(&[&key]), "request_object_signing_alg": "RS256", "request_uris": [uri] }),
    )
    .await;
    let inside: Map<String, Value> =
        client.params(&[]).iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut claims = json!({ "iss": client.id(), "aud": ISSUER });
    claims.as_object_mut().unwrap().extend(inside);
    let object = sign(&key, "oauth-authz-req+jwt", &claims).await.unwrap();
    serve(&suite, REQUEST_URI, "application/oauth-authz-req+jwt", object);
    let params = [
        ("client_id", client.id()),
        ("request_uri", uri.as_str()),
        ("response_type", "code"),
        ("scope", "openid"),
    ];
    let back = Browser::default().authorize(&suite, &params).await;
    assert_eq!(back.param("state").as_deref(), Some("st4te"));
    client.exchange(&back.code()).await;
}

/// Inside the object there is a good address, outside a bad one: what is inside counts, and the bad one is not gone to.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let suite = suite().await;
    let key = rs256("suite-1");
    let client = register(&suite, &json!({ "jwks": jwks(&[&key]) })).await;
    let params = client.params(&[]);
    let inside: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut claims = json!({ "iss": client.id(), "aud": ISSUER });
    claims.as_object_mut().unwrap().extend(inside);
    let object = sign(&key, "oauth-authz-req+jwt", &claims).await.unwrap();
    let outside = [
        ("client_id", client.id()),
        ("request", object.as_str()),
        ("redirect_uri", "https://suite.example/bad"),
        ("response_type", "code"),
        ("scope", "openid"),
    ];
    let code = Browser::default().authorize(&suite, &outside).await.code();
    client.exchange(&code).await;
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let suite = suite().await;
    let client = register(&suite, &json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
    let tokens = client.flow(&[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let (status, body) = client.post_token(&form).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let other = register(&suite, &json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
    let (status, body) = other.post_token(&form).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn oidcc_ensure_client_assertion_with_iss_aud_succeeds() {
    let suite = suite().await;
    let key = es256("suite-1");
    let metadata = json!({ "jwks": jwks(&[&key]), "token_endpoint_auth_method": "private_key_jwt" });
    let client = register(&suite, &metadata).await;
    let code = Browser::default().authorize(&suite, &client.params(&[])).await.code();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    let assertion = assertion(&suite, &key, client.id(), "1").await;
    let (status, tokens) = post_with_assertion(&suite, &form, &assertion).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(tokens["id_token"].is_string() && tokens["expires_in"].is_number());
}

const INITIATE: &str = "https://suite.example/initiate_login";

/// Registered, told, and told again at the address of the registration (RFC 7592).
#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    let suite = suite().await;
    let client = register(&suite, &json!({ "initiate_login_uri": INITIATE })).await;
    let place = client.told["registration_client_uri"].as_str().unwrap().strip_prefix(ISSUER).unwrap();
    let token = client.told["registration_access_token"].as_str().unwrap();
    let request = Request::get(place).header(AUTHORIZATION, format!("Bearer {token}"));
    let response = suite.send(request, String::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let read: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(read["initiate_login_uri"], INITIATE);
    client.flow(&[]).await;
}

#[tokio::test]
async fn oidcc_3rd_party_init_login_nohttps() {
    let suite = suite().await;
    let metadata =
        json!({ "redirect_uris": [CALLBACK], "initiate_login_uri": "http://suite.example/initiate_login" });
    refused(&suite, &metadata, &["invalid_client_metadata"]).await;
}
