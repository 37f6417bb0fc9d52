//! Authorization without a browser, for the operator's own apps
//! ([draft-ietf-oauth-first-party-apps-03](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-first-party-apps)): the same
//! pipeline, asked by the app itself.
//!
//! The app signs the person in with what the host offers for that, such as [`ciam_core::journey`] as JSON, and comes with the
//! token of the session as `auth_session`. What is missing it is told as `insufficient_authorization`; what can be done in a
//! browser alone, such as consent, as `redirect_to_web` with a pushed request to go on with there.
//!
//! # Security
//!
//! It is for clients that are [the operator's own](crate::client::Client::first_party), which see what people type anyway. The
//! `auth_session` is the session's secret: whoever has it is signed in. An authentication of the last
//! [five minutes](RECENT) counts as made for the request.

use bytes::Bytes;
use ciam_core::http::{Params, Peer};
use ciam_core::interaction::{Ask, SignInAsk};
use ciam_core::session::SessionCookie;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::Duration;

use super::checks::{self, Decision};
use super::facts::{Answers, Facts, Resumed};
use super::flow::Frozen;
use super::response::AuthorizeOutcome;
use super::response_type::ResponseType;
use super::visitor::Visitor;
use crate::client::AuthenticatedClient;
use crate::dpop::ProvenKey;
use crate::error::{AuthorizeError, PushError, RequestProblem};
use crate::par::Pushed;
use crate::server::form::form;
use crate::server::reply;
use crate::{AuthorizationServer, Endpoint};

/// How long ago somebody may have signed in for a request that they are said to have signed in for.
const RECENT: Duration = Duration::minutes(5);

/// What becomes of a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Challenge {
    /// The code.
    Code(ciam_core::secret::Secret),
    /// The person has to sign in, again or better.
    SignIn(SignInAsk),
    /// The `auth_session` is none, or has ended.
    InvalidSession,
    /// The rest is done in a browser, with the pushed request.
    Web(Pushed),
}

impl AuthorizationServer {
    /// Decides about the request of an app of the operator's own, which has authenticated as every client does.
    ///
    /// # Errors
    ///
    /// Fails when the request is refused, when the client is not the operator's own, and when a port fails.
    pub async fn challenge(
        &self,
        client: &AuthenticatedClient,
        params: &Params,
        peer: &Peer,
        key: Option<&ProvenKey>,
    ) -> Result<Challenge, PushError> {
        if !client.client.first_party {
            return Err(AuthorizeError::UnauthorizedClient.into());
        }
        let request = self.request_of(client, params, peer, key).await?;
        if request.response_type != ResponseType::Code {
            return Err(AuthorizeError::UnsupportedResponseType.into());
        }
        let shown = params.one("auth_session").map_err(RequestProblem::from)?;
        let visitor = match shown {
            None => Visitor::default(),
            Some(token) => {
                let cookie = SessionCookie::from_token(token);
                let found = match cookie {
                    Some(cookie) => {
                        self.sessions().authenticate_by(&cookie).await.map_err(AuthorizeError::from)?
                    }
                    None => None,
                };
                if found.is_none() {
                    return Ok(Challenge::InvalidSession);
                }
                Visitor::new(None, found)
            }
        };
        let now = self.ports().now();
        let frozen = Frozen { request, started_at: now, pushed: None, opened_for: None };
        let loaded = self.load(&client.client, &frozen, &visitor, None).await?;
        // It came from the client itself, over the back channel, as a pushed request does.
        let facts = Facts { pushed: true, ..loaded.facts(self, &client.client, &frozen, &visitor) };
        let decision = checks::decide(&facts);
        if let (true, Some(session)) = (self.is_granted(&facts, &decision), visitor.session()) {
            return match self.issue(&facts, &loaded, session).await?.0 {
                AuthorizeOutcome::Code(code) => Ok(Challenge::Code(code)),
                _ => Err(AuthorizeError::UnsupportedResponseType.into()),
            };
        }
        match decision {
            Decision::Ask(Ask::SignIn(ask)) => Ok(Challenge::SignIn(ask)),
            Decision::Refuse(error) => Err(error.into()),
            Decision::Show(_) => Err(PushError::RedirectUri),
            Decision::Grant | Decision::Ask(_) => {
                Ok(Challenge::Web(self.store_pushed(&frozen.request).await?))
            }
        }
    }

    /// Whether the request is granted, as it is or to somebody who has just signed in for it.
    fn is_granted(&self, facts: &Facts<'_>, decision: &Decision) -> bool {
        if matches!(decision, Decision::Grant) {
            return true;
        }
        let resumed = Resumed {
            started_at: facts.now - RECENT,
            asked: Ask::SignIn(SignInAsk::default()),
            answers: Answers::default(),
        };
        matches!(checks::decide(&Facts { resumed: Some(&resumed), ..*facts }), Decision::Grant)
    }

    /// Answers a challenge request.
    pub(crate) async fn handle_challenge(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        let mut response = match self.answer_challenge(request, peer).await {
            Ok(answer) => render(&answer),
            Err(error) => reply::refuse(request, error.status(), error.code(), error.description(), &error),
        };
        self.offer_nonce(request, &mut response);
        response
    }

    async fn answer_challenge(&self, request: &Request<Bytes>, peer: &Peer) -> Result<Challenge, PushError> {
        let params = form(request, self.config().limits.params)?;
        params.refuse_duplicates(&["resource"]).map_err(RequestProblem::from)?;
        let client = self.authenticate_client(request.headers(), &params, peer).await?;
        let key = self.prove_key(request, Endpoint::AuthorizationChallenge).await?;
        self.challenge(&client, &params, peer, key.as_ref()).await
    }
}

/// Sections 5.2.1 and 5.2.2 of the draft.
fn render(answer: &Challenge) -> Response<Bytes> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    match answer {
        Challenge::Code(code) => {
            put("authorization_code", json!(code.expose()));
            return reply::json(StatusCode::OK, &members);
        }
        Challenge::SignIn(ask) => {
            put("error", json!("insufficient_authorization"));
            put("error_description", json!("the person has to sign in"));
            put("reasons", json!(ask.reasons));
            if !ask.acr_values.is_empty() {
                let levels: Vec<&str> = ask.acr_values.iter().map(|acr| acr.as_str()).collect();
                put("acr_values", json!(levels.join(" ")));
            }
        }
        Challenge::InvalidSession => {
            put("error", json!("invalid_session"));
            put("error_description", json!("the auth_session is unknown or has ended"));
        }
        Challenge::Web(pushed) => {
            put("error", json!("redirect_to_web"));
            put("error_description", json!("the rest is done in a browser"));
            put("request_uri", json!(pushed.request_uri.expose()));
            put("expires_in", json!(pushed.expires_in.whole_seconds()));
        }
    }
    reply::json(StatusCode::BAD_REQUEST, &members)
}
