//! A browser for tests: cookies, links and forms against the router, without a socket.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use ciam_adapters::rsa_keys::generate_rsa_2048;
use ciam_core::{
    account::IdentifierKey,
    entropy::SystemEntropy,
    error::PortError,
    id::AccountId,
    jose::Algorithm,
    keys::{KeySource, LocalKeys, NewKey},
    memory,
    notify::Notifier,
    password::Argon2idHasher,
    ports::Ports,
    relay::Relay,
    secret::SecretBytes,
};
use clap::Parser as _;
use http::{HeaderMap, Method, Request, StatusCode, header};
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::{app::App, cli::Cli, config::Config, routes, serve, services::Services};

/// The configuration that these arguments make.
pub(crate) fn config(arguments: &[&str]) -> Config {
    let cli = Cli::try_parse_from([&["x"], arguments].concat()).unwrap();
    Config::load(&cli.flags).unwrap()
}

/// The server with these arguments, in memory, with what is to be imported.
pub(crate) async fn app(arguments: &[&str]) -> App {
    app_on(arguments, memory::ports()).await
}

/// The server with these arguments on these ports.
pub(crate) async fn app_on(arguments: &[&str], ports: Ports) -> App {
    let config = config(arguments);
    let services = services(&config, &ports).await;
    serve::start_with(config, services).await.unwrap()
}

/// The services as they run, but for a fast password hash and an RSA key that is made once.
pub(crate) async fn services(config: &Config, ports: &Ports) -> Services {
    try_services(config, ports).await.unwrap()
}

/// The same, or why a configuration cannot be.
pub(crate) async fn try_services(config: &Config, ports: &Ports) -> anyhow::Result<Services> {
    let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
    Services::with(config, ports.clone(), hasher, Arc::new(OneRsaKey)).await
}

#[derive(Debug)]
struct OneRsaKey;

#[async_trait]
impl KeySource for OneRsaKey {
    async fn generate(&self, ports: &Ports, algorithm: Algorithm) -> Result<Option<NewKey>, PortError> {
        static KEY: OnceCell<SecretBytes> = OnceCell::const_new();
        if algorithm != Algorithm::Rs256 {
            return LocalKeys::new().generate(ports, algorithm).await;
        }
        let make = || generate_rsa_2048(ports.runtime(), Arc::new(SystemEntropy::new()));
        let key = KEY.get_or_try_init(make).await?.clone();
        NewKey::from_pkcs8(ports, algorithm, key).map(Some).map_err(PortError::permanent)
    }
}

/// A person's browser.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    router: Router,
    origin: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// From where it comes.
    pub(crate) address: SocketAddr,
}

/// A response, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) path: String,
}

impl Browser {
    pub(crate) fn new(app: &App) -> Self {
        let origin = app.config().issuer.as_str().to_owned();
        let address = SocketAddr::from(([127, 0, 0, 1], 4711));
        let router = routes::router(app.clone());
        Self { router, origin, cookies: BTreeMap::new(), headers: Vec::new(), address }
    }

