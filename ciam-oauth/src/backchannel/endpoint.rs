//! The backchannel authentication endpoint
//! ([CIBA Core, section 7](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7)).

use bytes::Bytes;
use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::http::{Params, Peer};
use ciam_core::id::AccountId;
use ciam_core::ratelimit::{Limit, RateLimitError, RateLimiter};
use ciam_core::secret::Secret;
use ciam_core::store::Batch;
use http::{Request, Response, StatusCode};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::client::{BackchannelClient, Delivery};
use super::delivery::SealedNotice;
use super::error::BackchannelError;
use super::expiry::Awaited;
use super::people::{Hint, HintProblem, Notice};
use super::settings::BackchannelSettings;
use crate::AuthorizationServer;
use crate::authorize::AuthorizeRequest;
use crate::client::{AuthenticatedClient, Client};
use crate::device::{DeviceRecord, DeviceReference, DeviceState};
use crate::error::{AuthorizeError, RequestProblem};
use crate::server::form::form;
use crate::server::reply;

/// What a client is told that began one
/// ([section 7.3](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.3)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackchannelStarted {
    /// What the client asks the token endpoint with.
    pub auth_req_id: Secret,
    /// How long the person has.
    pub expires_in: Duration,
    /// How long the client waits between two polls; `None` for one that is pushed to.
    pub interval: Option<Duration>,
}

/// The longest binding message, in characters: one line on a telephone.
const MAX_BINDING_MESSAGE: usize = 128;
/// The longest hint, in bytes; a token is longer than a name.
const MAX_HINT: usize = 4096;
/// The longest `client_notification_token`, in bytes
/// ([section 7.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1)).
const MAX_NOTIFICATION_TOKEN: usize = 1024;

/// The longest `user_code`, in bytes.
const MAX_USER_CODE: usize = 128;

