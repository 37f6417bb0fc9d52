//! What the token endpoint costs, from the bytes of a request to the bytes of its response, on ports in memory.
//!
//! The limit is the signature that the response cannot be without; an answer without a signature is compared with it too,
//! to have one scale. The network, TLS and the host's database come on top and are not ours.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_benches::contest::Contest;
use ciam_benches::fixtures::{AUDIENCE, Algorithm, Failure, ISSUER, Key};
use ciam_core::account::{Account, AccountStatus};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::http::Peer;
use ciam_core::id::AccountId;
use ciam_core::memory;
use ciam_core::store::{Batch, Write};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::server::{ResourceServer, SupportedScope, TokenFormat};
use criterion::Criterion;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::runtime::Runtime;

const SECRET: &str = "0123456789012345678901234567890123456789abc";
const OPAQUE: &str = "https://api.example.com/stock";
const CALLBACK: &str = "https://app.example.com/callback";
/// The verifier of RFC 7636, appendix B, and its challenge.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let world = runtime.block_on(World::new())?;
    let floor = Key::generate(Algorithm::Es256)?;
    let message = floor.access_token()?;

    let opaque = runtime.block_on(world.token(&own_right(OPAQUE)))?;
    let refresh = runtime.block_on(world.sign_in())?;
    let requests = [
        ("client credentials, JWT", own_right(AUDIENCE)),
        ("client credentials, opaque", own_right(OPAQUE)),
        ("refresh, JWT", format!("grant_type=refresh_token&refresh_token={refresh}")),
    ];
    let introspect = format!("token={opaque}");

    let mut contest = Contest::new("token endpoint, ES256")
        .candidate("ring: the signature alone", || floor.sign(black_box(message.as_bytes())));
    for (name, form) in &requests {
        runtime.block_on(world.token(form))?;
        measure(&mut criterion, &runtime, name, || world.post("/token", form));
        contest = contest.candidate(*name, || runtime.block_on(world.post("/token", form)));
    }
    runtime.block_on(world.is_active(&introspect))?;
    measure(&mut criterion, &runtime, "introspection, opaque", || world.post("/introspect", &introspect));
    contest
        .candidate("introspection, opaque", || runtime.block_on(world.post("/introspect", &introspect)))
        .candidate("authorization, consent known, code and JWT", || runtime.block_on(world.sign_in()))
        .run();
    criterion.final_summary();
    Ok(())
}

fn measure<F: Future<Output = Response<Bytes>>>(
    criterion: &mut Criterion,
    runtime: &Runtime,
    name: &str,
    request: impl Fn() -> F,
) {
    criterion.bench_function(name, |bencher| bencher.iter(|| runtime.block_on(request())));
}

fn own_right(resource: &str) -> String {
    let resource = resource.replace(':', "%3A").replace('/', "%2F");
    format!("grant_type=client_credentials&resource={resource}")
}

/// A server with one client that may do everything, and one person who is signed in.
struct World {
    server: AuthorizationServer,
    cookie: String,
    basic: String,
}

impl World {
    async fn new() -> Result<Self, Failure> {
        let ports = memory::ports();
        let opaque = ResourceServer::new(OPAQUE.parse()?, "stock:read".parse()?);
        let server = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse()?)
            .interaction_url("/interaction/")
            .scope(SupportedScope::new("orders:read".parse()?, "See your orders"))
            .scope(SupportedScope::new("stock:read".parse()?, "See the stock"))
            .scope(SupportedScope::new("offline_access".parse()?, "Stay signed in"))
            .resource(ResourceServer::new(AUDIENCE.parse()?, "orders:read offline_access".parse()?))
            .resource(opaque.with_format(TokenFormat::Opaque))
            .build()
            .await?;
        let authentication = ClientAuthentication::basic(&ClientSecret::new(SECRET)?);
        let client = Client::confidential("shop".parse()?, authentication)
            .with_redirect_uri(CALLBACK.parse()?)
            .with_grant(GrantType::AuthorizationCode)
            .with_grant(GrantType::RefreshToken)
            .with_grant(GrantType::ClientCredentials)
            .with_scopes("orders:read stock:read offline_access".parse()?)
            .with_resource(OPAQUE.parse()?)
            .serving(OPAQUE.parse()?)
            .first_party();
        server.clients().register(client).await?;

        let mut account = Account::new(AccountId::generate(ports.clock(), ports.entropy())?, ports.now());
        account.status = AccountStatus::Active;
        let id = account.id;
        if !ports.store().commit(Batch::new().write(Write::PutAccount(account))).await?.is_applied() {
            return Err("the account was not stored".into());
        }
        let account = ports.store().account(id).await?.ok_or("no account")?;
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], ports.now());
        let context = AuthenticationContext::new([proof]);
        let started = server.sessions().start(&account, context, None, None).await?;
        let cookie = started.cookie.set_cookie(None)?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        let basic = format!("Basic {}", STANDARD.encode(format!("shop:{SECRET}")));
        Ok(Self { server, cookie, basic })
    }

    /// An authorization request, the exchange of its code, and the refresh token that comes of it.
    async fn sign_in(&self) -> Result<String, Failure> {
        let url = format!(
            "/authorize?response_type=code&client_id=shop&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback\
             &scope=orders%3Aread+offline_access&state=state&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let request =
            Request::builder().method(Method::GET).uri(url).header(COOKIE, &self.cookie).body(Bytes::new())?;
        let response = self.server.handle(request, &peer()).await;
        let location = response.headers().get(LOCATION).ok_or("no redirect")?.to_str()?;
        let code = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).ok_or("no code")?;
        let form = format!(
            "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}\
             &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback"
        );
        member(&self.post("/token", &form).await, "refresh_token")
    }

    async fn token(&self, form: &str) -> Result<String, Failure> {
        member(&self.post("/token", form).await, "access_token")
    }

    async fn is_active(&self, form: &str) -> Result<(), Failure> {
        let response = self.post("/introspect", form).await;
        let active = response.status() == StatusCode::OK && response.body().starts_with(b"{\"active\":true");
        if active { Ok(()) } else { Err(format!("not active: {:?}", response.body()).into()) }
    }

    async fn post(&self, path: &str, form: &str) -> Response<Bytes> {
        let mut request = Request::new(Bytes::copy_from_slice(black_box(form).as_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        if let Ok(basic) = self.basic.parse() {
            headers.insert(AUTHORIZATION, basic);
        }
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.server.handle(request, &peer()).await
    }
}

const fn peer() -> Peer {
    Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// A text member of a good answer.
fn member(response: &Response<Bytes>, name: &str) -> Result<String, Failure> {
    if response.status() != StatusCode::OK {
        return Err(format!("{}: {:?}", response.status(), response.body()).into());
    }
    let answer: Value = serde_json::from_slice(response.body())?;
    Ok(answer.get(name).and_then(Value::as_str).ok_or("a member is missing")?.to_owned())
}
