//! The profiles of providers that speak OAuth 2.0 alone: `profiles.json` has what each answers, and who that is.

use std::collections::BTreeMap;

use ciam_core::http::Params;
use ciam_oidc::rp::known::{KnownProvider, Protocol};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Net, param, provider};

/// A provider, and what it answers where.
#[derive(Deserialize)]
struct Row {
    id: String,
    answers: BTreeMap<String, Value>,
    subject: String,
    /// Whether the address that it tells is a verified one; nothing when it tells none.
    verified: Option<bool>,
}

/// What a provider's interface answers, and who that is.
#[tokio::test]
async fn every_profile_of_the_table_is_read() {
    let table: Vec<Row> = serde_json::from_str(include_str!("profiles.json")).unwrap();
    let of_oauth = |row: &&KnownProvider| matches!(row.protocol, Protocol::OAuth(_));
    let rows: Vec<&str> = KnownProvider::all().into_iter().filter(of_oauth).map(|row| row.id).collect();
    assert_eq!(rows, table.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), "every row is tried");
    for row in table {
        is_read(row).await;
    }
}

async fn is_read(Row { id, answers, subject, verified }: Row) {
    let net = Net::new();
    let Protocol::OAuth(known) = KnownProvider::find(&id).unwrap().protocol else { unreachable!() };
    let found = provider(&net, &id, |setup| setup);
    let token =
        known.token_endpoint.replace("{version}", "v23.0").replace("{host}", "login.customer.example");
    net.put(&token, json!({ "access_token": "the-token", "token_type": "bearer" }));
    for (place, answer) in answers {
        net.put(&place, answer);
    }
    let url = net.begin(&found).await;
    let response =
        vec![("state".to_owned(), param(&url, "state").unwrap()), ("code".to_owned(), "c".to_owned())];
    let arrived = found.finish(Some(&net.browser), &Params::from_pairs(response)).await.unwrap();
    let identity = arrived.identity;
    assert_eq!((identity.issuer.as_str(), identity.subject), (found.issuer(), subject), "{id}");
    let email = identity.email.map(|email| (email.address, email.verified));
    assert_eq!(email, verified.map(|verified| ("ada@example.com".to_owned(), verified)), "{id}");
    assert_eq!(identity.name.as_deref(), Some("Ada"), "{id}");
    assert!(arrived.granted.open_id().is_none(), "{id}");
    if id == "facebook" {
        let url = net.sent_to("/v23.0/me").uri().to_string();
        assert_eq!(param(&url, "appsecret_proof").unwrap().len(), 64);
        assert!(param(&url, "fields").unwrap().contains("email"));
    }
}
