//! What a client publishes of itself, as its host sends it, and the address that it is known by. Whatever it is, no panic and no
//! server error; and a client that comes of it is that client, with nothing that a stranger must not have.
//!
//! The first line is the end of the client id; the rest is the document.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::http::Peer;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{AuthMethod, ClientId};
use ciam_oauth::client_document::ClientDocuments;
use ciam_oauth::server::SupportedScope;
use http::{Request, Response};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

fuzz_target!(|input: &[u8]| {
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (end, document) = input.split_at(line);
    let document = document.get(1..).unwrap_or_default();
    let Ok(end) = std::str::from_utf8(end) else { return };
    let Ok(id) = format!("https://agent.example/{end}").parse::<ClientId>() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(look_up(&id, document));
});

async fn look_up(id: &ClientId, document: &[u8]) {
    let outside = MemoryHttpClient::new();
    let answer = Response::builder().header("content-type", "application/json");
    outside.answer(id.as_str(), answer.body(Bytes::copy_from_slice(document)).expect("a response"));
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let ports =
        memory::ports_with(clock, Arc::new(SeededEntropy::new(7))).with_http_client(Arc::new(outside));
    let server = AuthorizationServer::builder(ports)
        .issuer("https://id.example".parse().expect("an issuer"))
        .interaction_url("/interaction/")
        .scope(SupportedScope::new("orders:read".parse().expect("a scope"), "See your orders"))
        .client_documents(ClientDocuments::default())
        .build()
        .await
        .expect("a server");
    let found = server.clients().get(id).await.expect("no port fails");
    if let Some(found) = found {
        let client = found.value;
        assert_eq!(client.id, *id);
        assert!(!client.first_party && client.serves.is_empty() && client.resources.is_empty());
        assert!(matches!(client.authentication.method(), AuthMethod::None | AuthMethod::PrivateKeyJwt));
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", id.as_str())
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", "https://agent.example/cb")
        .finish();
    let request = Request::get(format!("/authorize?{query}")).body(Bytes::new()).expect("a request");
    let response = server.handle(request, &Peer::new([192, 0, 2, 7].into())).await;
    assert!(!response.status().is_server_error(), "{response:?}");
}
