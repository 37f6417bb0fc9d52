//! Races of whole flows, to be run against a host's adapters.
//!
//! The contract suites of [`ciam_core::testkit`] try each verb of a port. These try what the verbs are for: a hundred
//! clients that exchange one code, and a hundred that use one refresh token, on as many nodes as a host likes.
//!
//! ```
//! use ciam_core::{memory, testkit::spawn_thread};
//! use ciam_oauth::testkit;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Two nodes on one store; a host passes the ports of its own adapters, and its runtime's `spawn`.
//! let node = memory::ports();
//! let nodes = [node.clone(), node];
//! testkit::code_race(&nodes, &spawn_thread).await.unwrap();
//! testkit::refresh_race(&nodes, &spawn_thread).await.unwrap();
//! # }
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use ciam_core::account::{Account, AccountStatus};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use ciam_core::id::{AccountId, GrantId, SessionId};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, Write};
use futures_util::future::{BoxFuture, join_all};
use serde_json::Map;

use crate::AuthorizationServer;
use crate::client::{AuthenticatedClient, Client, GrantType};
use crate::error::TokenError;
use crate::grant::{AuthorizationCode, CodeState};
use crate::pkce::{CodeChallenge, CodeVerifier};
use crate::server::SupportedScope;
use crate::token::{TokenGrant, TokenRequest, TokenResponse};

/// Runs a task by itself, and completes when it is done: a runtime's `spawn`.
pub type Spawn<'a> = dyn Fn(BoxFuture<'static, ()>) -> BoxFuture<'static, ()> + Sync + 'a;

/// How many requests a race has.
const RACERS: usize = 100;

const CALLBACK: &str = "https://client.example/callback";
const SCOPES: &str = "read offline_access";

/// Exchanges one code a hundred times at once, spread over the nodes, which share their tenant's state.
///
/// Exactly one exchange is answered with tokens; the others are replays, so in the end nothing of the code is live.
///
/// # Errors
///
/// Fails when an adapter lets more than that happen, or when a node fails.
pub async fn code_race(nodes: &[Ports], spawn: &Spawn<'_>) -> Result<(), RaceLost> {
    let nodes = Nodes::start(nodes).await?;
    let (code, verifier) = nodes.code().await?;
    let request = TokenRequest::new(TokenGrant::AuthorizationCode {
        code,
        redirect_uri: Some(CALLBACK.to_owned()),
        verifier: Some(verifier),
    });
    let answers = nodes.race(&request, spawn).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let [Ok(tokens)] = won.as_slice() else {
        return Err(RaceLost(format!("{} of {RACERS} exchanges of one code succeeded: {lost:?}", won.len())));
    };
    // The others have replayed the code. If a failing node has lost every one of them, this one is not lost.
    let _replayed = nodes.send(0, &request).await;
    if nodes.is_active(tokens).await? || nodes.refresh(tokens).await.is_ok() {
        return Err(RaceLost("a token of a replayed code is live".to_owned()));
    }
    Ok(())
}

/// Uses one refresh token of a public client a hundred times at once, spread over the nodes, which share their tenant's
/// state.
///
/// However many uses are answered with a new token, no token is given twice, and of all of them exactly one works
/// afterwards.
///
/// # Errors
///
/// Fails when an adapter lets more, or less, than that happen, or when a node fails.
pub async fn refresh_race(nodes: &[Ports], spawn: &Spawn<'_>) -> Result<(), RaceLost> {
    let nodes = Nodes::start(nodes).await?;
    let (code, verifier) = nodes.code().await?;
    let grant = TokenGrant::AuthorizationCode {
        code,
        redirect_uri: Some(CALLBACK.to_owned()),
        verifier: Some(verifier),
    };
    let first = nodes.send(0, &TokenRequest::new(grant)).await?;
    let answers = nodes.race(&refresh_request(&first)?, spawn).await;
    let given: Vec<TokenResponse> = answers.into_iter().filter_map(Result::ok).collect();
    let distinct: BTreeSet<&str> =
        given.iter().filter_map(|tokens| tokens.refresh_token.as_ref().map(Secret::expose)).collect();
    if given.is_empty() || distinct.len() != given.len() {
        return Err(RaceLost(format!("{} answers hold {} refresh tokens", given.len(), distinct.len())));
    }
    let mut working = 0;
    for tokens in &given {
        working += usize::from(nodes.refresh(tokens).await.is_ok());
    }
    if working == 1 {
        Ok(())
    } else {
        Err(RaceLost(format!("{working} of {} refresh tokens work after the race", given.len())))
    }
}

/// Servers on the ports of several nodes, with one client and one account.
struct Nodes {
    servers: Vec<AuthorizationServer>,
    client: AuthenticatedClient,
    account: AccountId,
}

