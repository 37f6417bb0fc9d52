//! A web application that signs people in with a SAML identity provider, such as the reference server with `saml = true`.
//!
//! ```text
//! curl -o idp.xml http://localhost:8080/saml/metadata
//! cargo run -p saml-sp -- idp.xml      # then open http://localhost:8083
//! ```
//!
//! Its own metadata, for the identity provider, is at `/saml`. Everything is in memory, the key too.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, routing};
use ciam_core::http::{BrowserId, cookie, set_cookie};
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_saml::binding::{PostMessage, RedirectMessage};
use ciam_saml::cert;
use ciam_saml::dsig::{SignatureAlgorithm, Signer};
use ciam_saml::metadata::EntityDescriptor;
use ciam_saml::model::Status;
use ciam_saml::sp::{Authenticated, ServiceProvider, ServiceProviderConfig, Start};
use ciam_saml::transport::{Incoming, Outgoing};
use clap::Parser;
use time::Duration;
use tokio::sync::Mutex;

const BROWSER: &str = "__Host-saml-sp-browser";
const SESSION: &str = "__Host-saml-sp-session";

/// A web application that signs people in with a SAML identity provider.
#[derive(Debug, Parser)]
struct Options {
    /// The file with the metadata of the identity provider, for which whoever starts this vouches.
    idp: PathBuf,
    /// Where browsers find it, and where it listens.
    #[arg(long, default_value = "http://localhost:8083")]
    base_url: String,
    #[arg(long, default_value = "127.0.0.1:8083")]
    listen: SocketAddr,
}

#[derive(Clone)]
struct App {
    ports: Ports,
    sp: ServiceProvider,
    idp: String,
    /// Who is signed in, by the digest of the cookie.
    sessions: Arc<Mutex<HashMap<String, Authenticated>>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let ports = memory::ports();
    let idp = EntityDescriptor::parse(&std::fs::read(&options.idp).context("the metadata")?)?;
    let sp = service(&ports, &options.base_url, &idp)?;
    let app = App { ports, sp, idp: idp.entity_id, sessions: Arc::default() };
    let listener = tokio::net::TcpListener::bind(options.listen).await.context("--listen")?;
    println!("saml-sp: open {} and sign in with {}", options.base_url, app.idp);
    Ok(axum::serve(listener, router(app)).await?)
}

fn service(ports: &Ports, base: &str, idp: &EntityDescriptor) -> anyhow::Result<ServiceProvider> {
    let (crypto, algorithm, now) = (ports.crypto(), SignatureAlgorithm::EcdsaSha256, ports.now());
    let key = crypto.generate_signing_key(algorithm.scheme())?;
    let (name, until) = ("saml-sp", now + Duration::days(365));
    let certificate = cert::self_signed(crypto, algorithm, key.expose(), name, now, until)?;
    let config = ServiceProviderConfig::new(format!("{base}/saml"), format!("{base}/saml/acs"))
        .with_logout_url(format!("{base}/saml/slo"))
        .with_signer(Signer::new(crypto, algorithm, key.expose(), certificate)?);
    let partner = idp.idp_partner(crypto)?.with_signed_requests();
    Ok(ServiceProvider::new(ports.clone(), config, [partner]))
}

fn router(app: App) -> Router {
    Router::new()
        .route("/", routing::get(home))
        .route("/login", routing::get(login))
        .route("/logout", routing::get(logout))
        .route("/saml", routing::get(metadata))
        .route("/saml/acs", routing::post(come_back))
        .route("/saml/slo", routing::get(sign_out))
        .with_state(app)
}

async fn home(State(app): State<App>, headers: HeaderMap) -> Html<String> {
    let sessions = app.sessions.lock().await;
    match known(&headers).and_then(|key| sessions.get(&key)) {
        None => Html("<p><a href=\"/login\">Sign in</a></p>".to_owned()),
        Some(person) => {
            let who = escape(&format!("{} {:?}", person.name_id.value, person.attributes));
            Html(format!("<h1>Signed in</h1><p>{who}</p><p><a href=\"/logout\">Sign out everywhere</a></p>"))
        }
    }
}

