//! Profiles: what contradicts one is refused, with the reason, when the server is built, when a client is registered, and when
//! a request arrives.

use ciam_core::crypto;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_core::memory;
use ciam_oauth::backchannel::BackchannelClient;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientKeys, ClientSecret, GrantType, RefreshRotation,
};
use ciam_oauth::mtls::MutualTls;
use ciam_oauth::request_object::RequestObjects;
use ciam_oauth::server::{
    ConfigError, Endpoint, Lifetimes, Profile, ResourceServer, SupportedScope, TokenFormat,
};
use ciam_oauth::validate::SenderConstraint;
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use serde_json::json;
use time::Duration;

use crate::support::{CALLBACK, ISSUER, SECRET, people};

fn builder(profile: Profile) -> ServerBuilder {
    AuthorizationServer::builder(memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url("/interaction/")
        .scope(SupportedScope::new("orders:read".parse().unwrap(), "See your orders"))
        .resource(ResourceServer::new("https://api.example".parse().unwrap(), "orders:read".parse().unwrap()))
        .profile(profile)
}

async fn reason(builder: ServerBuilder) -> Option<&'static str> {
    match builder.build().await {
        Ok(_) => None,
        Err(ConfigError::Profile { reason, .. }) => Some(reason),
        Err(other) => panic!("{other}"),
    }
}

fn key() -> ClientKeys {
    let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("c1");
    ClientKeys::Jwks(json!({ "keys": [serde_json::to_value(key.public_jwk().unwrap()).unwrap()] }))
}

fn fapi_client() -> Client {
    Client::confidential("bank".parse().unwrap(), ClientAuthentication::private_key_jwt(key()))
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("orders:read".parse().unwrap())
}

/// `RS256` is a good algorithm elsewhere.
fn with_rs256(builder: ServerBuilder) -> ServerBuilder {
    let resource =
        ResourceServer::new("https://old.example".parse().unwrap(), "orders:read".parse().unwrap());
    builder.resource(resource.with_format(TokenFormat::Jwt { alg: Algorithm::Rs256 }))
}

fn with_lifetimes(builder: ServerBuilder, change: impl FnOnce(&mut Lifetimes)) -> ServerBuilder {
    let mut lifetimes = Lifetimes::default();
    change(&mut lifetimes);
    builder.lifetimes(lifetimes)
}

fn with_people(builder: ServerBuilder) -> ServerBuilder {
    builder.mutual_tls(MutualTls::new()).backchannel(people())
}

