//! What is asked of the servers.

use std::cell::Cell;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_benches::fixtures::Failure;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use serde_json::Value;

use crate::client::{Arrived, Browser, Connection};
use crate::servers::{Kind, Server};

/// What both servers know their client by.
pub(crate) const SECRET: &str = "0123456789012345678901234567890123456789abc";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "quiet-river-lantern-42";
/// The verifier of RFC 7636, appendix B, and its challenge.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const OWN_RIGHT: &str = "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com%2Forders";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Token,
    Introspect,
    SignIn,
}

/// What a job needs that was made before.
pub(crate) enum Prepared {
    /// A form for an endpoint.
    Form(&'static str, String),
    SignIn,
}

impl Job {
    pub(crate) const ALL: [Self; 3] = [Self::Token, Self::Introspect, Self::SignIn];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspect => "introspection",
            Self::SignIn => "sign-in",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Token => "client credentials, a JWT with ES256",
            Self::Introspect => "introspection of an opaque token",
            Self::SignIn => "code flow with sign-in and consent",
        }
    }

    /// How many times what the peer does.
    pub(crate) const fn peer(self) -> f64 {
        match self {
            Self::Token => 8.0,
            Self::Introspect | Self::SignIn => 10.0,
        }
    }

    /// What share of what the limit does.
    pub(crate) const fn limit(self) -> Option<(Kind, f64)> {
        match self {
            Self::Token => Some((Kind::Sign, 0.6)),
            Self::Introspect => Some((Kind::Echo, 0.5)),
            Self::SignIn => None,
        }
    }

    pub(crate) fn is_for(self, kind: Kind) -> bool {
        matches!(kind, Kind::Ciam | Kind::Peer) || self.limit().is_some_and(|(limit, _)| limit == kind)
    }

    pub(crate) async fn prepare(self, server: &Server) -> Result<Prepared, Failure> {
        let introspect = if server.kind == Kind::Peer { "/token/introspection" } else { "/introspect" };
        Ok(match self {
            Self::Token => Prepared::Form("/token", OWN_RIGHT.to_owned()),
            Self::SignIn => Prepared::SignIn,
            Self::Introspect if server.kind == Kind::Echo => {
                Prepared::Form(introspect, format!("token={VERIFIER}"))
            }
            Self::Introspect => {
                // Of the peer an opaque token is one without a resource.
                let form = match server.kind {
                    Kind::Peer => "grant_type=client_credentials",
                    _ => "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com%2Fstock",
                };
                let mut connection = Connection::open(server.port).await?;
                let token = member(&mut connection, "/token", form, "access_token").await?;
                Prepared::Form(introspect, format!("token={token}"))
            }
        })
    }
}

/// How many answers a second so many connections get together.
pub(crate) async fn rate(
    server: &Server,
    prepared: &Prepared,
    connections: usize,
    window: Duration,
) -> Result<f64, Failure> {
    let (begin, people) = (Instant::now(), Cell::new(0_u32));
    let one = || async {
        let (mut connection, mut done) = (Connection::open(server.port).await?, 0_u32);
        loop {
            match prepared {
                Prepared::Form(path, form) => post(&mut connection, path, form).await.map(drop)?,
                Prepared::SignIn => {
                    people.set(people.get() + 1);
                    sign_in(&mut connection, server.kind, people.get()).await?;
                }
            }
            done += 1;
            if begin.elapsed() >= window {
                return Ok::<_, Failure>(done);
            }
        }
    };
    // A core that sleeps is woken by whoever answers it, and the server would pay for that.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let done = futures_util::future::try_join_all((0..connections).map(|_| one())).await;
    awake.abort();
    let done = done?;
    Ok(f64::from(done.into_iter().sum::<u32>()) / begin.elapsed().as_secs_f64())
}

/// From the authorization request to the tokens.
async fn sign_in(connection: &mut Connection, kind: Kind, person: u32) -> Result<(), Failure> {
    let ours = kind == Kind::Ciam;
    let path = if ours { "/authorize" } else { "/auth" };
    // Everybody has a network of their own: attempts are counted by address and by network.
    let address = std::net::Ipv4Addr::from(0x0b00_0001 + (person << 8)).to_string();
    let mut browser = Browser::new(connection, address);
    let mut arrived = browser
        .get(&format!(
            "{path}?response_type=code&client_id=shop&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback\
             &scope=openid&state=state&code_challenge={CHALLENGE}&code_challenge_method=S256"
        ))
        .await?;
    for _ in 0..3 {
        let Arrived::Page(path, page) = arrived else { break };
        let hidden = |name: &str| between(&page, &format!("name=\"{name}\" value=\""), '"');
        arrived = if let Some(journey) = hidden("journey") {
            let email = format!("person-{}%40example.com", person % crate::serve::PEOPLE);
            browser.post(&path, format!("journey={journey}&email={email}&password={PASSWORD}")).await?
        } else if ours {
            browser.post(&path, "decision=allow".to_owned()).await?
        } else {
            let action = between(&page, "action=\"", '"').ok_or("no form")?;
            let action =
                action.find("/interaction").and_then(|at| action.get(at..)).ok_or("no interaction")?;
            let prompt = hidden("prompt").ok_or("no prompt")?;
            browser.post(action, format!("prompt={prompt}&login=person-{person}&password=any")).await?
        };
    }
    let Arrived::Outside(location) = arrived else { return Err("the browser never came back".into()) };
    let code = between(&format!("{location}&"), "code=", '&').ok_or("no code")?;
    let form = format!(
        "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback"
    );
    member(connection, "/token", &form, "id_token").await.map(drop)
}

async fn post(connection: &mut Connection, path: &str, form: &str) -> Result<Bytes, Failure> {
    let basic = format!("Basic {}", STANDARD.encode(format!("shop:{SECRET}")));
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(AUTHORIZATION, basic)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))?;
    let response = connection.send(request).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("{path}: {} {:?}", response.status(), response.body()).into());
    }
    Ok(response.into_body())
}

async fn member(connection: &mut Connection, path: &str, form: &str, name: &str) -> Result<String, Failure> {
    let answer: Value = serde_json::from_slice(&post(connection, path, form).await?)?;
    Ok(answer.get(name).and_then(Value::as_str).ok_or("a member is missing")?.to_owned())
}

fn between(text: &str, before: &str, after: char) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found.to_owned())
}
