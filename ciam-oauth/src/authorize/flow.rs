//! The shell around the pipeline: load, decide, commit, reply.

use std::sync::Arc;

use ciam_core::consent::Consent;
use ciam_core::http::{BrowserId, Params};
use ciam_core::id::AccountId;
use ciam_core::interaction::{Ask, Interaction, InteractionHandle, Interactions, Json};
use ciam_core::session::Session;
use ciam_core::store::{self, Versioned};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::checks::{self, Decision};
use super::facts::{Answers, Facts, Resumed};
use super::parse::{self, ReturnAddress};
use super::request::AuthorizeRequest;
use super::response::{AuthorizeOutcome, AuthorizeResponse};
use super::visitor::Visitor;
use crate::AuthorizationServer;
use crate::client::Client;
use crate::error::{AuthorizeError, PushError, RequestProblem, SafeError};
use crate::extension::{Asked, Demands, ResponseMembers};
use crate::organization::Choice;
use crate::par::PushedKey;
use crate::server::Endpoint;
use crate::trace;

/// Where an authorization request goes next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Back to the client.
    Respond(AuthorizeResponse),
    /// To the host's pages.
    Interact(Pause),
    /// To a page of the host's, because no client waits for the browser: the person has answered for a
    /// [device](crate::device). The URL of the page.
    Leave(String),
}

/// A person is needed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pause {
    /// The interaction.
    pub handle: InteractionHandle,
    /// Where the host shows its pages for it.
    pub url: String,
    /// The browser's new binding secret, to be set as its cookie; `None` when it has one.
    pub new_browser: Option<BrowserId>,
}

/// The protocol's part of an interaction: the request as it was validated, and how it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub(super) request: AuthorizeRequest,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) started_at: OffsetDateTime,
    pub(super) pushed: Option<PushedKey>,
    /// Whose session there was when the first question was asked.
    pub(super) opened_for: Option<AccountId>,
}

/// The name under which interactions of this crate are stored.
pub(super) const PROTOCOL: &str = "oauth";

/// An interaction that a browser came back from.
pub(crate) struct Returned {
    pub(super) handle: InteractionHandle,
    pub(super) read: Interaction,
    pub(super) answers: Answers,
}

/// What is loaded for the checks.
pub(super) struct Loaded {
    pub(super) consent: Option<Versioned<Consent>>,
    demands: Demands,
    choice: Choice,
    resumed: Option<Resumed>,
    now: OffsetDateTime,
}

impl AuthorizationServer {
    /// Decides about an authorization request, sent by GET or POST
    /// ([RFC 6749, section 4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1)).
    ///
    /// # Security
    ///
    /// Redirects nowhere but to a registered redirect URI of a registered client: everything before that is known is the
    /// error, which is shown to the person.
    ///
    /// # Errors
    ///
    /// Fails when there is no address to trust with an answer.
    pub async fn authorize(&self, params: &Params, visitor: &Visitor) -> Result<Step, SafeError> {
        let client = self.named_client(params).await?;
        let now = self.ports().now();
        if let Some(pushed) = pushed_key(params)? {
            // Two requests, of which one would be ignored (RFC 9101, section 5).
            if params.all("request").next().is_some() {
                return Err(SafeError::Malformed(RequestProblem::Contradiction("request")));
            }
            let request = self.pushed_request(&pushed).await?.ok_or(SafeError::RequestUri)?;
            if request.client != client.id {
                return Err(SafeError::RequestUri);
            }
            let frozen = Frozen { request, started_at: now, pushed: Some(pushed), opened_for: None };
            return self.step(&client, frozen, visitor, None).await;
        }
        let opened = match self.open_request(&client, params).await {
            Ok(opened) => opened,
            // What is inside cannot be trusted, but a registered address beside it can be told.
            Err(error) => {
                return self.refusal(&client, parse::locate(&client, self.config(), params)?, error).await;
            }
        };
        let signed = opened.is_some();
        let params = opened.as_ref().unwrap_or(params);
        let address = parse::locate(&client, self.config(), params)?;
        match self.read(&client, params, &address, signed).await {
            Ok(request) => {
                let frozen = Frozen { request, started_at: now, pushed: None, opened_for: None };
                self.step(&client, frozen, visitor, None).await
            }
            Err(error) => self.refusal(&client, address, error).await,
        }
    }

