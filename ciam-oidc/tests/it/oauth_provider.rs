//! Signing in with a provider that speaks OAuth 2.0 and not OpenID Connect ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749)):
//! the same way through the browser, and a profile in place of an ID token.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Params};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oidc::rp::oauth::{
    EmailList, EmailSource, EmailTrust, IdentityError, OAuthParty, OAuthProvider, OAuthProviderError,
    OAuthSignedIn, ProfileMapping, ProfileRequest, SubjectKind,
};
use ciam_oidc::rp::{
    Authentication, IdentityProvider, RelyingPartyConfig, ResponseMode, SignInError, SignInOptions,
};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::world::SECRET;

const FORGE: &str = "https://forge.example";
const CALLBACK: &str = "https://app.example/upstream/forge/callback";

type Answers = Arc<Mutex<Box<dyn Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send>>>;

/// A provider that answers as the test says, and an application that is its client.
struct Forge {
    ports: Ports,
    network: MemoryHttpClient,
    changed: Answers,
    browser: BrowserId,
}

fn json_response(status: u16, body: &Value) -> Response<Bytes> {
    let response =
        Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    response.body(Bytes::from(body.to_string())).unwrap()
}

fn profile() -> Value {
    json!({
        "id": 4711, "login": "ada", "full_name": "Ada Lovelace", "avatar": "https://img.example/ada.png",
        "email": "public@example.com",
    })
}

fn usual(request: &Request<Bytes>) -> Response<Bytes> {
    match request.uri().path() {
        "/token" => json_response(
            200,
            &json!({ "access_token": "the-token", "token_type": "bearer", "scope": ["user", "mail"] }),
        ),
        "/user" => json_response(200, &profile()),
        "/emails" => json_response(
            200,
            &json!([
                { "email": "old@example.com", "primary": false, "verified": true },
                { "email": "ada@example.com", "primary": true, "verified": true },
            ]),
        ),
        _ => json_response(404, &json!({})),
    }
}

fn provider_of(issuer: &str) -> OAuthProvider {
    let mapping = ProfileMapping::new("/id", SubjectKind::Number)
        .with_name("/full_name")
        .with_picture("/avatar")
        .with_email(EmailSource::List(EmailList::new(format!("{issuer}/emails"))));
    let profile = ProfileRequest::get(format!("{issuer}/user"));
    OAuthProvider::new(issuer, format!("{issuer}/authorize"), format!("{issuer}/token"), profile, mapping)
}

fn client(provider: &OAuthProvider) -> RelyingPartyConfig {
    provider.client("web", Authentication::SecretPost(SECRET.into()), CALLBACK).with_plain_scope("user mail")
}

impl Forge {
    fn new() -> Self {
        let network = MemoryHttpClient::new();
        let ports = memory::ports_with(Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(3)))
            .with_http_client(Arc::new(network.clone()));
        let changed: Answers = Arc::new(Mutex::new(Box::new(|_| None)));
        for host in ["forge.example", "evil.example"] {
            let changed = changed.clone();
            network.serve(host, move |request| {
                let response = (changed.lock().unwrap())(&request).unwrap_or_else(|| usual(&request));
                Box::pin(async move { response })
            });
        }
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        Self { ports, network, changed, browser }
    }

    fn answer(&self, path: &'static str, answer: impl Fn() -> Response<Bytes> + Send + 'static) {
        *self.changed.lock().unwrap() = Box::new(move |request| (request.uri().path() == path).then(&answer));
    }

    fn party_with(&self, change: impl FnOnce(OAuthProvider) -> OAuthProvider) -> OAuthParty {
        let provider = change(provider_of(FORGE));
        let config = client(&provider);
        OAuthParty::new(self.ports.clone(), provider, config).unwrap()
    }

    fn party(&self) -> OAuthParty {
        self.party_with(|provider| provider)
    }

    /// What comes back from the provider, with the state of a new sign-in.
    async fn response(&self, party: &OAuthParty, more: &[(&str, &str)]) -> Params {
        let url =
            party.begin(&self.browser, &SignInOptions::new(), Some("/orders".to_owned())).await.unwrap();
        answer_to(&url, more)
    }

    async fn sign_in(&self, party: &OAuthParty) -> Result<OAuthSignedIn, SignInError> {
        let response = self.response(party, &[("code", "the-code")]).await;
        party.finish(Some(&self.browser), &response).await
    }

    /// Why a sign-in fails when the profile is this.
    async fn refused(&self, answer: impl Fn() -> Response<Bytes> + Send + 'static) -> String {
        self.answer("/user", answer);
        format!("{:?}", self.sign_in(&self.party()).await.unwrap_err())
    }

    fn sent_to(&self, path: &str) -> Vec<Request<Bytes>> {
        let requests = self.network.requests();
        requests.into_iter().filter(|request| request.uri().path() == path).collect()
    }
}

