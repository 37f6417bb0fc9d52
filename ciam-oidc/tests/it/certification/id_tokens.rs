//! ID tokens by every algorithm that the server can sign with, where the modules ask for one.

use std::sync::Arc;

use ciam_core::crypto::{self, DigestAlgorithm};
use ciam_core::encoding::base64url;
use ciam_core::jose::Algorithm;
use ciam_core::memory;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{ClientAuthentication, ClientSecret};
use ciam_oauth::server::{ResourceServer, SupportedScope, TokenFormat};
use ciam_oidc::OpenIdProvider;
use http::StatusCode;
use serde_json::json;

use super::suite::{Browser, ISSUER, Mode, SECRET, Suite, client, provider_config};
use crate::world::{claims_of, header_of};

/// S26: by whichever algorithm an ID token is signed, what is beside it is bound by half of that algorithm's hash, and the token says
/// what was reached and no more.
#[tokio::test]
async fn s26_an_id_token_of_every_algorithm_binds_what_is_beside_it() {
    let keys = [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256];
    let suite = Suite::signing(Mode::HYBRID, &keys, |builder| builder).await;
    for alg in keys {
        suite.change_client(|client| client.id_token_alg = Some(alg)).await;
        let back = Browser::default().authorize(&suite, &suite.request(&[])).await;
        let code = back.code();
        let (status, tokens) = suite.token(&code).await;
        assert_eq!(status, StatusCode::OK, "{alg}: {tokens}");
        let halves = |text: &str| {
            let hash = match alg {
                Algorithm::Es384 => DigestAlgorithm::Sha384,
                Algorithm::EdDsa => DigestAlgorithm::Sha512,
                _ => DigestAlgorithm::Sha256,
            };
            let digest = crypto::ring().digest(hash, text.as_bytes());
            json!(base64url::encode(digest.as_ref().split_at(digest.as_ref().len() / 2).0))
        };
        let front = back.id_token();
        let behind = tokens["id_token"].as_str().unwrap();
        for (token, bound) in [
            (front.as_str(), [("c_hash", code.as_str()), ("s_hash", "st4te")].as_slice()),
            (behind, &[("at_hash", tokens["access_token"].as_str().unwrap())]),
        ] {
            assert_eq!(header_of(token)["alg"], alg.as_str());
            let claims = claims_of(token);
            for (name, text) in bound {
                assert_eq!(claims[*name], halves(text), "{alg} {name}");
            }
            assert_eq!((&claims["nonce"], &claims["acr"]), (&json!("n0nce"), &json!("urn:ciam:acr:aal1")));
            assert!(claims.get("nbf").is_none() && claims.get("azp").is_none(), "{claims}");
        }
    }
    // `auth_time` is there where it is registered to be, asked for or not.
    suite.change_client(|client| client.require_auth_time = true).await;
    let back = Browser::default().authorize(&suite, &suite.request(&[])).await;
    assert!(claims_of(&back.id_token())["auth_time"].is_number());
}

/// Registration, section 2: what would be signed with another algorithm than the registered one is not registered. The server has a key
/// of it, for a resource.
#[tokio::test]
async fn an_algorithm_that_no_id_token_has_is_not_registered() {
    let resource =
        ResourceServer::new("https://api.example".parse().unwrap(), "orders:read".parse().unwrap())
            .with_format(TokenFormat::Jwt { alg: Algorithm::EdDsa });
    let server = AuthorizationServer::builder(memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url(format!("{ISSUER}/interaction/"))
        .scope(SupportedScope::new("orders:read".parse().unwrap(), "See your orders"))
        .resource(resource)
        .extension(Arc::new(OpenIdProvider::new(provider_config().with_only_algorithm(Algorithm::Es256))))
        .build()
        .await
        .unwrap();
    assert!(server.keys().algorithms().contains(&Algorithm::EdDsa));
    let secret = ClientAuthentication::basic(&ClientSecret::new(SECRET).unwrap());
    for (id, alg, known) in [("one", Algorithm::EdDsa, false), ("two", Algorithm::Es256, true)] {
        let mut client = client(id, secret.clone());
        client.id_token_alg = Some(alg);
        assert_eq!(server.clients().register(client).await.is_ok(), known, "{alg}");
    }
}