    /// Goes on with an authorization request after an interaction. Everything is loaded and checked again.
    ///
    /// # Errors
    ///
    /// Fails when the interaction is unknown, finished or another browser's, or when there is no address to trust with an
    /// answer any more.
    pub async fn resume(&self, handle: &InteractionHandle, visitor: &Visitor) -> Result<Step, SafeError> {
        let (frozen, returned) = self.returned(handle, visitor.browser.as_ref()).await?;
        self.resume_from(frozen, returned, visitor).await
    }

    /// As [`resume`](Self::resume), with what was read of the interaction and perhaps answered since.
    pub(crate) async fn resume_from(
        &self,
        frozen: Frozen,
        returned: Returned,
        visitor: &Visitor,
    ) -> Result<Step, SafeError> {
        let client = self.clients().find(&frozen.request.client).await?.ok_or(SafeError::UnknownClient)?;
        self.step(&client, frozen, visitor, Some(returned)).await
    }

    /// Reads and checks a request that a client pushes, as the authorization endpoint will.
    pub(crate) async fn read_request(
        &self,
        client: &Client,
        params: &Params,
    ) -> Result<AuthorizeRequest, PushError> {
        let opened = self.open_request(client, params).await?;
        let signed = opened.is_some();
        let params = opened.as_ref().unwrap_or(params);
        let address = parse::locate(client, self.config(), params)?;
        let request = self.read(client, params, &address, signed).await?;
        match self.refuse_request(client, &request, true) {
            None => Ok(request),
            Some(error) => Err(error),
        }
    }

    /// Why a request is refused before there is a person, if it is.
    pub(super) fn refuse_request(
        &self,
        client: &Client,
        request: &AuthorizeRequest,
        pushed: bool,
    ) -> Option<PushError> {
        let facts = Facts {
            config: self.config(),
            client,
            request,
            pushed,
            session: None,
            account: None,
            consent: None,
            demands: &Demands::default(),
            choice: &Choice::None,
            resumed: None,
            now: self.ports().now(),
        };
        match checks::decide_request(&facts) {
            None => None,
            Some(Decision::Refuse(error)) => Some(error.into()),
            Some(_) => Some(PushError::RedirectUri),
        }
    }

    async fn named_client(&self, params: &Params) -> Result<Arc<Client>, SafeError> {
        let id = parse::client_id(params)?;
        self.clients().find(&id).await?.ok_or(SafeError::UnknownClient)
    }

    async fn read(
        &self,
        client: &Client,
        params: &Params,
        address: &ReturnAddress,
        signed: bool,
    ) -> Result<AuthorizeRequest, AuthorizeError> {
        let mut request = parse::parse(client, self.config(), params, address)?;
        request.signed = signed;
        request.extension = self.extension().parse(self, client, &request, params).await?;
        Ok(request)
    }

    /// Runs the whole pipeline once.
    pub(super) async fn step(
        &self,
        client: &Client,
        frozen: Frozen,
        visitor: &Visitor,
        returned: Option<Returned>,
    ) -> Result<Step, SafeError> {
        let session = visitor.session();
        let loaded = match self.load(client, &frozen, visitor, returned.as_ref()).await {
            Ok(loaded) => loaded,
            // The browser can come back to an interaction: it is still there.
            Err(AuthorizeError::Port(error)) if returned.is_some() => return Err(error.into()),
            Err(error) => return self.refuse(client, &frozen, returned, session, error).await,
        };
        let facts = loaded.facts(self, client, &frozen, visitor);
        #[cfg(feature = "tracing")]
        tracing::debug!(client = %client.id, unmet = checks::first_unmet(&facts), "authorization decided");
        match (checks::decide(&facts), session) {
            (Decision::Grant, Some(session)) => self.grant(&facts, &frozen, &loaded, session, returned).await,
            // The table never grants without a session; if it did, this would be the place that says no.
            (Decision::Grant, None) => Err(SafeError::Interaction),
            (Decision::Ask(ask), _) => self.pause(frozen, visitor, returned, ask).await,
            (Decision::Refuse(error), _) => self.refuse(client, &frozen, returned, session, error).await,
            (Decision::Show(error), _) => Err(error),
        }
    }

