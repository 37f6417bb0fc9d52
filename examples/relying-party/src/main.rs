//! A web application that signs people in with the reference server.
//!
//! ```text
//! cargo run -p reference-server     # in one terminal
//! cargo run -p resource-server      # in another
//! cargo run -p relying-party        # and here; then open http://localhost:8081
//! ```

mod pages;
mod visits;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_adapters::tokio_runtime::TokioRuntime;
use ciam_core::http::{BrowserId, Params, ParamsLimits};
use ciam_core::memory;
use ciam_core::outbound::{Outbound, OutboundPolicy};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_oidc::rp::{Authentication, RelyingParty, RelyingPartyConfig, SignInError, SignInOptions, StepUp};
use clap::Parser;

use crate::visits::{Visit, Visits};

/// Cookies of its own: ports do not separate cookies, so the names must differ from the reference server's.
const BROWSER: &str = "__Host-rp-browser";

/// A web application that signs people in with the reference server.
#[derive(Debug, Parser)]
struct Options {
    /// The server that signs people in.
    #[arg(long, env = "ISSUER", default_value = "http://localhost:8080")]
    issuer: String,
    /// The client id that it is registered with there.
    #[arg(long, env = "CLIENT_ID", default_value = "relying-party")]
    client_id: String,
    /// The client secret. The default is that of the reference server's demonstration.
    #[arg(
        long,
        env = "CLIENT_SECRET",
        hide_env_values = true,
        default_value = "relying-party-demo-secret-not-for-production"
    )]
    client_secret: String,
    /// Where browsers find this application.
    #[arg(long, env = "BASE_URL", default_value = "http://localhost:8081")]
    base_url: String,
    /// The API that is called with the access token.
    #[arg(long, env = "API", default_value = "http://localhost:8082")]
    api: String,
    /// Where to listen.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
}

