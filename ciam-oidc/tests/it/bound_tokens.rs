//! UserInfo and tokens that are bound to their sender: RFC 9449, section 7; RFC 8705, section 3; S22 and S23.

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::http::Peer;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_oauth::dpop::DpopSigner;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Method, Request, Response};
use serde_json::Value;

use crate::world::{Browser, CALLBACK, ISSUER, SECRET, VERIFIER, World, param};

const USERINFO: &str = "https://id.example/userinfo";

fn key() -> DpopSigner {
    DpopSigner::new(LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()).unwrap()
}

async fn send(world: &World, request: http::request::Builder, body: String) -> Response<Bytes> {
    let peer = Peer::new([192, 0, 2, 9].into());
    world.server.handle(request.body(Bytes::from(body)).unwrap(), &peer).await
}

/// An access token that is bound to a key.
async fn bound(world: &World, key: &DpopSigner) -> String {
    let url = World::request("web", &[]);
    let back = world.follow(&mut Browser::new(world), &url).await;
    let code = param(&back, "code").unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", &code)
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("code_verifier", VERIFIER)
        .finish();
    let proof = proof(world, key, &Method::POST, &format!("{ISSUER}/token"), None).await;
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("web:{SECRET}"));
    let request = Request::post("/token")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, format!("Basic {basic}"))
        .header("dpop", proof);
    let response = send(world, request, form).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["token_type"], "DPoP", "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

async fn proof(world: &World, key: &DpopSigner, method: &Method, url: &str, token: Option<&str>) -> String {
    key.proof(&world.ports, method, url, None, token).await.unwrap()
}

fn get(scheme: &str, token: &str, proof: &str) -> http::request::Builder {
    Request::get("/userinfo").header(AUTHORIZATION, format!("{scheme} {token}")).header("dpop", proof)
}

/// RFC 9449, section 7.1: with its proof, once.
#[tokio::test]
async fn rfc9449_7_1_userinfo_takes_a_bound_token_with_its_proof() {
    let (world, key) = (World::new().await, key());
    let token = bound(&world, &key).await;
    for scheme in ["DPoP", "dpop"] {
        let proof = proof(&world, &key, &Method::GET, USERINFO, Some(&token)).await;
        let response = send(&world, get(scheme, &token, &proof), String::new()).await;
        assert_eq!(response.status(), 200);
        let claims: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(claims["email"], "ada@example.com");
        let again = send(&world, get(scheme, &token, &proof), String::new()).await;
        assert_eq!(again.status(), 401, "the proof was used");
        let said: Vec<_> = again.headers().get_all(WWW_AUTHENTICATE).iter().collect();
        assert!(said.iter().any(|it| it.to_str().unwrap().starts_with("DPoP error=\"invalid_dpop_proof\"")));
    }
}

/// S22: every mismatch of token, key, scheme, method and address.
#[tokio::test]
async fn s22_userinfo_refuses_every_mismatch() {
    let (world, key, thief) = (World::new().await, key(), key());
    let (token, other) = (bound(&world, &key).await, bound(&world, &key).await);
    let signed_in = world.sign_in(&mut Browser::new(&world), &Default::default()).await.unwrap();
    let plain = signed_in.tokens.access_token.expose().to_owned();
    let get_ = Method::GET;
    let rows = [
        ("as a bearer token", "Bearer", &token, proof(&world, &key, &get_, USERINFO, Some(&token)).await),
        ("another key", "DPoP", &token, proof(&world, &thief, &get_, USERINFO, Some(&token)).await),
        ("another token", "DPoP", &token, proof(&world, &key, &get_, USERINFO, Some(&other)).await),
        ("no token", "DPoP", &token, proof(&world, &key, &get_, USERINFO, None).await),
        ("another method", "DPoP", &token, proof(&world, &key, &Method::POST, USERINFO, Some(&token)).await),
        ("another address", "DPoP", &token, proof(&world, &key, &get_, ISSUER, Some(&token)).await),
        ("an unbound token", "DPoP", &plain, proof(&world, &key, &get_, USERINFO, Some(&plain)).await),
    ];
    for (name, scheme, token, proof) in rows {
        let response = send(&world, get(scheme, token, &proof), String::new()).await;
        assert_eq!(response.status(), 401, "{name}");
        assert!(response.body().is_empty(), "{name}");
        assert!(response.headers().contains_key(WWW_AUTHENTICATE), "{name}");
    }
    let none = Request::get("/userinfo").header(AUTHORIZATION, format!("DPoP {token}"));
    assert_eq!(send(&world, none, String::new()).await.status(), 401, "no proof");
    let body = Request::post("/userinfo").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let in_body = send(&world, body, format!("access_token={token}")).await;
    assert_eq!(in_body.status(), 401, "a bound token in the body");
    let typed = world.provider.userinfo(&world.server, &token).await;
    assert!(typed.is_err(), "the token alone, to the typed function");
    let good = proof(&world, &key, &get_, USERINFO, Some(&token)).await;
    assert_eq!(send(&world, get("DPoP", &token, &good), String::new()).await.status(), 200);
}