impl Nodes {
    async fn start(ports: &[Ports]) -> Result<Self, RaceLost> {
        let mut servers = Vec::with_capacity(ports.len());
        for ports in ports {
            let server = AuthorizationServer::builder(ports.clone())
                .issuer("https://id.example".parse().map_err(RaceLost::because)?)
                .interaction_url("/interaction/")
                .scope(SupportedScope::new("read".parse().map_err(RaceLost::because)?, "Read"))
                .scope(SupportedScope::new(
                    "offline_access".parse().map_err(RaceLost::because)?,
                    "Stay signed in",
                ))
                .build();
            servers.push(server.await.map_err(RaceLost::because)?);
        }
        let first = servers.first().ok_or_else(|| RaceLost("a race needs a node".to_owned()))?;
        // A new client and account for each race, so that races on one store do not meet.
        let name = Secret::random(first.ports().entropy())?;
        let client = Client::public(name.expose().parse().map_err(RaceLost::because)?)
            .with_redirect_uri(CALLBACK.parse().map_err(RaceLost::because)?)
            .with_grant(GrantType::AuthorizationCode)
            .with_grant(GrantType::RefreshToken)
            .with_scopes(SCOPES.parse().map_err(RaceLost::because)?);
        first.clients().put(client.clone()).await.map_err(RaceLost::because)?;
        let account = new_account(first.ports()).await?;
        Ok(Self { client: AuthenticatedClient::new(Arc::new(client)), account, servers })
    }

    /// A code as the authorization endpoint makes it.
    async fn code(&self) -> Result<(Secret, CodeVerifier), RaceLost> {
        let server = self.server(0)?;
        let (ports, config) = (server.ports(), server.config());
        let now = ports.now();
        let (code, verifier) = (Secret::random(ports.entropy())?, Secret::random(ports.entropy())?);
        let verifier = CodeVerifier::new(verifier).map_err(RaceLost::because)?;
        let state = CodeState::Live(Box::new(AuthorizationCode {
            client: self.client.client.id.clone(),
            redirect_uri: CALLBACK.parse().map_err(RaceLost::because)?,
            redirect_uri_named: true,
            challenge: Some(CodeChallenge::of(&verifier)),
            account: self.account,
            session: SessionId::generate(ports.clock(), ports.entropy())?,
            device: None,
            ends_with_session: false,
            epoch: None,
            context: AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]),
            organization: None,
            scopes: SCOPES.parse().map_err(RaceLost::because)?,
            resources: BTreeSet::from([config.default_resource.clone()]),
            details: Vec::new(),
            extension: Map::new(),
            dpop_key: None,
            instance: None,
            grant: GrantId::generate(ports.clock(), ports.entropy())?,
            issued_at: now,
            expires_at: now + config.lifetimes.code,
        }));
        let bytes = ephemeral::encode(&state)?;
        ports.ephemeral().put(&CodeState::key(&code), bytes, config.lifetimes.code).await?;
        Ok((code, verifier))
    }

    /// Sends one request many times at once, each from an address of its own.
    async fn race(
        &self,
        request: &TokenRequest,
        spawn: &Spawn<'_>,
    ) -> Vec<Result<TokenResponse, TokenError>> {
        let answers = Arc::new(Mutex::new(Vec::with_capacity(RACERS)));
        let gate = Arc::new(futures_util::lock::Mutex::new(()));
        let closed = gate.lock().await;
        let racers: Vec<_> = self
            .servers
            .iter()
            .cycle()
            .take(RACERS)
            .zip(1_u32..)
            .map(|(server, number)| {
                let (server, client, request) = (server.clone(), self.client.clone(), request.clone());
                let (answers, gate) = (Arc::clone(&answers), Arc::clone(&gate));
                spawn(Box::pin(async move {
                    drop(gate.lock().await);
                    let peer = Peer::new(Ipv4Addr::from(number).into());
                    let answer = server.token(&client, &request, &peer).await;
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                }))
            })
            .collect();
        drop(closed);
        join_all(racers).await;
        std::mem::take(&mut answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn send(&self, node: usize, request: &TokenRequest) -> Result<TokenResponse, RaceLost> {
        let peer = Peer::new(Ipv4Addr::LOCALHOST.into());
        self.server(node)?.token(&self.client, request, &peer).await.map_err(RaceLost::because)
    }

    async fn refresh(&self, tokens: &TokenResponse) -> Result<TokenResponse, RaceLost> {
        self.send(0, &refresh_request(tokens)?).await
    }

    async fn is_active(&self, tokens: &TokenResponse) -> Result<bool, RaceLost> {
        Ok(self.server(0)?.inspect(tokens.access_token.expose()).await?.is_some())
    }

    fn server(&self, node: usize) -> Result<&AuthorizationServer, RaceLost> {
        self.servers.get(node).ok_or_else(|| RaceLost("a race needs a node".to_owned()))
    }
}

async fn new_account(ports: &Ports) -> Result<AccountId, RaceLost> {
    let mut account = Account::new(AccountId::generate(ports.clock(), ports.entropy())?, ports.now());
    account.status = AccountStatus::Active;
    let id = account.id;
    if ports.store().commit(Batch::new().write(Write::PutAccount(account))).await?.is_applied() {
        Ok(id)
    } else {
        Err(RaceLost("an account without identifiers was refused".to_owned()))
    }
}

fn refresh_request(tokens: &TokenResponse) -> Result<TokenRequest, RaceLost> {
    let token =
        tokens.refresh_token.clone().ok_or_else(|| RaceLost("there is no refresh token".to_owned()))?;
    Ok(TokenRequest::new(TokenGrant::RefreshToken { token }))
}

/// What went wrong in a race.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RaceLost(String);

impl RaceLost {
    fn because(error: impl fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }
}

impl fmt::Display for RaceLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RaceLost {}

impl From<PortError> for RaceLost {
    fn from(error: PortError) -> Self {
        Self::because(error)
    }
}
