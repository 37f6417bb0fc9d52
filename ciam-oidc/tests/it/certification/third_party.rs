//! `oidcc-3rdparty-init-login-certification-test-plan` with a client that is registered in the program; with one that registers itself
//! it is in `dynamic.rs`.

use ciam_oidc::OpenIdProvider;

use super::suite::{Browser, ISSUER, Mode, Suite, value_in};

const INITIATE: &str = "https://suite.example/initiate_login";

#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    let suite = Suite::new(Mode::QUERY).await;
    suite.change_client(|client| client.display.initiate_login_uri = Some(INITIATE.to_owned())).await;
    let client = suite.server.clients().get(&"suite".parse().unwrap()).await.unwrap().unwrap().value;
    assert_eq!(client.display.initiate_login_uri.as_deref(), Some(INITIATE));
    let link = OpenIdProvider::initiate_login_url(&suite.server, &client, None, None).unwrap();
    assert!(link.starts_with(&format!("{INITIATE}?")));
    assert_eq!(value_in(&link, "iss").as_deref(), Some(ISSUER));
    // The client answers with an ordinary sign-in.
    suite.flow(&mut Browser::default(), &[]).await;
}

#[tokio::test]
async fn oidcc_3rd_party_init_login_nohttps() {
    let suite = Suite::new(Mode::QUERY).await;
    let read = suite.server.clients().get(&"suite".parse().unwrap()).await.unwrap().unwrap();
    let mut next = read.value.clone();
    next.display.initiate_login_uri = Some("http://suite.example/initiate_login".to_owned());
    assert!(suite.server.clients().update(&read, next).await.is_err());
}