    /// Sends any request, without following where it leads.
    pub(crate) async fn send(&mut self, request: http::request::Builder, body: impl Into<Body>) -> Seen {
        let mut request = request.extension(ConnectInfo(self.address)).body(body.into()).unwrap();
        let path = request.uri().to_string();
        let host = self.origin.split_once("://").unwrap().1.to_owned();
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert(host.parse().unwrap());
        if !cookies.is_empty() {
            headers.entry(header::COOKIE).or_insert(cookies.join("; ").parse().unwrap());
        }
        for (name, value) in &self.headers {
            headers.insert(*name, value.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        self.keep(&response);
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Seen { status: parts.status, headers: parts.headers, text, path }
    }

    fn keep(&mut self, response: &Response) {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Opens a page, and goes on where redirects on this server lead.
    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        let seen = self.send(Request::get(path), Body::empty()).await;
        self.follow(seen).await
    }

    /// Goes on where redirects on this server lead.
    pub(crate) async fn follow(&mut self, mut seen: Seen) -> Seen {
        for _ in 0..10 {
            let Some(target) = seen.location().map(str::to_owned) else { return seen };
            let Some(path) = target.strip_prefix(&self.origin).or(target.starts_with('/').then_some(&target))
            else {
                return seen;
            };
            seen = self.send(Request::get(path.to_owned()), Body::empty()).await;
        }
        panic!("more than ten redirects");
    }

    /// Sends the form of a page that posts to `action`, with these fields filled in, and goes on from there.
    pub(crate) async fn submit(&mut self, page: &Seen, action: &str, fields: &[(&str, &str)]) -> Seen {
        self.fill_in(action, page.hidden(action), fields).await
    }

    /// Sends one of several forms of a page that all post to `action`: of what is hidden, the token alone goes along.
    pub(crate) async fn submit_one(&mut self, page: &Seen, action: &str, fields: &[(&str, &str)]) -> Seen {
        let mut hidden = page.hidden(action);
        hidden.retain(|(name, _)| name == "csrf");
        self.fill_in(action, hidden, fields).await
    }

    async fn fill_in(
        &mut self,
        action: &str,
        mut all: Vec<(String, String)>,
        fields: &[(&str, &str)],
    ) -> Seen {
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let seen = self.post(action, &all).await;
        self.follow(seen).await
    }

    /// Posts these fields.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Seen {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("origin", &self.origin)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, body).await
    }
}

impl Seen {
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION).map(|it| it.to_str().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    /// The hidden fields of the form that posts to `action`.
    pub(crate) fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let start = format!("action=\"{action}\"");
        let form =
            self.text.split_once(&start).unwrap_or_else(|| panic!("no form {action} in {}", self.text)).1;
        let form = form.split("</form>").next().unwrap();
        let value = |tag: &str, name: &str| {
            let rest = tag.split_once(&format!("{name}=\""))?.1;
            Some(unescape(rest.split('"').next()?))
        };
        form.split("<input")
            .skip(1)
            .filter(|tag| tag.contains("type=\"hidden\""))
            .map(|tag| (value(tag, " name").unwrap(), value(tag, " value").unwrap_or_default()))
            .collect()
    }

    /// The page says this, after HTML is undone.
    pub(crate) fn says(&self, text: &str) -> bool {
        unescape(&self.text).contains(text)
    }
}

fn unescape(html: &str) -> String {
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .iter()
        .fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A password that the policy takes.
pub(crate) const PASSWORD: &str = "a long and unremarkable sentence";

/// Delivers what is in the outbox and gives subject and code of the newest message to an address.
pub(crate) async fn mail(app: &App, to: &str) -> (String, String) {
    let catcher = app.catcher().unwrap();
    Relay::new(app.ports().clone(), Arc::clone(catcher) as Arc<dyn Notifier>)
        .deliver_pending()
        .await
        .unwrap();
    let messages = catcher.messages();
    let message = messages.iter().find(|it| it.to == to).unwrap_or_else(|| panic!("no mail for {to}"));
    (message.text.subject.clone(), message.code.clone().unwrap_or_default())
}

/// Signs in on the sign-in page.
pub(crate) async fn sign_in(browser: &mut Browser, identifier: &str, password: &str) {
    let page = browser.get("/sign-in").await;
    let fields = [("identifier", identifier), ("password", password)];
    let seen = browser.submit(&page, "/sign-in", &fields).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
}

/// Signs up and verifies the address.
pub(crate) async fn sign_up(app: &App, browser: &mut Browser, email: &str) {
    let page = browser.get("/sign-up").await;
    let fields = [("email", email), ("name", "Somebody"), ("password", PASSWORD)];
    let verify = browser.submit(&page, "/sign-up", &fields).await;
    let (_, code) = mail(app, email).await;
    let seen = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
}

/// A browser whose person has just registered.
pub(crate) async fn person(app: &App, email: &str) -> Browser {
    let mut browser = Browser::new(app);
    sign_up(app, &mut browser, email).await;
    browser
}

/// The account with this address.
pub(crate) async fn account_of(app: &App, email: &str) -> AccountId {
    let key = IdentifierKey::email(email).unwrap();
    app.ports().store().account_by_identifier(&key).await.unwrap().unwrap().value.id
}
