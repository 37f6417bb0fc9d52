//! What clients send themselves: registrations, backchannel authentication, device authorization, pushed and token requests. Whatever
//! the body, no panic and no server error.
//!
//! The first byte chooses the endpoint, the second whether the client's credentials come first; the rest is the body.

#![no_main]

use std::cell::OnceCell;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use ciam_core::id::AccountId;
use ciam_core::memory;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorization_details::{AuthorizationDetail, DetailProblem, DetailType};
use ciam_oauth::backchannel::{
    BackchannelClient, BackchannelPeople, BackchannelSettings, Hint, HintProblem, Notice,
};
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::device::DeviceSettings;
use ciam_oauth::registration::RegistrationSettings;
use ciam_oauth::server::{Limits, SupportedScope};
use http::Request;
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

const SECRET: &str = "0123456789012345678901234567890123456789abc";
const PATHS: [(&str, &str); 6] = [
    ("/register", "application/json"),
    ("/bc-authorize", "application/x-www-form-urlencoded"),
    ("/device_authorization", "application/x-www-form-urlencoded"),
    ("/par", "application/x-www-form-urlencoded"),
    ("/token", "application/x-www-form-urlencoded"),
    ("/introspect", "application/x-www-form-urlencoded"),
];

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl BackchannelPeople for Nobody {
    async fn find(&self, _: &Client, _: Hint<'_>) -> Result<Result<AccountId, HintProblem>, PortError> {
        Ok(Err(HintProblem::Unknown))
    }

    async fn reach(&self, _: &Notice<'_>) -> Result<(), PortError> {
        Ok(())
    }
}

#[derive(Debug)]
struct Payment;

impl DetailType for Payment {
    fn name(&self) -> &str {
        "payment"
    }

    fn check(&self, detail: &AuthorizationDetail, _: &Client) -> Result<(), DetailProblem> {
        detail.get("amount").and_then(|amount| amount.as_u64()).map(|_| ()).ok_or(DetailProblem)
    }

    fn describe(&self, _: &AuthorizationDetail) -> String {
        String::new()
    }
}

/// Everything comes from one address, as fast as it can.
fn without_counting() -> Limits {
    let mut limits = Limits::default();
    for counted in [
        &mut limits.registrations,
        &mut limits.device_authorizations,
        &mut limits.backchannel_authentications,
        &mut limits.code_presentations,
    ] {
        *counted = counted.clone().with_attempts(u64::MAX);
    }
    limits.pushed_requests_per_minute = u64::MAX;
    limits
}

struct World {
    runtime: tokio::runtime::Runtime,
    server: AuthorizationServer,
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let server = runtime.block_on(Self::make());
        Self { runtime, server }
    }

    async fn make() -> AuthorizationServer {
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock, Arc::new(SeededEntropy::new(1)));
        let server = AuthorizationServer::builder(ports)
            .issuer("https://id.example".parse().expect("an issuer"))
            .interaction_url("/interaction/")
            .scope(SupportedScope::new("a".parse().expect("a scope"), "A"))
            .device(DeviceSettings::new("/device", "/device/done"))
            .backchannel(BackchannelSettings::new(Arc::new(Nobody), "/backchannel/done"))
            .registration(RegistrationSettings::default().open())
            .detail_type(Arc::new(Payment))
            .limits(without_counting())
            .build()
            .await
            .expect("a server");
        let secret = ClientAuthentication::post(&ClientSecret::new(SECRET).expect("a secret"));
        let client = Client::confidential("app".parse().expect("an id"), secret)
            .with_redirect_uri("https://app.example/cb".parse().expect("a redirect URI"))
            .with_grant(GrantType::AuthorizationCode)
            .with_grant(GrantType::RefreshToken)
            .with_grant(GrantType::ClientCredentials)
            .with_grant(GrantType::DeviceCode)
            .with_backchannel(BackchannelClient::poll())
            .with_authorization_details_type("payment")
            .with_scopes("a".parse().expect("scopes"));
        server.clients().put(client).await.expect("a client");
        server
    }

    fn send(&self, data: &[u8]) {
        let [path, credentials, body @ ..] = data else { return };
        let (path, content_type) = PATHS[usize::from(*path) % PATHS.len()];
        let mut sent = Vec::new();
        if *credentials & 1 == 0 && path != "/register" {
            sent.extend_from_slice(format!("client_id=app&client_secret={SECRET}&").as_bytes());
        }
        sent.extend_from_slice(body);
        let request = Request::post(path).header("content-type", content_type).body(Bytes::from(sent));
        let peer = Peer::new([192, 0, 2, 1].into());
        let response = self.runtime.block_on(self.server.handle(request.expect("a request"), &peer));
        assert!(!response.status().is_server_error());
    }
}

fuzz_target!(|data: &[u8]| {
    WORLD.with(|world| world.get_or_init(World::new).send(data));
});
