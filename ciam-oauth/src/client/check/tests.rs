use ciam_core::crypto;
use serde_json::json;

use super::*;
use crate::client::{ClientDisplay, ClientSecret, SecretDigest};

fn supported() -> Supported {
    Supported {
        scopes: "openid email orders:read".parse().unwrap(),
        resources: BTreeSet::from(["https://api.example".parse().unwrap()]),
        grants: BTreeSet::from(GrantType::ALL),
        custom_grants: BTreeSet::new(),
        authentication: AuthMethod::ALL.iter().copied().collect(),
        dpop: true,
        mutual_tls: true,
        signing: vec![Algorithm::Es256, Algorithm::Rs256],
        id_tokens: vec![Algorithm::Es256, Algorithm::Rs256],
        ..Supported::default()
    }
}

fn secret() -> ClientSecret {
    ClientSecret::new("0123456789012345678901234567890123456789abc").unwrap()
}

fn web() -> Client {
    Client::confidential("web".parse().unwrap(), ClientAuthentication::basic(&secret()))
        .with_redirect_uri("https://app.example/cb".parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_scopes("openid".parse().unwrap())
}

fn app() -> Client {
    Client::public("app".parse().unwrap())
        .with_redirect_uri("com.example.app:/cb".parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
}

/// The public key of RFC 7515, appendix A.3.
fn public_key() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn named(kid: &str) -> Value {
    let mut key = public_key();
    key["kid"] = json!(kid);
    key
}

fn keys(set: Value) -> Client {
    let authentication = ClientAuthentication::private_key_jwt(ClientKeys::Jwks(set));
    Client { authentication, ..web() }
}

#[test]
fn accepts_what_applications_are() {
    let public_key = json!({"keys": [public_key()]});
    let remote = ClientKeys::JwksUri("https://app.example/jwks".to_owned());
    for client in [
        web(),
        app(),
        web().with_grant(GrantType::RefreshToken).with_grant(GrantType::ClientCredentials),
        app().with_redirect_uri("http://127.0.0.1/cb".parse().unwrap()),
        keys(public_key),
        keys(json!({"keys": [named("1"), named("2"), {"kty": "new"}]})),
        Client { authentication: ClientAuthentication::private_key_jwt(remote), ..web() },
        web().with_subject_type(SubjectType::Pairwise),
        web().serving("https://api.example".parse().unwrap()),
        web().with_allowed_origin("https://app.example").with_allowed_origin("http://localhost:3000"),
    ] {
        assert_eq!(client.check(&supported(), &*crypto::ring()), Ok(()), "{client:?}");
    }
}

/// S2: every address and permission of a registration is checked, whoever registers.
#[test]
fn refuses_what_must_not_be_registered() {
    let display = |change: fn(&mut ClientDisplay)| {
        let mut display = ClientDisplay::default();
        change(&mut display);
        web().with_display(display)
    };
    let other_host = "https://other.example/cb".parse().unwrap();
    let second = || "https://app.example/2".parse::<RedirectUri>().unwrap();
    let digest = SecretDigest::new(secret().digest());
    let with = |authentication| Client { authentication, ..web() };
    let cases: Vec<(Client, ClientProblem)> = vec![
        (
            Client { redirect_uris: vec![], ..web() },
            ClientProblem::Grant { grant: "authorization_code", needs: "a redirect URI" },
        ),
        (
            Client { grants: BTreeSet::from([GrantType::RefreshToken]), ..web() },
            ClientProblem::Grant { grant: "refresh_token", needs: "a grant that a person gives" },
        ),
        (
            app().with_grant(GrantType::ClientCredentials),
            ClientProblem::Grant { grant: "client_credentials", needs: "client authentication" },
        ),
        (
            app().with_application_type(ApplicationType::Web),
            ClientProblem::NativeOnly("com.example.app:/cb".parse().unwrap()),
        ),
        (
            web().with_post_logout_redirect_uri("com.example.app:/out".parse().unwrap()),
            ClientProblem::NativeOnly("com.example.app:/out".parse().unwrap()),
        ),
        (
            Client { redirect_uris: vec![second(); Client::MAX_URIS + 1], ..web() },
            ClientProblem::TooLong("redirect_uris"),
        ),
        (
            Client { post_logout_redirect_uris: vec![second(); Client::MAX_URIS + 1], ..web() },
            ClientProblem::TooLong("post_logout_redirect_uris"),
        ),
        (with(ClientAuthentication::ClientSecretBasic { secrets: vec![] }), ClientProblem::Secrets),
        (with(ClientAuthentication::ClientSecretPost { secrets: vec![digest; 3] }), ClientProblem::Secrets),
        (
            with(ClientAuthentication::private_key_jwt(ClientKeys::JwksUri("http://app.example/j".into()))),
            ClientProblem::Keys("jwks_uri is not an https URL"),
        ),
        (
            with(ClientAuthentication::PrivateKeyJwt {
                keys: ClientKeys::JwksUri("https://app.example/j".into()),
                alg: Some(Algorithm::Hs256),
                token_endpoint_audience: false,
            }),
            ClientProblem::Algorithm("token_endpoint_auth_signing_alg"),
        ),
        (keys(json!([])), ClientProblem::Keys("jwks is not a JWK Set")),
        (keys(json!({"keys": []})), ClientProblem::Keys("jwks must have 1 to 16 keys")),
        (
            keys(json!({"keys": [public_key(), {"kty": "oct", "k": "AAAA"}]})),
            ClientProblem::Keys("a key has private or symmetric members"),
        ),
        (
            keys(json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "d": "d"}]})),
            ClientProblem::Keys("a key has private or symmetric members"),
        ),
        (
            keys(json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}]})),
            ClientProblem::Keys("no key can verify a signature"),
        ),
        (
            keys(json!({"keys": [named("1"), named("1")]})),
            ClientProblem::Keys("the keys cannot be told apart"),
        ),
        (display(|d| d.logo_uri = Some("javascript:alert(1)".into())), ClientProblem::Url("logo_uri")),
        (display(|d| d.client_uri = Some("data:text/html,x".into())), ClientProblem::Url("client_uri")),
        (display(|d| d.policy_uri = Some("vbscript:x".into())), ClientProblem::Url("policy_uri")),
        (display(|d| d.tos_uri = Some("http://app.example".into())), ClientProblem::Url("tos_uri")),
        (
            display(|d| d.initiate_login_uri = Some("https://a@app.example".into())),
            ClientProblem::Url("initiate_login_uri"),
        ),
        (display(|d| d.logo_uri = Some("https://app.example/\"><x".into())), ClientProblem::Url("logo_uri")),
        (display(|d| d.name = Some(" ".into())), ClientProblem::Text("name")),
        (display(|d| d.name = Some("a\u{7}b".into())), ClientProblem::Text("name")),
        (web().with_scopes("openid admin".parse().unwrap()), ClientProblem::Scope("admin".parse().unwrap())),
        (
            web().with_resource("https://other.example".parse().unwrap()),
            ClientProblem::Resource("https://other.example".parse().unwrap()),
        ),
        (app().serving("https://api.example".parse().unwrap()), ClientProblem::Serves),
        (web().with_redirect_uri(other_host).with_subject_type(SubjectType::Pairwise), ClientProblem::Sector),
        (web().with_sector_identifier("https://app.example"), ClientProblem::Sector),
        (web().with_allowed_origin("*"), ClientProblem::Origin),
        (web().with_allowed_origin("https://app.example/"), ClientProblem::Origin),
        (web().with_allowed_origin("http://app.example"), ClientProblem::Origin),
        (web().with_allowed_origin("null"), ClientProblem::Origin),
        (Client { access_token_seconds: Some(0), ..web() }, ClientProblem::Lifetime),
        (
            Client { id_token_alg: Some(Algorithm::Ps256), ..web() },
            ClientProblem::Algorithm("id_token_signed_response_alg"),
        ),
        (
            Client { userinfo_alg: Some(Algorithm::Hs256), ..web() },
            ClientProblem::Algorithm("userinfo_signed_response_alg"),
        ),
    ];
    for (client, problem) in cases {
        assert_eq!(client.check(&supported(), &*crypto::ring()), Err(problem), "{client:?}");
    }
}

