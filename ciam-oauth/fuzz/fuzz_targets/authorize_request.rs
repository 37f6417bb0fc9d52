//! Authorization requests: whatever the query or body, no panic, no server error, and no redirect but to the client's registered
//! addresses, the host's pages or the endpoint itself.
//!
//! The first byte chooses between GET and POST, and whether somebody is signed in; the rest is the query or the body.

#![no_main]

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use ciam_core::account::{Account, AccountStatus};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::http::Peer;
use ciam_core::id::AccountId;
use ciam_core::memory;
use ciam_core::store::{Batch, Write};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, GrantType};
use ciam_oauth::server::SupportedScope;
use http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

const ALLOWED: [&str; 4] = [
    "https://app.example/cb?",
    "https://app.example/cb#",
    "https://id.example/interaction/",
    "https://id.example/authorize?",
];

struct World {
    runtime: tokio::runtime::Runtime,
    server: AuthorizationServer,
    cookie: String,
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (server, cookie) = runtime.block_on(Self::make());
        Self { runtime, server, cookie }
    }

    async fn make() -> (AuthorizationServer, String) {
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock, Arc::new(SeededEntropy::new(1)));
        let server = AuthorizationServer::builder(ports.clone())
            .issuer("https://id.example".parse().expect("an issuer"))
            .interaction_url("/interaction/")
            .scope(SupportedScope::new("a".parse().expect("a scope"), "A"))
            .build()
            .await
            .expect("a server");
        let client = Client::public("app".parse().expect("an id"))
            .with_redirect_uri("https://app.example/cb".parse().expect("a redirect URI"))
            .with_grant(GrantType::AuthorizationCode)
            .with_scopes("a".parse().expect("scopes"))
            .first_party();
        server.clients().put(client).await.expect("a client");

        let id = AccountId::generate(ports.clock(), ports.entropy()).expect("an id");
        let mut account = Account::new(id, ports.now());
        account.status = AccountStatus::Active;
        let batch = Batch::new().write(Write::PutAccount(account));
        assert!(ports.store().commit(batch).await.expect("a store").is_applied());
        let account = ports.store().account(id).await.expect("a store").expect("the account");
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], ports.now());
        let context = AuthenticationContext::new([proof]);
        let started = server.sessions().start(&account, context, None, None).await.expect("a session");
        let cookie = started.cookie.set_cookie(None).expect("a cookie");
        let (cookie, _) = cookie.to_str().expect("text").split_once(';').expect("attributes");
        (server, cookie.to_owned())
    }

    fn send(&self, data: &[u8]) {
        let Some((choice, rest)) = data.split_first() else { return };
        let mut request = Request::builder();
        if choice & 2 != 0 {
            request = request.header("cookie", &self.cookie);
        }
        let request = if choice & 1 == 0 {
            let query = String::from_utf8_lossy(rest);
            request.uri(format!("/authorize?{query}")).body(Bytes::new())
        } else {
            request
                .method("POST")
                .uri("/authorize")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Bytes::copy_from_slice(rest))
        };
        // Not every byte string can stand in a URI; that is the HTTP stack's to refuse.
        let Ok(request) = request else { return };
        let peer = Peer::new([192, 0, 2, 1].into());
        let response = self.runtime.block_on(self.server.handle(request, &peer));
        assert!(!response.status().is_server_error());
        if let Some(location) = response.headers().get("location") {
            let location = location.to_str().expect("an ASCII location");
            assert!(ALLOWED.iter().any(|start| location.starts_with(start)), "{location}");
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    WORLD.with(|world| world.get_or_init(World::new).send(data));
});
