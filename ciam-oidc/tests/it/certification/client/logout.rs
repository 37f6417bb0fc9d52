//! `oidcc-client-back-channel-logout-rp-basic` and `oidcc-client-rp-initiated-logout-rp-basic`: a sign-out that the client begins,
//! and what the provider then says over the back channel and through the browser.

use bytes::Bytes;
use ciam_core::http::{BrowserId, Params};
use ciam_core::id::{AccountId, SessionId};
use ciam_oidc::rp::{LogoutToken, SignInError};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::op::{Conversation, ISSUER, es256, query_of, unsigned};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const BYE: &str = "https://rp.example/bye";

/// A person who is signed in at the client, in a session of the host.
struct Person {
    conversation: Conversation,
    session: SessionId,
    url: String,
}

impl Person {
    async fn new() -> Self {
        let conversation = Conversation::new();
        let tokens = conversation.sign_in().await.unwrap().tokens;
        let session = SessionId::from_uuid(Uuid::from_u128(7));
        let until = conversation.ports.now() + Duration::hours(8);
        let account = AccountId::from_uuid(Uuid::from_u128(1));
        let (subject, sid) = (&tokens.claims.subject, tokens.claims.session.as_deref());
        conversation.party.remember(account, session, until, subject, sid).await.unwrap();
        let browser = &conversation.browser;
        let begun =
            conversation.party.begin_sign_out(browser, Some(&tokens.id_token), BYE, Some("/".to_owned()));
        let url = begun.await.unwrap().unwrap();
        Self { conversation, session, url }
    }

    fn claims(&self) -> Value {
        let now = self.conversation.ports.now().unix_timestamp();
        json!({
            "iss": ISSUER, "aud": "rp", "iat": now, "exp": now + 120, "jti": "one",
            "sub": "ada", "sid": "s1", "events": { EVENT: {} },
        })
    }

    /// The provider posts a logout token; the host ends the sessions and answers.
    async fn told(&self, token: &str) -> (Response<Bytes>, Vec<SessionId>) {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
        let request = Request::post("https://rp.example/backchannel")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        self.received(&request).await
    }

    async fn received(&self, request: &Request<Bytes>) -> (Response<Bytes>, Vec<SessionId>) {
        match self.conversation.party.receive_logout(request).await {
            Ok(token) => {
                let sessions = self.conversation.party.sessions_of(&token).await.unwrap();
                (LogoutToken::response(), sessions)
            }
            Err(error) => (error.response(), Vec::new()),
        }
    }

    fn signed(&self, claims: &Value) -> String {
        let mut header = self.conversation.op.header();
        header["typ"] = json!("logout+jwt");
        self.conversation.op.sign(&header, claims)
    }

    async fn refused(&self, token: &str) {
        let (response, sessions) = self.told(token).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(sessions.is_empty());
    }
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout() {
    let person = Person::new().await;
    let (response, sessions) = person.told(&person.signed(&person.claims())).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(sessions, [person.session]);
    // A second time it is a replay.
    person.refused(&person.signed(&person.claims())).await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_alg_none() {
    let person = Person::new().await;
    person.refused(&unsigned(&person.signed(&person.claims()))).await;
}

async fn refused_with(name: &str, value: Option<Value>) {
    let person = Person::new().await;
    let mut claims = person.claims();
    match value {
        Some(value) => claims[name] = value,
        None => _ = claims.as_object_mut().unwrap().remove(name),
    }
    person.refused(&person.signed(&claims)).await;
    // What refused it was that claim.
    assert_eq!(person.told(&person.signed(&person.claims())).await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_no_event() {
    refused_with("events", None).await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce() {
    refused_with("nonce", Some(json!("n"))).await;
}

/// Signed with an algorithm and a key that the provider does not publish.
#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg() {
    let person = Person::new().await;
    let header =
        json!({ "alg": "ES256", "typ": "logout+jwt", "kid": person.conversation.op.header()["kid"] });
    person.refused(&super::op::sign(&es256("x"), &header, &person.claims())).await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud() {
    refused_with("aud", Some(json!("rp1"))).await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event() {
    refused_with("events", Some(json!({ "http://schemas.openid.net/event/other": {} }))).await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss() {
    refused_with("iss", Some(json!("https://op.example/1"))).await;
}

/// Beside the plan: requests that are no form post with one token.
#[tokio::test]
async fn backchannel_2_5_the_request_is_a_form_post_with_one_token() {
    let person = Person::new().await;
    let token = person.signed(&person.claims());
    let form = "application/x-www-form-urlencoded";
    for (method, kind, body) in [
        ("GET", form, format!("logout_token={token}")),
        ("POST", "application/json", format!("logout_token={token}")),
        ("POST", form, format!("logout_token={token}&logout_token={token}")),
        ("POST", form, String::new()),
        ("POST", form, "logout_token=".to_owned()),
    ] {
        let request = Request::builder().method(method).uri("/").header("content-type", kind);
        let (response, _) = person.received(&request.body(Bytes::from(body.clone())).unwrap()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{method} {kind} {body}");
    }
    assert_eq!(person.told(&token).await.0.status(), StatusCode::OK);
}

/// What the browser brings back from the provider's sign-out.
fn back(url: &str) -> Params {
    let sent = query_of(url);
    let one = |name| sent.one(name).unwrap().map(str::to_owned);
    assert_eq!(one("post_logout_redirect_uri").as_deref(), Some(BYE));
    assert!(one("id_token_hint").is_some());
    Params::from_pairs(vec![("state".to_owned(), one("state").unwrap())])
}

#[tokio::test]
async fn oidcc_client_test_rp_init_logout() {
    let person = Person::new().await;
    let (party, browser) = (&person.conversation.party, &person.conversation.browser);
    let back = back(&person.url);
    let returned = party.finish_sign_out(Some(browser), &back).await.unwrap();
    assert_eq!(returned.as_deref(), Some("/"));
    // Once.
    let again = party.finish_sign_out(Some(browser), &back).await;
    assert!(matches!(again, Err(SignInError::UnknownState)));
}

#[tokio::test]
async fn oidcc_client_test_rp_init_logout_other_state() {
    let person = Person::new().await;
    let (party, browser) = (&person.conversation.party, &person.conversation.browser);
    let other = Params::from_pairs(vec![("state".to_owned(), "another".to_owned())]);
    let refused = party.finish_sign_out(Some(browser), &other).await;
    assert!(matches!(refused, Err(SignInError::UnknownState)));
    // Nor in another browser.
    let stranger = BrowserId::generate(person.conversation.ports.entropy()).unwrap();
    let refused = party.finish_sign_out(Some(&stranger), &back(&person.url)).await;
    assert!(matches!(refused, Err(SignInError::OtherBrowser)));
}

#[tokio::test]
async fn oidcc_client_test_rp_init_logout_no_state() {
    let person = Person::new().await;
    let (party, browser) = (&person.conversation.party, &person.conversation.browser);
    let refused = party.finish_sign_out(Some(browser), &Params::from_pairs(Vec::new())).await;
    assert!(matches!(refused, Err(SignInError::Malformed)));
}