    pub(super) async fn load(
        &self,
        client: &Client,
        frozen: &Frozen,
        visitor: &Visitor,
        returned: Option<&Returned>,
    ) -> Result<Loaded, AuthorizeError> {
        let now = self.ports().now();
        let asked = Asked::new(client, &frozen.request, now);
        let mut loaded = Loaded {
            consent: None,
            demands: Demands::default(),
            choice: Choice::None,
            resumed: returned.map(|returned| Resumed {
                started_at: frozen.started_at,
                asked: returned.read.ask.clone(),
                answers: returned.answers.clone(),
            }),
            now,
        };
        let asked = match (visitor.session(), visitor.account()) {
            (Some(session), Some(account)) => asked.in_session(session, account),
            _ => asked,
        };
        if let Some(session) = visitor.session() {
            let key = Consent::record_key(session.account, &client.id.consent_recipient());
            loaded.consent = store::load(self.ports().store(), &key).await?;
            let answers = returned.map(|returned| &returned.answers);
            let chosen = answers.and_then(|answers| answers.organization);
            let chosen = chosen.filter(|(account, _)| *account == session.account).map(|(_, id)| id);
            loaded.choice = self.choice(&frozen.request, session, chosen, now).await?;
        }
        loaded.demands = self.extension().demands(self, &asked).await?;
        Ok(loaded)
    }

    /// Stores what is asked, and sends the browser to the host's pages.
    async fn pause(
        &self,
        frozen: Frozen,
        visitor: &Visitor,
        returned: Option<Returned>,
        ask: Ask,
    ) -> Result<Step, SafeError> {
        let interactions = self.interactions();
        let seen = visitor.session().map(|session| session.account);
        if let Some(Returned { handle, read, answers }) = returned {
            let answers = Answers { seen, cannot_step_up: false, ..answers };
            let mut next = read.clone();
            next.ask = ask;
            next.answers = Some(Json::of(&answers)?);
            interactions.update(&handle, &read, next).await?;
            let url = self.interaction_url(&handle);
            return Ok(Step::Interact(Pause { handle, url, new_browser: None }));
        }
        let new_browser = match visitor.browser {
            Some(_) => None,
            None => Some(BrowserId::generate(self.ports().entropy())?),
        };
        let Some(browser) = visitor.browser.as_ref().or(new_browser.as_ref()) else {
            return Err(SafeError::Interaction);
        };
        let frozen = Json::of(&Frozen { opened_for: seen, ..frozen })?;
        let resume_url = |handle: &InteractionHandle| self.resume_url(handle);
        let handle = interactions.open(browser, PROTOCOL, frozen, ask, resume_url).await?;
        let url = self.interaction_url(&handle);
        Ok(Step::Interact(Pause { handle, url, new_browser }))
    }

    /// Ends the request with an error for the client. It is used up by that, unless it was the server that failed.
    async fn refuse(
        &self,
        client: &Client,
        frozen: &Frozen,
        returned: Option<Returned>,
        session: Option<&Session>,
        error: AuthorizeError,
    ) -> Result<Step, SafeError> {
        if !matches!(error, AuthorizeError::Port(_)) {
            self.complete(frozen, returned).await?;
            if let Some(session) = session {
                self.record_refusal(&frozen.request, session, &error).await?;
            }
        }
        if let Some(device) = &frozen.request.device {
            return match error {
                AuthorizeError::Port(error) => Err(error.into()),
                _ => self.refuse_device(device).await,
            };
        }
        self.refusal(client, frozen.request.return_address(), error).await
    }