async fn login(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let browser = BrowserId::from_cookie(&headers, BROWSER);
    let browser = browser.map_or_else(|| BrowserId::generate(app.ports.entropy()), Ok)?;
    let started = app.sp.start(&browser, &app.idp, Start::new()).await?;
    Ok(([(header::SET_COOKIE, browser.set_cookie_as(BROWSER)?)], send(&started.outgoing)).into_response())
}

/// The answer of the identity provider. A browser sends no cookies with another site's form: it is sent once more, from here.
async fn come_back(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    let browser = BrowserId::from_cookie(&headers, BROWSER);
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    if browser.is_none() && !fields.iter().any(|(name, _)| name == "again") {
        let input = |(name, value): &(String, String)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        };
        let inputs: String = fields.iter().map(input).collect();
        let form = "<form method=\"post\"><input type=\"hidden\" name=\"again\">";
        let send = "<button>Continue</button></form><script>document.forms[0].submit()</script>";
        return Ok(Html(format!("{form}{inputs}{send}")).into_response());
    }
    let accepted = app.sp.accept(browser.as_ref(), &PostMessage::parse(&body)?).await?;
    let secret = Secret::random(app.ports.entropy())?;
    app.sessions.lock().await.insert(secret.digest().to_text(), accepted.person);
    let cookie = set_cookie(SESSION, secret.expose(), None)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let mut sessions = app.sessions.lock().await;
    let person = known(&headers).and_then(|key| sessions.remove(&key));
    let (Some(person), Some(browser)) = (person, BrowserId::from_cookie(&headers, BROWSER)) else {
        return Ok(Redirect::to("/").into_response());
    };
    Ok(send(&app.sp.start_logout(&browser, &person).await?.outgoing))
}

/// The identity provider asks for logout, or answers ours.
async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let message = RedirectMessage::from_raw_query(&query.unwrap_or_default())?;
    if message.direction() == ciam_saml::binding::Direction::Response {
        let browser = BrowserId::from_cookie(&headers, BROWSER).context("no browser")?;
        app.sp.accept_logout_answer(&browser, Incoming::Redirect(&message)).await?;
        return Ok(Redirect::to("/").into_response());
    }
    let demand = app.sp.accept_logout_request(Incoming::Redirect(&message)).await?;
    let mut sessions = app.sessions.lock().await;
    sessions.retain(|_, person| {
        let (index, indexes) = (person.session_index.as_ref(), &demand.session_indexes);
        let named = indexes.is_empty() || index.is_some_and(|index| indexes.contains(index));
        !(named && person.name_id.is_same(&demand.name_id))
    });
    Ok(send(&app.sp.answer_logout(&demand, Status::success())?))
}

async fn metadata(State(app): State<App>) -> Result<Response, Failure> {
    let xml = app.sp.metadata(app.ports.now() + Duration::days(7))?;
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}

fn send(outgoing: &Outgoing) -> Response {
    match outgoing {
        Outgoing::Redirect(url) => Redirect::to(url).into_response(),
        Outgoing::Post(form) => Html(form.html("c2FtbC1zcA==")).into_response(),
    }
}

fn known(headers: &HeaderMap) -> Option<String> {
    cookie(headers, SESSION).map(|secret| TokenDigest::of(secret).to_text())
}

fn escape(text: &str) -> String {
    let of = |c| matches!(c, '<' | '>' | '&' | '"' | '\'').then(|| format!("&#{};", u32::from(c)));
    text.chars().map(|c| of(c).unwrap_or_else(|| c.to_string())).collect()
}

/// The browser is told no more than that, the log why.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("refused: {:#}", self.0);
        let page = "<h1>That did not work</h1><p><a href=\"/login\">Try again</a></p>";
        (StatusCode::BAD_REQUEST, Html(page)).into_response()
    }
}

#[cfg(test)]
mod tests;
