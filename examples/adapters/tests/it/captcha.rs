//! The captcha adapter, against a service that is played.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use ciam_adapters::captcha::Captcha;
use ciam_core::abuse::HumanCheck as _;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::secret::Secret;
use serde_json::{Value, json};

const URL: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

async fn judged(status: u16, body: Value, token: &str) -> Result<bool, ()> {
    let client = MemoryHttpClient::new();
    let response = http::Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap();
    client.answer(URL, response);
    let ports = memory::ports().with_http_client(Arc::new(client.clone()));
    let captcha = Captcha::turnstile("site", Secret::from("s3cret&more")).with_hostname("id.example.com");
    let address = IpAddr::from([192, 0, 2, 1]);
    let verdict = captcha.verify(&ports, &Value::Null, token, address).await.map_err(drop);
    if let Some(request) = client.requests().first() {
        let form = std::str::from_utf8(request.body()).unwrap();
        assert_eq!(form, format!("secret=s3cret%26more&response={token}&remoteip=192.0.2.1"));
    }
    verdict
}

#[tokio::test]
async fn the_service_judges_and_its_silence_denies() {
    let good = json!({ "success": true, "hostname": "id.example.com" });
    assert_eq!(judged(200, good.clone(), "token").await, Ok(true));
    for body in [
        json!({ "success": false, "error-codes": ["timeout-or-duplicate"] }),
        json!({ "success": true, "hostname": "evil.example" }),
        json!({ "success": true }),
    ] {
        assert_eq!(judged(200, body, "token").await, Ok(false));
    }
    assert_eq!(judged(500, good.clone(), "token").await, Err(()));
    assert_eq!(judged(200, json!("nonsense"), "token").await, Err(()));
    for token in [String::new(), "t".repeat(2049)] {
        assert_eq!(judged(200, good.clone(), &token).await, Ok(false));
    }
    let shown = format!("{:?}", Captcha::turnstile("site", Secret::from("s3cret")));
    assert!(!shown.contains("s3cret"), "{shown}");
}