#[derive(Clone, Debug)]
struct App {
    ports: Ports,
    party: RelyingParty,
    visits: Visits,
    base_url: String,
    api: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let policy =
        [options.issuer.as_str(), &options.api].into_iter().fold(OutboundPolicy::default(), trust_if_local);
    let ports = memory::ports()
        .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
        .with_http_client(Arc::new(ReqwestHttpClient::new()?))
        .with_outbound_policy(policy);
    let config = RelyingPartyConfig::new(
        options.issuer.as_str(),
        options.client_id,
        Authentication::SecretBasic(Secret::new(options.client_secret)),
        format!("{}/callback", options.base_url),
    )
    .with_scope("openid profile email notes:read");
    let app = App {
        party: RelyingParty::new(ports.clone(), config),
        visits: Visits::default(),
        base_url: options.base_url.clone(),
        api: options.api,
        ports,
    };
    let router = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/clear", get(clear).post(clear))
        .route("/logout", post(logout))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(options.listen).await.context("--listen")?;
    println!("relying-party: open {} and sign in with {}", options.base_url, options.issuer);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn home(State(app): State<App>, headers: HeaderMap) -> Response {
    match app.visits.find(&headers) {
        None => pages::welcome().into_response(),
        Some(visit) => {
            let claims = app.party.userinfo(&visit.tokens).await;
            let api = call_api(&app, &visit, Method::GET, "/notes").await.said;
            pages::signed_in(&visit, claims.as_ref().ok(), &api).into_response()
        }
    }
}

async fn login(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    sign_in(&app, &headers, SignInOptions::new(), None).await
}

/// Asks the API to delete everything. It wants more of the person than a sign-in (RFC 9470), so they may have to go to the
/// provider and come back; then it is asked again.
async fn clear(State(app): State<App>, method: Method, headers: HeaderMap) -> Result<Response, Failure> {
    let Some(visit) = app.visits.find(&headers) else { return Ok(Redirect::to("/login").into_response()) };
    // By a link nobody deletes anything: only who was sent away for it, once.
    if method == Method::GET && !app.visits.resume(&headers) {
        return Ok(Redirect::to("/").into_response());
    }
    let answer = call_api(&app, &visit, Method::POST, "/notes/clear").await;
    match answer.wanted.filter(|_| method == Method::POST) {
        Some(wanted) => {
            let options = SignInOptions::new().for_step_up(&wanted);
            sign_in(&app, &headers, options, Some("/clear".to_owned())).await
        }
        None => Ok(pages::cleared(&answer.said).into_response()),
    }
}

async fn sign_in(
    app: &App,
    headers: &HeaderMap,
    options: SignInOptions,
    return_to: Option<String>,
) -> Result<Response, Failure> {
    let (browser, cookie) = match BrowserId::from_cookie(headers, BROWSER) {
        Some(browser) => (browser, None),
        None => {
            let browser = BrowserId::generate(app.ports.entropy()).map_err(SignInError::from)?;
            let cookie = browser.set_cookie_as(BROWSER).map_err(SignInError::from)?;
            (browser, Some(cookie))
        }
    };
    let url = app.party.begin(&browser, &options.with_resource(app.api.as_str()), return_to).await?;
    Ok(with_cookie(Redirect::to(&url).into_response(), cookie))
}

async fn callback(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let response = Params::parse(query.as_deref().unwrap_or_default(), ParamsLimits::default())
        .map_err(|_| SignInError::Malformed)?;
    let browser = BrowserId::from_cookie(&headers, BROWSER);
    let signed_in = app.party.finish(browser.as_ref(), &response).await?;
    // Where to go on is the application's own, and never in the address that the browser came with.
    let onward = signed_in.return_to.as_deref();
    let cookie =
        app.visits.begin(&app.ports, signed_in.tokens, onward.is_some()).map_err(SignInError::from)?;
    Ok(with_cookie(Redirect::to(onward.unwrap_or("/")).into_response(), Some(cookie)))
}

async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    // `SameSite=Lax` keeps the cookie out of other sites' posts: without it there is nothing to end.
    let Some(visit) = app.visits.end(&headers) else { return Ok(Redirect::to("/").into_response()) };
    let back = format!("{}/", app.base_url);
    let url = app.party.sign_out_url(Some(&visit.tokens.id_token), Some(&back), None).await?;
    Ok(Redirect::to(url.as_deref().unwrap_or("/")).into_response())
}

/// What the API answered.
struct Answer {
    said: String,
    /// What it wants of the person first.
    wanted: Option<StepUp>,
}

/// Calls the API with the access token, and says what came of it.
async fn call_api(app: &App, visit: &Visit, method: Method, path: &str) -> Answer {
    let plain = |said: String| Answer { said, wanted: None };
    let bearer = format!("Bearer {}", visit.tokens.access_token.expose());
    let request = Request::builder().method(method).uri(format!("{}{path}", app.api));
    let Ok(request) = request.header(header::AUTHORIZATION, bearer).body(axum::body::Bytes::new()) else {
        return plain("no request".to_owned());
    };
    match Outbound::new(app.ports.clone()).send(request).await {
        Ok(response) => Answer {
            said: format!("{} {}", response.status(), String::from_utf8_lossy(response.body())),
            wanted: StepUp::from_headers(response.headers()),
        },
        Err(error) => plain(format!("{error} (is resource-server running?)")),
    }
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A server on this machine may be asked without TLS; any other only with it.
fn trust_if_local(policy: OutboundPolicy, url: &str) -> OutboundPolicy {
    let local = url.strip_prefix("http://localhost:").and_then(|rest| rest.split('/').next()?.parse().ok());
    match local {
        Some(port) => policy.dangerous_trust_host("localhost", port),
        None => policy,
    }
}

/// A sign-in that failed: a page that says so, and a way to try again.
#[derive(Debug)]
struct Failure(SignInError);

impl From<SignInError> for Failure {
    fn from(error: SignInError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Html(pages::failure(&self.0))).into_response()
    }
}