#[test]
fn the_sector_is_the_registered_one_or_the_only_host() {
    assert_eq!(web().sector().as_deref(), Some("app.example"));
    assert_eq!(app().sector().as_deref(), Some("com.example.app"));
    assert_eq!(web().with_sector_identifier("sector.example").sector().as_deref(), Some("sector.example"));
}

#[test]
fn the_loopback_port_is_free_for_native_public_clients_only() {
    let loopback: RedirectUri = "http://127.0.0.1/cb".parse().unwrap();
    let other_port = "http://127.0.0.1:50000/cb";
    let native = app().with_redirect_uri(loopback.clone());
    assert_eq!(native.redirect_uri(other_port).unwrap().as_str(), other_port);
    let browser = native.clone().with_application_type(ApplicationType::Web);
    assert_eq!(browser.redirect_uri(other_port), None);
    let confidential = web().with_application_type(ApplicationType::Native).with_redirect_uri(loopback);
    assert_eq!(confidential.redirect_uri(other_port), None);
    assert!(confidential.redirect_uri("http://127.0.0.1/cb").is_some());
}

#[test]
fn a_grant_that_is_off_cannot_be_registered() {
    let supported = Supported { grants: BTreeSet::from([GrantType::AuthorizationCode]), ..supported() };
    assert_eq!(web().check(&supported, &*crypto::ring()), Ok(()));
    let problem = ClientProblem::Grant { grant: "client_credentials", needs: "to be on at the server" };
    assert_eq!(
        web().with_grant(GrantType::ClientCredentials).check(&supported, &*crypto::ring()),
        Err(problem)
    );
}