    async fn refusal(
        &self,
        client: &Client,
        address: ReturnAddress,
        error: AuthorizeError,
    ) -> Result<Step, SafeError> {
        trace::refused(error.code(), &error);
        self.respond(client, address, AuthorizeOutcome::Error(error)).await
    }

    /// Answers the client. A response that is to be a JWT and cannot be made is not sent in another form.
    pub(super) async fn respond(
        &self,
        client: &Client,
        address: ReturnAddress,
        outcome: AuthorizeOutcome,
    ) -> Result<Step, SafeError> {
        self.respond_with(client, address, outcome, ResponseMembers::default()).await
    }

    /// As [`respond`](Self::respond), with what the extension adds.
    pub(super) async fn respond_with(
        &self,
        client: &Client,
        address: ReturnAddress,
        outcome: AuthorizeOutcome,
        extra: ResponseMembers,
    ) -> Result<Step, SafeError> {
        let mut response = AuthorizeResponse::new(address, self.issuer().clone(), outcome);
        response.extra = extra;
        if response.mode.is_jwt() {
            response.jwt = Some(self.response_jwt(client, &response).await?);
        }
        Ok(Step::Respond(response))
    }

    /// Ends the interaction and uses up the pushed request: of all tabs and retries exactly one does.
    pub(super) async fn complete(
        &self,
        frozen: &Frozen,
        returned: Option<Returned>,
    ) -> Result<(), SafeError> {
        if let Some(returned) = returned {
            self.interactions().finish(&returned.handle, &returned.read).await?;
        }
        match &frozen.pushed {
            Some(pushed) if !self.use_up(pushed).await? => Err(SafeError::RequestUri),
            _ => Ok(()),
        }
    }

    pub(super) async fn returned(
        &self,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<(Frozen, Returned), SafeError> {
        let read = self.interactions().load(handle, browser).await?;
        if read.protocol != PROTOCOL {
            return Err(SafeError::Interaction);
        }
        let frozen: Frozen = read.request.read()?;
        let answers = match &read.answers {
            None => Answers { seen: frozen.opened_for, ..Answers::default() },
            Some(answers) => answers.read()?,
        };
        Ok((frozen, Returned { handle: handle.clone(), read, answers }))
    }

    pub(super) fn interactions(&self) -> Interactions {
        Interactions::new(self.ports().clone()).with_lifetime(self.config().lifetimes.interaction)
    }

    fn interaction_url(&self, handle: &InteractionHandle) -> String {
        format!("{}{}", self.config().interaction_url, handle.expose())
    }

    fn resume_url(&self, handle: &InteractionHandle) -> String {
        format!("{}/{}", self.url(Endpoint::Resume), handle.expose())
    }
}

impl Loaded {
    pub(super) fn facts<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        frozen: &'a Frozen,
        visitor: &'a Visitor,
    ) -> Facts<'a> {
        Facts {
            config: server.config(),
            client,
            request: &frozen.request,
            pushed: frozen.pushed.is_some(),
            session: visitor.session(),
            account: visitor.account(),
            consent: self.consent.as_ref().map(|found| &found.value),
            demands: &self.demands,
            choice: &self.choice,
            resumed: self.resumed.as_ref(),
            now: self.now,
        }
    }
}

impl AuthorizeRequest {
    pub(super) fn return_address(&self) -> ReturnAddress {
        ReturnAddress {
            redirect_uri: self.redirect_uri.clone(),
            named: self.redirect_uri_named,
            mode: self.response_mode,
            state: self.state.clone(),
        }
    }
}

/// The pushed request that a request names; `None` when it names none, or something that is not ours to follow, which
/// [`parse::parse`] refuses.
fn pushed_key(params: &Params) -> Result<Option<PushedKey>, SafeError> {
    let named =
        params.one("request_uri").map_err(|error| SafeError::Malformed(RequestProblem::from(error)))?;
    Ok(named.and_then(PushedKey::of_request_uri))
}
