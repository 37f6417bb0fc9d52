//! What a relying party reads of providers beside ID tokens: profiles, lists of addresses, token responses without ID tokens,
//! registrations, WebFinger documents and identifiers, signed authorization responses and Apple's notices. Whatever is answered, it does not
//! panic, and takes nobody for somebody that the answer does not name.
//!
//! The first byte chooses what the rest is. `STATE` in it stands for the state of this sign-in.

#![no_main]

mod world;

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::clock::Clock;
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Params};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, Outbound, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::testkit::SeededEntropy;
use ciam_oidc::rp::known::{KnownProvider, Setup};
use ciam_oidc::rp::{
    Authentication, ProviderMetadata, Registered, Registration, RelyingParty, RelyingPartyConfig,
    ResponseMode, SignInError, SignInOptions, issuer_of,
};
use http::{Method, Response};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use url::Url;

use self::world::{World, somewhere};

const ISSUER: &str = "https://id.example";
const CALLBACK: &str = "https://app.example/callback";

/// What is answered, by path.
#[derive(Debug, Default)]
struct Answers(Mutex<Vec<(&'static str, String)>>);

impl Answers {
    fn put(&self, path: &'static str, body: impl Into<String>) {
        self.0.lock().expect("a lock").insert(0, (path, body.into()));
    }
}

#[async_trait]
impl HttpClient for Answers {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(somewhere(port))
    }

    async fn send(&self, outbound: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        let request = outbound.request;
        let answers = self.0.lock().expect("a lock");
        let found = answers.iter().find(|(path, _)| *path == request.uri().path());
        let status = match (found, request.method()) {
            (None, _) => 404,
            (Some(_), &Method::POST) if request.uri().path() == "/register" => 201,
            (Some(_), _) => 200,
        };
        let body = found.map(|(_, body)| body.clone()).unwrap_or_default();
        let response = Response::builder().status(status).header("content-type", "application/json");
        response.body(Bytes::from(body)).map_err(PortError::permanent)
    }
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

impl World {
    fn run(&self, data: &[u8]) {
        let Some((choice, rest)) = data.split_first() else { return };
        let Ok(text) = std::str::from_utf8(rest) else { return };
        let answers = Arc::new(Answers::default());
        let ports = memory::ports_with(self.clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_http_client(answers.clone());
        self.runtime.block_on(async {
            match choice % 8 {
                0..=2 => profile(choice % 8, &answers, ports, text).await,
                3 => registration(&answers, ports, text).await,
                4 => webfinger(&answers, ports, text).await,
                5 => self.signed_response(&answers, ports, text).await,
                6 => self.notice(&answers, ports, text).await,
                _ => _ = issuer_of(&Outbound::new(ports), text).await,
            }
        });
    }

    fn party(&self, answers: &Answers, ports: Ports, mode: ResponseMode) -> RelyingParty {
        answers.put("/.well-known/openid-configuration", metadata().to_string());
        answers.put("/jwks", self.jwks());
        let config = RelyingPartyConfig::new(ISSUER, "app", Authentication::None, CALLBACK);
        RelyingParty::new(ports, config.with_response_mode(mode))
    }

    /// The claims of a signed authorization response, signed well.
    async fn signed_response(&self, answers: &Answers, ports: Ports, text: &str) {
        let browser = BrowserId::generate(ports.entropy()).expect("a browser");
        let party = self.party(answers, ports, ResponseMode::QueryJwt);
        let url = party.begin(&browser, &SignInOptions::new(), None).await.expect("a sign-in begins");
        let text = text.replace("STATE", &param(&url, "state").expect("a state"));
        let response = Params::from_pairs(vec![("response".to_owned(), self.signed(&text))]);
        // There is no token endpoint behind it: who gets there was believed.
        if let Err(SignInError::Exchange(_)) = party.finish(Some(&browser), &response).await {
            let lax: Value = serde_json::from_str(&text).expect("accepted claims are JSON");
            assert_eq!(lax["iss"], ISSUER);
            assert!(lax["aud"] == "app" || lax["aud"] == json!(["app"]), "{text}");
            assert!(lax["exp"].as_f64().is_some_and(|exp| exp > (self.now() - 31) as f64), "it has expired");
        }
    }

    /// The claims of a notice of Apple, signed well.
    async fn notice(&self, answers: &Answers, ports: Ports, text: &str) {
        let party = self.party(answers, ports, ResponseMode::Query);
        let token = self.signed(text);
        if let Ok(notice) = party.check_apple_notice(&token).await {
            let lax: Value = serde_json::from_str(text).expect("accepted claims are JSON");
            let events = lax["events"].as_str().expect("a text");
            assert!(lax.get("nonce").is_none() && lax["iss"] == ISSUER, "{text}");
            assert!(
                !notice.subject.is_empty() && events.contains("\"sub\"") || events.contains('\\'),
                "{text}"
            );
            assert!(party.check_apple_notice(&token).await.is_err(), "it is taken once");
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_timestamp()
    }
}

fn metadata() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/jwks",
        "registration_endpoint": "https://id.example/register",
    })
}

fn param(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).expect("a URL");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A profile, a list of addresses, or a token response of GitHub.
async fn profile(choice: u8, answers: &Answers, ports: Ports, text: &str) {
    answers.put("/login/oauth/access_token", "{\"access_token\":\"t\",\"token_type\":\"bearer\"}");
    answers.put("/user", "{\"id\":1}");
    answers.put("/user/emails", "[]");
    answers.put(["/user", "/user/emails", "/login/oauth/access_token"][usize::from(choice)], text);
    let browser = BrowserId::generate(ports.entropy()).expect("a browser");
    let github = KnownProvider::find("github").expect("it is known");
    let provider = github.connect(ports, Setup::new("app", CALLBACK).with_secret("s")).expect("it fits");
    let url = provider.begin(&browser, &SignInOptions::new(), None).await.expect("a sign-in begins");
    let state = param(&url, "state").expect("a state");
    let response = Params::from_pairs(vec![("state".to_owned(), state), ("code".to_owned(), "c".to_owned())]);
    let Ok(arrived) = provider.finish(Some(&browser), &response).await else { return };
    let identity = arrived.identity;
    let number: u64 = identity.subject.parse().expect("a number");
    assert!(number > 0 && identity.subject == number.to_string(), "{}", identity.subject);
    if choice == 0 {
        let lax: Value = serde_json::from_str(text).expect("an accepted profile is JSON");
        assert_eq!(lax["id"].as_u64(), Some(number));
    }
    if let Some(email) = &identity.email {
        let lax: Value = serde_json::from_str(text).expect("an accepted list is JSON");
        let of = |entry: &Value| entry["email"] == email.address.as_str() && entry["verified"] == true;
        assert!(choice == 1 && lax.as_array().is_some_and(|all| all.iter().any(of)), "{text}");
    }
    assert!(identity.name.is_none_or(|name| name.len() <= 256 && !name.chars().any(char::is_control)));
    assert!(identity.picture.is_none_or(|picture| picture.starts_with("https:")));
}

/// What a provider says that it has registered, and what it says later.
async fn registration(answers: &Answers, ports: Ports, text: &str) {
    let (first, later) = text.split_once('\n').unwrap_or((text, text));
    answers.put("/register", first);
    let outbound = Outbound::new(ports);
    let provider: ProviderMetadata = serde_json::from_value(metadata()).expect("metadata");
    let Ok(registered) = Registration::new(CALLBACK).register(&outbound, &provider, None).await else {
        return;
    };
    let check = |it: &Registered| {
        assert!(!it.client_id.is_empty());
        let uris = it.all.expose()["redirect_uris"].as_array().cloned();
        assert!(uris.is_none_or(|uris| uris.iter().any(|uri| uri == CALLBACK)));
    };
    check(&registered);
    let Some(place) = registered.registration_client_uri.clone() else { return };
    let path = Url::parse(&place).map(|url| url.path().to_owned()).unwrap_or_default();
    if path == "/client" {
        answers.put("/client", later);
    }
    if let Ok(read) = registered.read(&outbound).await {
        check(&read);
        assert_eq!(read.client_id, registered.client_id);
        let origin = |url: &str| Url::parse(url).map(|url| url.origin().ascii_serialization()).ok();
        assert_eq!(
            read.registration_client_uri.as_deref().and_then(origin),
            origin(&place),
            "the token moves"
        );
    }
}

/// A WebFinger document.
async fn webfinger(answers: &Answers, ports: Ports, text: &str) {
    answers.put("/.well-known/webfinger", text);
    if let Ok(issuer) = issuer_of(&Outbound::new(ports), "ada@id.example").await {
        let url = Url::parse(&issuer).expect("an issuer is a URL");
        assert!(url.scheme() == "https" && url.query().is_none() && url.fragment().is_none(), "{issuer}");
    }
}

fuzz_target!(|data: &[u8]| {
    WORLD.with(|world| world.get_or_init(World::new).run(data));
});