#[tokio::test]
async fn a_configuration_that_contradicts_its_profile_is_refused_with_the_reason() {
    let message = Profile::Fapi2MessageSigning;
    type Change = fn(ServerBuilder) -> ServerBuilder;
    let cases: Vec<(Profile, Change, &str)> = vec![
        (
            Profile::Fapi2Security,
            |b| b.without(Endpoint::PushedAuthorizationRequest),
            "pushed requests are off",
        ),
        (
            Profile::Fapi2Security,
            |b| with_lifetimes(b, |it| it.code = Duration::seconds(61)),
            "codes live for more than 60 seconds",
        ),
        (
            Profile::Fapi2Security,
            |b| with_lifetimes(b, |it| it.pushed_request = Duration::minutes(10)),
            "pushed requests live for 600 seconds or more",
        ),
        (
            Profile::Fapi2Security,
            with_rs256,
            "tokens are signed with something else than PS256, ES256 or EdDSA",
        ),
        (
            Profile::Fapi2Security,
            |b| b.grants([GrantType::ClientCredentials]),
            "the authorization code grant is off",
        ),
        (
            Profile::Fapi2Security,
            |b| b.request_objects(RequestObjects::new().by_reference()),
            "request objects are fetched from elsewhere than pushed requests",
        ),
        (Profile::Fapi2Security, ServerBuilder::without_dpop, "neither DPoP nor mutual TLS is on"),
        (
            Profile::Fapi2Security,
            |b| b.client_authentication([AuthMethod::PrivateKeyJwt, AuthMethod::ClientSecretBasic]),
            "clients can authenticate without a private key",
        ),
        (message, ServerBuilder::without_request_objects, "request objects are off"),
        (Profile::FapiCiba, |b| b.mutual_tls(MutualTls::new()), "backchannel authentication is off"),
        (Profile::FapiCiba, |b| b.backchannel(people()), "mutual TLS is off"),
        (
            Profile::FapiCiba,
            |b| with_people(b).require_sender_constraint(SenderConstraint::Any),
            "tokens are bound to something else than certificates",
        ),
        (
            Profile::FapiCiba,
            |b| with_people(b).without(Endpoint::PushedAuthorizationRequest),
            "pushed requests are off",
        ),
        (Profile::OpenId, |b| b, "no OpenID Provider is plugged in"),
        (Profile::Mcp, |b| b.grants([GrantType::ClientCredentials]), "the authorization code grant is off"),
    ];
    for (profile, change, expected) in cases {
        assert_eq!(reason(change(builder(profile))).await, Some(expected), "{profile}");
        // It is the profile that refuses: without it the same is built.
        if !expected.contains("signed with") {
            assert_eq!(reason(change(builder(Profile::OAuth21))).await, None, "{profile} {expected}");
        }
    }
    let bare = AuthorizationServer::builder(memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url("/interaction/")
        .profile(Profile::Mcp);
    assert_eq!(reason(bare).await, Some("no resource is configured that tokens could be for"));
    for profile in [Profile::OAuth21, Profile::Fapi2Security, message, Profile::Mcp] {
        assert_eq!(reason(builder(profile)).await, None, "{profile}");
    }
    assert_eq!(reason(with_people(builder(Profile::FapiCiba))).await, None);
}

#[tokio::test]
async fn fapi2_5_3_2_1_clients_prove_a_key_and_nothing_less() {
    let server = builder(Profile::Fapi2Security).build().await.unwrap();
    let secret = ClientSecret::new(SECRET).unwrap();
    let with = |authentication: ClientAuthentication| {
        let mut client = fapi_client();
        client.authentication = authentication;
        client
    };
    let mut http = fapi_client();
    http.redirect_uris = vec!["http://127.0.0.1/cb".parse().unwrap()];
    let assertion = |alg, token_endpoint_audience| {
        with(ClientAuthentication::PrivateKeyJwt { keys: key(), alg, token_endpoint_audience })
    };
    let mut id_token = fapi_client();
    id_token.messages.authorization_alg = Some(Algorithm::Rs256);
    for (what, client) in [
        ("public", with(ClientAuthentication::None)),
        ("basic", with(ClientAuthentication::basic(&secret))),
        ("post", with(ClientAuthentication::post(&secret))),
        ("token endpoint as audience", assertion(None, true)),
        ("RS256 assertions", assertion(Some(Algorithm::Rs256), false)),
        ("plain http", http),
        ("rotation", fapi_client().with_refresh_rotation(RefreshRotation::Always)),
        ("RS256 responses", id_token),
    ] {
        assert!(server.clients().register(client).await.is_err(), "{what}");
    }
    server.clients().register(fapi_client()).await.unwrap();
}

/// FAPI 2.0, sections 5.3.2.2 and 5.4.1: what the profile demands is on, and is said to be.
#[tokio::test]
async fn fapi2_the_metadata_say_what_is_demanded() {
    let server = builder(Profile::Fapi2Security).build().await.unwrap();
    let metadata = server.metadata();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["request_object_signing_alg_values_supported"], json!(["ES256", "EdDSA", "PS256"]));
    assert_eq!(metadata["require_signed_request_object"], false);
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    let assertions = &metadata["token_endpoint_auth_signing_alg_values_supported"];
    assert_eq!(assertions, &json!(["ES256", "EdDSA", "PS256"]));
    assert_eq!(server.config().sender_constraint, SenderConstraint::Any);
    assert!(!metadata["authorization_signing_alg_values_supported"].to_string().contains("RS256"));
    let signing = builder(Profile::Fapi2MessageSigning).build().await.unwrap();
    assert_eq!(signing.metadata()["require_signed_request_object"], true);
}

/// FAPI-CIBA, section 5.2.2: what is asked through the back channel is signed, and CIBA Core, section 7.1: its assertions may name
/// an endpoint.
#[tokio::test]
async fn fapi_ciba_5_2_2_clients_sign_what_they_ask() {
    let server = with_people(builder(Profile::FapiCiba)).build().await.unwrap();
    let with = |backchannel: BackchannelClient, alg| {
        let keys = ClientAuthentication::PrivateKeyJwt { keys: key(), alg, token_endpoint_audience: true };
        let client = Client::confidential("bank".parse().unwrap(), keys);
        client.with_redirect_uri(CALLBACK.parse().unwrap()).with_backchannel(backchannel)
    };
    let (poll, signed) =
        (BackchannelClient::poll(), BackchannelClient::poll().with_signed_requests(Algorithm::Es256));
    let pushed = BackchannelClient::push("https://bank.example/ended").with_signed_requests(Algorithm::Es256);
    let eddsa = poll.clone().with_signed_requests(Algorithm::EdDsa);
    for (what, client) in [
        ("unsigned", with(poll, None)),
        ("pushed", with(pushed, None)),
        ("EdDSA requests", with(eddsa, None)),
        ("EdDSA assertions", with(signed.clone(), Some(Algorithm::EdDsa))),
    ] {
        assert!(server.clients().register(client).await.is_err(), "{what}");
    }
    server.clients().register(with(signed, Some(Algorithm::Es256))).await.unwrap();
    assert_eq!(server.metadata()["tls_client_certificate_bound_access_tokens"], true);
}