fn answer_to(url: &str, more: &[(&str, &str)]) -> Params {
    let mut pairs = vec![("state".to_owned(), param(url, "state").unwrap())];
    pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Params::from_pairs(pairs)
}

/// A parameter of an address.
fn param(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn form(request: &Request<Bytes>, name: &str) -> Option<String> {
    param(&format!("https://x.example/?{}", std::str::from_utf8(request.body()).unwrap()), name)
}

#[tokio::test]
async fn a_person_comes_back_as_who_the_profile_says() {
    let forge = Forge::new();
    let party = forge.party();
    let options = SignInOptions::new();
    let url = party.begin(&forge.browser, &options, Some("/orders".to_owned())).await.unwrap();
    assert!(url.starts_with("https://forge.example/authorize?"), "{url}");
    let sent = |name: &str| param(&url, name);
    assert_eq!(sent("scope").as_deref(), Some("user mail"));
    assert_eq!(sent("redirect_uri").as_deref(), Some(CALLBACK));
    assert_eq!(sent("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(sent("nonce"), None, "there is no ID token to repeat it");
    let signed_in =
        party.finish(Some(&forge.browser), &answer_to(&url, &[("code", "the-code")])).await.unwrap();

    let identity = &signed_in.identity;
    assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), (FORGE, "4711"));
    assert_eq!(identity.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(identity.picture.as_deref(), Some("https://img.example/ada.png"));
    // The public address of the profile is nothing that was verified.
    let email = identity.email.as_ref().unwrap();
    assert_eq!((email.address.as_str(), email.verified), ("ada@example.com", true));
    assert_eq!(signed_in.return_to.as_deref(), Some("/orders"));
    assert_eq!(signed_in.scope.as_deref(), Some("user mail"));

    let token = &forge.sent_to("/token")[0];
    assert_eq!(form(token, "code").as_deref(), Some("the-code"));
    assert_eq!(form(token, "client_secret").as_deref(), Some(SECRET));
    assert!(form(token, "code_verifier").is_some());
    assert_eq!(token.headers()["accept"], "application/json");
    for path in ["/user", "/emails"] {
        let asked = &forge.sent_to(path)[0];
        assert_eq!(asked.headers()["authorization"], "Bearer the-token");
        assert!(asked.headers()["user-agent"].to_str().unwrap().starts_with("ciam/"));
    }
    // One link for all: what joins an account is the issuer, the subject, and the verified address.
    let upstream = identity.upstream(forge.ports.now());
    assert_eq!((upstream.issuer.as_str(), upstream.subject.as_str()), (FORGE, "4711"));
    assert_eq!(upstream.verified_email.unwrap().as_str(), "ada@example.com");
}

#[tokio::test]
async fn rfc7636_a_provider_that_refuses_pkce_gets_none() {
    let forge = Forge::new();
    let party = forge.party_with(OAuthProvider::dangerous_without_pkce);
    let url = party.begin(&forge.browser, &SignInOptions::new(), None).await.unwrap();
    assert_eq!((param(&url, "code_challenge"), param(&url, "code_challenge_method")), (None, None));
    party.finish(Some(&forge.browser), &answer_to(&url, &[("code", "c")])).await.unwrap();
    assert_eq!(form(&forge.sent_to("/token")[0], "code_verifier"), None);
    // Nor does it where the registration says so.
    let provider = provider_of(FORGE);
    let config = client(&provider).dangerous_without_pkce();
    let party = OAuthParty::new(forge.ports.clone(), provider, config).unwrap();
    let url = party.begin(&forge.browser, &SignInOptions::new(), None).await.unwrap();
    assert_eq!(param(&url, "code_challenge"), None);
}

/// Two names for one provider would be two people: the provider's description has it, whatever the registration says.
#[tokio::test]
async fn the_issuer_is_the_one_of_the_description() {
    let forge = Forge::new();
    let elsewhere = client(&provider_of("https://evil.example"));
    let party = OAuthParty::new(forge.ports.clone(), provider_of(FORGE), elsewhere).unwrap();
    assert_eq!(party.config().issuer, FORGE);
    assert_eq!(forge.sign_in(&party).await.unwrap().identity.issuer, FORGE);
    let provider = IdentityProvider::oauth(party);
    assert!(provider.is_issuer(FORGE) && !provider.is_issuer("https://evil.example"));
}

/// RFC 6749, section 10.12: a response belongs to one browser and to one sign-in, and is good once.
#[tokio::test]
async fn rfc6749_10_12_a_response_is_good_once_in_the_browser_that_asked() {
    let forge = Forge::new();
    let party = forge.party();
    let response = forge.response(&party, &[("code", "c")]).await;
    let other = BrowserId::generate(forge.ports.entropy()).unwrap();
    let refused = party.finish(Some(&other), &response).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherBrowser), "{refused:?}");
    let refused = party.finish(Some(&forge.browser), &response).await.unwrap_err();
    assert!(matches!(refused, SignInError::UnknownState), "the state was used up: {refused:?}");

    let response = forge.response(&party, &[("code", "c")]).await;
    party.finish(Some(&forge.browser), &response).await.unwrap();
    let replayed = party.finish(Some(&forge.browser), &response).await.unwrap_err();
    assert!(matches!(replayed, SignInError::UnknownState), "{replayed:?}");
    assert_eq!(forge.sent_to("/token").len(), 1, "one code was exchanged");

    for bad in [vec![], vec![("code".to_owned(), "c".to_owned())]] {
        let refused = party.finish(Some(&forge.browser), &Params::from_pairs(bad)).await.unwrap_err();
        assert!(matches!(refused, SignInError::Malformed), "{refused:?}");
    }
    let twice = forge.response(&party, &[("code", "c"), ("code", "d")]).await;
    let refused = party.finish(Some(&forge.browser), &twice).await.unwrap_err();
    assert!(matches!(refused, SignInError::Malformed), "{refused:?}");
}

