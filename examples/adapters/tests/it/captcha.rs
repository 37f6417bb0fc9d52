//! The captcha adapter, against a service that is played.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_adapters::captcha::Captcha;
use ciam_core::abuse::HumanCheck;
use ciam_core::error::PortError;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_core::testkit::HumanCheckHarness;
use serde_json::{Value, json};

const URL: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

async fn judged(status: u16, body: Value, token: &str) -> Result<bool, ()> {
    let client = MemoryHttpClient::new();
    let response = http::Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap();
    client.answer(URL, response);
    let ports = memory::ports().with_http_client(Arc::new(client.clone()));
    let captcha = Captcha::turnstile("site", Secret::from("s3cret&more")).with_hostname("id.example.com");
    let address = IpAddr::from([192, 0, 2, 1]);
    let verdict = captcha.verify(&ports, &json!({ "site_key": "site" }), token, address).await.map_err(drop);
    if let Some(request) = client.requests().first() {
        let form = std::str::from_utf8(request.body()).unwrap();
        assert_eq!(form, format!("secret=s3cret%26more&response={token}&remoteip=192.0.2.1"));
    }
    verdict
}

/// The service as it is played for the contract: a token is good once.
#[derive(Debug)]
struct Service {
    spent: Mutex<BTreeSet<String>>,
    down: bool,
}

#[async_trait]
impl HttpClient for Service {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::new(MemoryHttpClient::ADDRESS, port)])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        if self.down {
            return Ok(http::Response::builder().status(503).body(Bytes::new()).unwrap());
        }
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(request.request.body()).into_owned().collect();
        let token = form.iter().find(|it| it.0 == "response").map(|it| it.1.clone()).unwrap_or_default();
        let good =
            token.starts_with("good-") && token.len() == 41 && self.spent.lock().unwrap().insert(token);
        let body = json!({ "success": good, "hostname": "id.example.com" }).to_string();
        Ok(http::Response::builder().body(Bytes::from(body)).unwrap())
    }
}

struct Visitors {
    up: Ports,
    down: Ports,
    solved: AtomicU64,
}

#[async_trait]
impl HumanCheckHarness for Visitors {
    fn check(&self) -> Arc<dyn HumanCheck> {
        Arc::new(Captcha::turnstile("site", Secret::from("s3cret")).with_hostname("id.example.com"))
    }

    fn ports(&self) -> &Ports {
        &self.up
    }

    async fn solve(&self, _: &Value) -> String {
        format!("good-{:036}", self.solved.fetch_add(1, Ordering::Relaxed))
    }

    fn out_of_reach(&self) -> Option<(Arc<dyn HumanCheck>, Ports)> {
        Some((self.check(), self.down.clone()))
    }
}

#[tokio::test]
async fn it_keeps_the_contract_of_checks() {
    let ports = |down| {
        let service = Service { spent: Mutex::default(), down };
        memory::ports().with_http_client(Arc::new(service))
    };
    let harness = Visitors { up: ports(false), down: ports(true), solved: AtomicU64::new(0) };
    ciam_core::testkit::human_check(&harness).await.assert_kept();
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
