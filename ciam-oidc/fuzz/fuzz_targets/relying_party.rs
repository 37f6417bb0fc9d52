//! A hostile provider: whatever it answers, the relying party does not panic and signs nobody in whom it should not.
//!
//! The first byte chooses what is hostile, the rest is its text: the metadata, the key set, the whole token response, an ID
//! token without a good signature, the claims of one that is signed well, or the answer in the browser. `NONCE` and `STATE`
//! in the text stand for the values of this sign-in.

#![no_main]

mod world;

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::clock::Clock;
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Params, ParamsLimits};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::testkit::SeededEntropy;
use ciam_oidc::rp::{Authentication, RelyingParty, RelyingPartyConfig, SignInOptions, SignedIn};
use http::Response;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use url::Url;

use self::world::{World, somewhere};

const ISSUER: &str = "https://id.example";

/// What the provider answers, by path.
#[derive(Debug, Default)]
struct Provider(Mutex<Answers>);

#[derive(Clone, Debug, Default)]
struct Answers {
    metadata: String,
    keys: String,
    tokens: String,
}

#[async_trait]
impl HttpClient for Provider {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(somewhere(port))
    }

    async fn send(&self, outbound: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        let answers = self.0.lock().expect("a lock").clone();
        let body = match outbound.request.uri().path() {
            "/jwks" => answers.keys,
            "/token" => answers.tokens,
            _ => answers.metadata,
        };
        let response = Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(body)).expect("a response"))
    }
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

impl World {
    fn answers(&self) -> Answers {
        let metadata = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/authorize",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/jwks",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        Answers { metadata: metadata.to_string(), keys: self.jwks(), tokens: String::new() }
    }

    fn claims(&self, nonce: &str) -> String {
        let now = self.clock.now().unix_timestamp();
        json!({ "iss": ISSUER, "aud": "app", "sub": "ada", "iat": now, "exp": now + 60, "nonce": nonce })
            .to_string()
    }

    fn run(&self, data: &[u8]) {
        let Some((choice, rest)) = data.split_first() else { return };
        let Ok(text) = std::str::from_utf8(rest) else { return };
        self.runtime.block_on(self.sign_in(choice % 6, text));
    }

    async fn sign_in(&self, choice: u8, text: &str) {
        let provider = Arc::new(Provider(Mutex::new(self.answers())));
        if choice == 0 {
            provider.0.lock().expect("a lock").metadata = text.to_owned();
        } else if choice == 1 {
            provider.0.lock().expect("a lock").keys = text.to_owned();
        }
        let ports = memory::ports_with(self.clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_http_client(provider.clone());
        let browser = BrowserId::generate(ports.entropy()).expect("a browser");
        let callback = "https://app.example/callback";
        let config = RelyingPartyConfig::new(ISSUER, "app", Authentication::None, callback);
        let party = RelyingParty::new(ports, config);
        let Ok(url) = party.begin(&browser, &SignInOptions::new(), None).await else { return };
        let url = Url::parse(&url).expect("a URL");
        assert_eq!(url.scheme(), "https");
        let one = |name: &str| {
            url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).last()
        };
        let (Some(nonce), Some(state)) = (one("nonce"), one("state")) else { panic!("no nonce or no state") };
        let text = text.replace("NONCE", &nonce).replace("STATE", &state);

        let id_token = match choice {
            3 => text.clone(),
            4 => self.signed(&text),
            _ => self.signed(&self.claims(&nonce)),
        };
        let good = json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token }).to_string();
        provider.0.lock().expect("a lock").tokens = if choice == 2 { text.clone() } else { good };
        let query = if choice == 5 { text.clone() } else { format!("code=c&state={state}&iss={ISSUER}") };
        let Ok(response) = Params::parse(&query, ParamsLimits::default()) else { return };
        let signed_in = party.finish(Some(&browser), &response).await;
        match choice {
            // Nothing but a signature of our key is good for anything; the provider's own key set may have others.
            2 | 3 => assert!(signed_in.is_err(), "signed in without a signature"),
            4 => check(signed_in.ok(), &text, &nonce, self.clock.now().unix_timestamp()),
            5 if signed_in.is_ok() => {
                assert!(query.contains(&state), "signed in by a response to something else");
            }
            _ => {}
        }
    }
}

/// What was accepted says, to a lax reader too, what it must say.
fn check(signed_in: Option<SignedIn>, claims: &str, nonce: &str, now: i64) {
    let Some(signed_in) = signed_in else { return };
    let lax: Value = serde_json::from_str(claims).expect("accepted claims are JSON");
    assert_eq!(lax["iss"], ISSUER);
    assert_eq!(lax["nonce"], nonce);
    assert_eq!(lax["sub"], signed_in.tokens.claims.subject.as_str());
    let audience = &lax["aud"];
    assert!(audience == "app" || audience.as_array().is_some_and(|all| all.iter().any(|one| one == "app")));
    assert!(lax["exp"].as_f64().is_some_and(|exp| exp > (now - 31) as f64), "it has expired");
}

fuzz_target!(|data: &[u8]| {
    WORLD.with(|world| world.get_or_init(World::new).run(data));
});