/// What may stand beside a signed request: what authenticates the client, and nothing else.
const BESIDE: [&str; 5] =
    ["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

impl AuthorizationServer {
    /// Begins to authenticate a person for an authenticated client.
    ///
    /// # Errors
    ///
    /// Fails when the client may not, when the request is refused, when nobody is meant by it, and when a port fails.
    pub async fn authenticate_backchannel(
        &self,
        client: &AuthenticatedClient,
        params: &Params,
    ) -> Result<BackchannelStarted, BackchannelError> {
        let client = &client.client;
        let settings = self.config().backchannel.clone().ok_or(AuthorizeError::UnauthorizedClient)?;
        let registered = settings.registered(client).ok_or(AuthorizeError::UnauthorizedClient)?;
        let limit = &self.config().limits.backchannel_authentications;
        self.count_backchannel(limit, client.id.as_str()).await?;
        let opened = self.open_backchannel_request(client, registered, params).await?;
        let signed = opened.is_some();
        let params = opened.as_ref().unwrap_or(params);
        let lifetime = lifetime(&settings, params)?;
        let message = binding_message(params)?;
        let token = notification_token(registered, params)?;
        let auth_req_id = Secret::random(self.ports().entropy())?;
        let mut reference = DeviceReference::new(message.clone().unwrap_or_default(), &auth_req_id);
        let mut request = self.read_backchannel_request(client, params, signed).await?;
        let account = self.hinted(client, &settings, params).await?;
        let limits = &self.config().limits;
        self.count_backchannel(&limits.backchannel_people, &account.to_string()).await?;
        let code = user_code(&settings, registered, params)?;
        if settings.user_codes {
            settings.people.lets_ask(client, account, code.as_ref()).await??;
        }
        reference.person = Some(account);
        request.device = Some(reference);
        if let Some(error) = self.refuse_backchannel(client, &request) {
            return Err(error.into());
        }

        let expires_at = self.ports().now() + lifetime;
        let scopes = request.scopes.clone();
        let handle = self.keep_backchannel(client, &auth_req_id, token, request, expires_at).await?;
        let binding_message = message.as_deref();
        let notice = Notice {
            account,
            client,
            binding_message,
            scopes: &scopes,
            handle: &handle,
            request: auth_req_id.digest(),
            expires_at,
        };
        settings.people.reach(&notice).await?;
        let interval = (registered.delivery != Delivery::Push).then_some(settings.interval);
        Ok(BackchannelStarted { auth_req_id, expires_in: lifetime, interval })
    }

    /// Keeps a request until it is answered, and gives the handle for its person.
    async fn keep_backchannel(
        &self,
        client: &Client,
        auth_req_id: &Secret,
        token: Option<Secret>,
        request: AuthorizeRequest,
        expires_at: OffsetDateTime,
    ) -> Result<Secret, PortError> {
        let reference = request.device.clone().ok_or_else(|| PortError::permanent("nobody is asked"))?;
        let notice = SealedNotice::seal(self.ports(), auth_req_id, token).await?;
        let pushed = client.backchannel.as_ref().is_some_and(|it| it.delivery == Delivery::Push);
        if let Some(notice) = notice.as_ref().filter(|_| pushed) {
            let name = reference.record.clone();
            let awaited = Awaited::new(name, client.id.clone(), notice.clone(), expires_at);
            let _applied = self.ports().store().commit(Batch::new().put(&awaited)?).await?;
        }
        let state = DeviceState::Pending(Box::new(request));
        let record = DeviceRecord { client: client.id.clone(), expires_at, state, notice };
        let handle = Secret::random(self.ports().entropy())?;
        let (key, found_by) = (reference.key(), DeviceReference::handle(&handle));
        let ephemeral = self.ports().ephemeral();
        let (stays, lifetime) = (record.ttl(self.ports().now()), expires_at - self.ports().now());
        let stored = ephemeral.put_if_absent(&key, ephemeral::encode(&record)?, stays).await?;
        if !stored || !ephemeral.put_if_absent(&found_by, ephemeral::encode(&reference)?, lifetime).await? {
            return Err(PortError::permanent("a random name was made twice"));
        }
        Ok(handle)
    }

    async fn count_backchannel(&self, limit: &Limit, of: &str) -> Result<(), BackchannelError> {
        match RateLimiter::new(self.ports().clone()).attempt(limit, of).await {
            Ok(()) => Ok(()),
            Err(RateLimitError::Port(error)) => Err(error.into()),
            Err(_) => Err(BackchannelError::TooMany),
        }
    }

    /// The parameters of a signed request; `None` when it is not signed and need not be.
    async fn open_backchannel_request(
        &self,
        client: &Client,
        registered: &BackchannelClient,
        params: &Params,
    ) -> Result<Option<Params>, BackchannelError> {
        let Some(object) = params.one("request").map_err(RequestProblem::from)? else {
            let required = registered.request_alg.is_some()
                || client.messages.require_signed_requests
                || self.config().require_signed_requests();
            return if required { Err(RequestProblem::NotSigned.into()) } else { Ok(None) };
        };
        if params.pairs().iter().any(|(name, _)| !BESIDE.contains(&name.as_str())) {
            return Err(RequestProblem::Contradiction("request").into());
        }
        Ok(Some(self.open_signed_backchannel(client, registered.request_alg, object).await?))
    }

    /// Whom the request means: by exactly one hint
    /// ([section 7.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1)).
    async fn hinted(
        &self,
        client: &Client,
        settings: &BackchannelSettings,
        params: &Params,
    ) -> Result<AccountId, BackchannelError> {
        let one = |name: &'static str| -> Result<Option<&str>, RequestProblem> {
            let found = params.one(name).map_err(RequestProblem::from)?;
            match found {
                Some(text) if text.len() > MAX_HINT || text.chars().any(char::is_control) => {
                    Err(RequestProblem::Invalid(name))
                }
                found => Ok(found),
            }
        };
        let hints = (one("login_hint")?, one("login_hint_token")?, one("id_token_hint")?);
        let found = match hints {
            (Some(hint), None, None) => settings.people.find(client, Hint::Login(hint)).await?,
            (None, Some(hint), None) => settings.people.find(client, Hint::LoginToken(hint)).await?,
            (None, None, Some(hint)) => {
                let found = self.extension().hinted_account(self, client, hint).await?;
                found.ok_or(HintProblem::Unknown)
            }
            (None, None, None) => return Err(RequestProblem::Missing("login_hint").into()),
            _ => return Err(RequestProblem::Contradiction("login_hint").into()),
        };
        let account = self.ports().store().account(found?).await?.map(|found| found.value);
        let account = account.filter(|account| account.may_sign_in(self.ports().now()));
        Ok(account.ok_or(HintProblem::Unknown)?.id)
    }

    /// Answers a backchannel authentication request.
    pub(crate) async fn handle_backchannel(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        match self.answer_backchannel(request, peer).await {
            Ok(started) => reply::json(StatusCode::OK, &Body::of(&started)),
            Err(error) => reply::refuse(request, error.status(), error.code(), error.description(), &error),
        }
    }

    async fn answer_backchannel(
        &self,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Result<BackchannelStarted, BackchannelError> {
        let params = form(request, self.config().limits.params)?;
        params.refuse_duplicates(&["resource"]).map_err(RequestProblem::from)?;
        let client = self.authenticate_client(request.headers(), &params, peer).await?;
        self.authenticate_backchannel(&client, &params).await
    }
}

/// How long the person has: as long as the client asks for, within what is allowed.
fn lifetime(settings: &BackchannelSettings, params: &Params) -> Result<Duration, RequestProblem> {
    let Some(text) = params.one("requested_expiry")? else { return Ok(settings.lifetime) };
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<u32>().ok().filter(|seconds| digits && *seconds > 0);
    let seconds = seconds.ok_or(RequestProblem::Invalid("requested_expiry"))?;
    Ok(Duration::seconds(i64::from(seconds)).min(settings.longest))
}

/// One line of text.
fn binding_message(params: &Params) -> Result<Option<String>, BackchannelError> {
    let Some(text) = params.one("binding_message").map_err(RequestProblem::from)? else { return Ok(None) };
    let length = text.chars().count();
    if !(1..=MAX_BINDING_MESSAGE).contains(&length) || text.chars().any(is_unprintable) {
        return Err(BackchannelError::BindingMessage);
    }
    Ok(Some(text.to_owned()))
}

/// Controls, and what turns the direction of text around or hides it.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What the client wants to recognise the server by.
fn notification_token(
    registered: &BackchannelClient,
    params: &Params,
) -> Result<Option<Secret>, RequestProblem> {
    if registered.delivery == Delivery::Poll {
        return Ok(None);
    }
    let text = params.one("client_notification_token")?;
    let text = text.ok_or(RequestProblem::Missing("client_notification_token"))?;
    // A bearer token (RFC 6750, section 2.1).
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !(1..=MAX_NOTIFICATION_TOKEN).contains(&text.len()) || !text.bytes().all(part) {
        return Err(RequestProblem::Invalid("client_notification_token"));
    }
    Ok(Some(Secret::from(text)))
}

/// What the person told the client, of a client that is registered for it.
fn user_code(
    settings: &BackchannelSettings,
    registered: &BackchannelClient,
    params: &Params,
) -> Result<Option<Secret>, RequestProblem> {
    let Some(code) = params.one("user_code")?.filter(|_| settings.user_codes && registered.user_code) else {
        return Ok(None);
    };
    if code.is_empty() || code.len() > MAX_USER_CODE || code.chars().any(is_unprintable) {
        return Err(RequestProblem::Invalid("user_code"));
    }
    Ok(Some(Secret::from(code)))
}

/// The body of the response.
#[derive(Serialize)]
struct Body<'a> {
    auth_req_id: &'a str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<i64>,
}

impl<'a> Body<'a> {
    fn of(started: &'a BackchannelStarted) -> Self {
        Self {
            auth_req_id: started.auth_req_id.expose(),
            expires_in: started.expires_in.whole_seconds(),
            interval: started.interval.map(Duration::whole_seconds),
        }
    }
}