/// RFC 9700, section 4.4: a state that was made for one provider is taken by no other, at whatever address it arrives.
#[tokio::test]
async fn s5_a_state_is_taken_by_the_provider_that_it_was_made_for() {
    let forge = Forge::new();
    let evil = provider_of("https://evil.example");
    let evil_client = client(&evil);
    let evil = OAuthParty::new(forge.ports.clone(), evil, evil_client).unwrap();
    let response = forge.response(&forge.party(), &[("code", "honest")]).await;
    let refused = evil.finish(Some(&forge.browser), &response).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherIssuer), "{refused:?}");

    // The same provider under two names, each with an address of its own.
    let provider = provider_of(FORGE);
    let second = provider.client(
        "web",
        Authentication::SecretPost(SECRET.into()),
        "https://app.example/upstream/second/callback",
    );
    let second = OAuthParty::new(forge.ports.clone(), provider, second).unwrap();
    let response = forge.response(&forge.party(), &[("code", "honest")]).await;
    let refused = second.finish(Some(&forge.browser), &response).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherIssuer), "{refused:?}");
    assert_eq!(forge.sent_to("/token").len(), 0, "the code was sent to nobody");
}

/// RFC 9207, section 2.4.
#[tokio::test]
async fn rfc9207_2_4_the_issuer_is_checked_and_missed_where_it_was_announced() {
    let forge = Forge::new();
    for (announced, iss, accepted) in [
        (false, None, true),
        (false, Some(FORGE), true),
        (false, Some("https://evil.example"), false),
        (true, Some(FORGE), true),
        (true, Some("https://forge.example/"), false),
        (true, None, false),
    ] {
        let party = forge.party_with(|provider| if announced { provider.sending_iss() } else { provider });
        let mut more = vec![("code", "c")];
        more.extend(iss.map(|iss| ("iss", iss)));
        let response = forge.response(&party, &more).await;
        match party.finish(Some(&forge.browser), &response).await {
            Ok(_) => assert!(accepted, "{announced} {iss:?}"),
            Err(refused) => assert!(
                !accepted && matches!(refused, SignInError::OtherIssuer),
                "{announced} {iss:?}: {refused:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_refusal_is_a_code_and_nothing_else() {
    let forge = Forge::new();
    let party = forge.party();
    for (error, expected) in [("access_denied", "access_denied"), ("<b>Sorry</b>", "unknown")] {
        let response = forge.response(&party, &[("error", error)]).await;
        let refused = party.finish(Some(&forge.browser), &response).await.unwrap_err();
        let SignInError::Declined { code, return_to } = &refused else { panic!("{refused:?}") };
        assert_eq!((code.as_str(), return_to.as_deref()), (expected, Some("/orders")));
    }
    // GitHub refuses a code with status 200, Facebook with an object.
    for (status, body, expected) in [
        (200, json!({ "error": "bad_verification_code" }), "Refused { code: \"bad_verification_code\" }"),
        (400, json!({ "error": { "message": "…", "code": 100 } }), "Refused { code: \"unknown\" }"),
        (200, json!({ "token_type": "bearer" }), "Malformed"),
        (200, json!({ "access_token": "t" }), "Malformed"),
        (200, json!({ "access_token": "t", "token_type": "mac" }), "Malformed"),
        (200, json!({ "access_token": "t", "token_type": "bearer", "scope": 7 }), "Malformed"),
    ] {
        let sent = body.clone();
        forge.answer("/token", move || json_response(status, &sent));
        let refused = forge.sign_in(&party).await.unwrap_err();
        assert_eq!(format!("{refused:?}"), expected, "{body}");
    }
    assert_eq!(forge.sent_to("/user").len(), 0, "nobody was asked for");
}

/// What a profile may not be.
#[tokio::test]
async fn a_profile_that_cannot_be_used_signs_nobody_in() {
    let forge = Forge::new();
    let html = || {
        let page = Response::builder().status(200).header("content-type", "text/html");
        page.body(Bytes::from_static(b"{\"id\":4711}")).unwrap()
    };
    assert_eq!(forge.refused(html).await, "Identity(ContentType)");
    for typ in ["text/json", "text/forge+json", "application/xml", "application/jsonp", "application/+jsonx"]
    {
        let other = move || {
            let page = Response::builder().status(200).header("content-type", typ);
            page.body(Bytes::from_static(b"{\"id\":4711}")).unwrap()
        };
        assert_eq!(forge.refused(other).await, "Identity(ContentType)", "{typ}");
    }
    let untyped = || Response::new(Bytes::from_static(b"{\"id\":4711}"));
    assert_eq!(forge.refused(untyped).await, "Identity(ContentType)");
    let large = || json_response(200, &json!({ "id": 4711, "bio": "x".repeat(64 * 1024) }));
    assert_eq!(forge.refused(large).await, "Identity(TooLarge)");
    let elsewhere = || {
        let away = Response::builder().status(302).header("location", "https://evil.example/user");
        away.body(Bytes::new()).unwrap()
    };
    assert_eq!(forge.refused(elsewhere).await, "Exchange(Redirect)");
    for status in [401, 403, 404, 429, 500] {
        let refused = forge.refused(move || json_response(status, &profile())).await;
        assert!(refused.starts_with("Exchange(Status("), "{refused}");
    }
    for (body, expected) in [
        ("{\"id\":4711,\"id\":1}", "Malformed"),
        ("{\"id\":4711}{}", "Malformed"),
        ("[4711]", "NoSubject"),
        ("{\"user\":{\"id\":4711}}", "NoSubject"),
        ("{\"id\":\"4711\"}", "Subject"),
        ("{\"id\":4711.0}", "Subject"),
        ("{\"id\":null}", "Subject"),
        ("{\"id\":\"ada@example.com\"}", "Subject"),
    ] {
        let typed = move || {
            let response = Response::builder().status(200).header("content-type", "application/json");
            response.body(Bytes::from_static(body.as_bytes())).unwrap()
        };
        assert_eq!(forge.refused(typed).await, format!("Identity({expected})"), "{body}");
    }
}

#[tokio::test]
async fn a_list_of_addresses_that_is_kept_from_us_is_no_address_and_a_broken_one_an_error() {
    let forge = Forge::new();
    for status in [403, 404] {
        forge.answer("/emails", move || json_response(status, &json!({ "message": "no" })));
        let signed_in = forge.sign_in(&forge.party()).await.unwrap();
        assert_eq!(signed_in.identity.email, None, "{status}");
    }
    forge.answer("/emails", || {
        json_response(200, &json!([{ "email": "ada@example.com", "primary": true, "verified": false }]))
    });
    assert_eq!(forge.sign_in(&forge.party()).await.unwrap().identity.email, None);
    forge.answer("/emails", || json_response(500, &json!([])));
    let refused = forge.sign_in(&forge.party()).await.unwrap_err();
    assert!(matches!(refused, SignInError::Exchange(_)), "{refused:?}");
    forge.answer("/emails", || Response::new(Bytes::from_static(b"[]")));
    let refused = forge.sign_in(&forge.party()).await.unwrap_err();
    assert!(matches!(refused, SignInError::Identity(IdentityError::ContentType)), "{refused:?}");
}

/// A profile that is nested, posted for, and asked for with a proof of the secret.
#[tokio::test]
async fn other_shapes_of_profiles() {
    let forge = Forge::new();
    let shaped = forge.party_with(|mut provider| {
        provider.profile = ProfileRequest::post("https://forge.example/me?fields=id,name")
            .with_secret_proof()
            .accepting("application/vnd.forge+json");
        provider.mapping = ProfileMapping::new("/data/id", SubjectKind::Text)
            .with_email(EmailSource::Profile {
                at: "/data/mail".to_owned(),
                trust: EmailTrust::Flag("/data/mail_ok".to_owned()),
            })
            .with_names("/data/first", "/data/last");
        provider
    });
    forge.answer("/me", || {
        let body =
            json!({ "data": { "id": "1", "mail": "ada@example.com", "mail_ok": true, "first": "Ada" } });
        json_response(200, &body)
    });
    let identity = forge.sign_in(&shaped).await.unwrap().identity;
    assert_eq!((identity.subject.as_str(), identity.given_name.as_deref()), ("1", Some("Ada")));
    assert!(identity.email.unwrap().verified);
    let asked = &forge.sent_to("/me")[0];
    assert_eq!(
        (asked.method().as_str(), asked.headers()["accept"].to_str().unwrap()),
        ("POST", "application/vnd.forge+json")
    );
    assert_eq!(asked.headers()["content-length"], "0", "a body of none is announced");
    let url = asked.uri().to_string();
    assert_eq!(param(&url, "fields").as_deref(), Some("id,name"));
    // HMAC-SHA256 of `the-token` under the secret, by `openssl dgst -sha256 -hmac`.
    assert_eq!(param(&url, "appsecret_proof").as_deref(), Some(PROOF));
}

const PROOF: &str = "eaee780601209b95f41aef8feff631b8a2934f82d4d8b6ce5b84e5b699d2db3b";

#[tokio::test]
async fn nobody_can_prove_a_recent_authentication_here() {
    let forge = Forge::new();
    let mut level = SignInOptions::new();
    level.acr_values = vec!["urn:example:high".to_owned()];
    for options in [SignInOptions::new().with_max_age(60), level] {
        let refused = forge.party().begin(&forge.browser, &options, None).await.unwrap_err();
        assert!(matches!(refused, SignInError::NotOffered), "{refused:?}");
    }
}

#[test]
fn a_description_that_cannot_be_used_is_refused_when_the_party_is_made() {
    use OAuthProviderError::{Address, EmailAsSubject, NoSecret, Pointer, Signed};

    type Change = fn(&mut OAuthProvider, &mut RelyingPartyConfig);
    let table: [(Change, Option<OAuthProviderError>); 15] = [
        (|_, _| {}, None),
        (|it, _| it.issuer = "forge".to_owned(), Some(Address)),
        (|it, _| it.token_endpoint = "http://forge.example/token".to_owned(), Some(Address)),
        (|it, _| it.authorization_endpoint = "javascript:alert(1)".to_owned(), Some(Address)),
        (|it, _| it.profile.url = "http://forge.example/user".to_owned(), Some(Address)),
        (|it, _| it.profile.url = "https://user@forge.example/user".to_owned(), Some(Address)),
        (|it, _| it.profile.url = "https://:pass@forge.example/user".to_owned(), Some(Address)),
        (|it, _| it.token_endpoint = "https://forge.example/token#x".to_owned(), Some(Address)),
        // A name that is no address of the web makes nothing less secure.
        (
            |it, _| {
                it.issuer = "urn:example:forge".to_owned();
                it.token_endpoint = "http://forge.example/token".to_owned();
            },
            Some(Address),
        ),
        (
            |it, _| it.mapping.email = EmailSource::List(EmailList::new("http://forge.example/emails")),
            Some(Address),
        ),
        (|it, _| it.mapping.subject = "id".to_owned(), Some(Pointer)),
        (
            |it, _| {
                let at = "/email".to_owned();
                it.mapping.subject.clone_from(&at);
                it.mapping.email = EmailSource::Profile { at, trust: EmailTrust::Always };
            },
            Some(EmailAsSubject),
        ),
        (
            |it, config| {
                it.profile.secret_proof = true;
                config.authentication = Authentication::None;
            },
            Some(NoSecret),
        ),
        (|it, _| it.profile.secret_proof = true, None),
        (|_, config| config.response_mode = ResponseMode::QueryJwt, Some(Signed)),
    ];
    for (at, (change, expected)) in table.into_iter().enumerate() {
        let mut provider = provider_of(FORGE);
        let mut config = client(&provider);
        change(&mut provider, &mut config);
        let made = OAuthParty::new(memory::ports(), provider, config);
        assert_eq!(made.err(), expected, "row {at}");
    }
}

/// RFC 6749, section 6: with the token alone, and what the provider does not say stays as it was.
#[tokio::test]
async fn rfc6749_6_an_access_token_is_refreshed() {
    let forge = Forge::new();
    let party = forge.party();
    let next =
        json!({ "access_token": "next", "token_type": "Bearer", "expires_in": "600", "refresh_token": "r2" });
    forge.answer("/token", move || json_response(200, &next));
    let tokens = party.refresh(&Secret::from("r1")).await.unwrap();
    assert_eq!((tokens.access_token.expose(), tokens.refresh_token.expose()), ("next", "r2"));
    assert_eq!(tokens.expires_at.unwrap() - forge.ports.now(), time::Duration::minutes(10));
    assert_eq!(tokens.scope, None);
    let sent = forge.sent_to("/token").pop().unwrap();
    assert_eq!(form(&sent, "grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(form(&sent, "refresh_token").as_deref(), Some("r1"));
    assert_eq!(form(&sent, "code"), None);
    // One that does not rotate them.
    forge.answer("/token", || json_response(200, &json!({ "access_token": "more", "token_type": "bearer" })));
    let tokens = party.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(tokens.refresh_token.expose(), "r2");
    // One that says no, with a status or without (GitHub).
    for status in [400, 200] {
        forge.answer("/token", move || json_response(status, &json!({ "error": "bad_refresh_token" })));
        let refused = party.refresh(&tokens.refresh_token).await.unwrap_err();
        assert!(
            matches!(&refused, SignInError::Refused { code } if code == "bad_refresh_token"),
            "{refused:?}"
        );
    }
    forge.answer("/token", || json_response(200, &json!({ "access_token": "x", "token_type": "mac" })));
    assert!(matches!(party.refresh(&tokens.refresh_token).await, Err(SignInError::Malformed)));
    assert!(forge.sent_to("/user").is_empty(), "nobody asks again who it is");
}

/// A network that takes a while.
#[derive(Debug)]
struct Slow(MemoryHttpClient);

#[async_trait]
impl HttpClient for Slow {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        self.0.resolve(host, port).await
    }

    async fn send(&self, outbound: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        tokio::task::yield_now().await;
        self.0.send(outbound).await
    }
}

/// A provider that rotates takes a second use for a theft: of several at the same time one asks.
#[tokio::test]
async fn refreshes_at_the_same_time_are_one() {
    let forge = Forge::new();
    let ports = forge.ports.clone().with_http_client(Arc::new(Slow(forge.network.clone())));
    let provider = provider_of(FORGE);
    let registration = client(&provider);
    let party = OAuthParty::new(ports, provider, registration).unwrap();
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    forge.answer("/token", move || {
        let mut count = counted.lock().unwrap();
        *count += 1;
        let token = format!("token-{count}");
        json_response(200, &json!({ "access_token": token, "token_type": "bearer", "refresh_token": "r2" }))
    });
    let (token, other) = (Secret::from("r1"), Secret::from("another"));
    let clone = party.clone();
    let (one, two, third) = tokio::join!(party.refresh(&token), clone.refresh(&token), party.refresh(&other));
    let [one, two, third] = [one, two, third].map(|it| it.unwrap().access_token.expose().to_owned());
    assert_eq!(one, two);
    assert_ne!(one, third, "another token is another refresh");
    assert_eq!(*count.lock().unwrap(), 2);
    // What is over is not joined.
    assert_ne!(party.refresh(&token).await.unwrap().access_token.expose(), one);
    assert_eq!(*count.lock().unwrap(), 3);
}
