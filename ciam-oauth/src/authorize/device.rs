//! A device's request before its person: the same pipeline, with another beginning and another end.

use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::http::{Params, Peer};
use ciam_core::ratelimit::{RateLimitError, RateLimiter, source_of};
use ciam_core::secret::Secret;
use ciam_core::session::Session;

use super::facts::Facts;
use super::flow::{Frozen, Loaded, Step};
use super::parse;
use super::request::AuthorizeRequest;
use super::visitor::Visitor;
use crate::AuthorizationServer;
use crate::client::Client;
use crate::device::{DeviceError, DeviceRecord, DeviceReference, DeviceState, UserCode, UserCodeError};
use crate::error::{AuthorizeError, PushError, SafeError};
use crate::pkce::{CodeChallenge, CodeVerifier};

impl AuthorizationServer {
    /// Reads and checks the request of a device, as the authorization endpoint would.
    pub(crate) async fn read_device_request(
        &self,
        client: &Client,
        params: &Params,
        device: DeviceReference,
    ) -> Result<AuthorizeRequest, DeviceError> {
        let done = self.config().device.as_ref().map(|device| device.done_url.as_str());
        let done = done.and_then(|url| url.parse().ok()).ok_or(AuthorizeError::UnauthorizedClient)?;
        // Nobody can answer this challenge: what is granted goes to the device, and never into a code.
        let verifier = CodeVerifier::new(Secret::random(self.ports().entropy())?);
        let challenge = CodeChallenge::of(&verifier.map_err(PortError::permanent)?);
        let mut request = parse::parse_without_redirect(client, self.config(), params, done, challenge)?;
        request.device = Some(device);
        request.extension = self.extension().parse(self, client, &request, params).await?;
        match self.refuse_request(client, &request, false) {
            None => Ok(request),
            Some(PushError::Request(error)) => Err(error.into()),
            Some(_) => Err(AuthorizeError::UnauthorizedClient.into()),
        }
    }

    /// Reads and checks a backchannel authentication request, as the authorization endpoint would.
    pub(crate) async fn read_backchannel_request(
        &self,
        client: &Client,
        params: &Params,
        signed: bool,
    ) -> Result<AuthorizeRequest, AuthorizeError> {
        let done = self.config().backchannel.as_ref().map(|settings| settings.done_url.as_str());
        let done = done.and_then(|url| url.parse().ok()).ok_or(AuthorizeError::UnauthorizedClient)?;
        let verifier = CodeVerifier::new(Secret::random(self.ports().entropy())?);
        let challenge = CodeChallenge::of(&verifier.map_err(PortError::permanent)?);
        let mut request = parse::parse_without_redirect(client, self.config(), params, done, challenge)?;
        // It is OpenID Connect where there is OpenID Connect (CIBA Core, section 7.1).
        let openid = "openid";
        if self.config().protocol_scopes.contains(openid) && !request.scopes.contains(openid) {
            return Err(AuthorizeError::InvalidScope);
        }
        request.acr_values = parse::acr_values(client, params)?;
        request.signed = signed;
        request.extension = self.extension().parse_backchannel(self, client, &request, params).await?;
        Ok(request)
    }

    /// Why a request is refused before its person is reached, if it is.
    pub(crate) fn refuse_backchannel(
        &self,
        client: &Client,
        request: &AuthorizeRequest,
    ) -> Option<AuthorizeError> {
        match self.refuse_request(client, request, false)? {
            PushError::Request(error) => Some(error),
            _ => Some(AuthorizeError::UnauthorizedClient),
        }
    }

    /// Goes on with a backchannel authentication before its person, who was reached with the handle: a sign-in where that is
    /// needed, and always a question. Anybody but the person that was meant is asked to sign in as them.
    ///
    /// # Errors
    ///
    /// Fails when the handle is unknown or expired, or was answered, and when a port fails.
    pub async fn open_backchannel(&self, handle: &Secret, visitor: &Visitor) -> Result<Step, SafeError> {
        let found = self.ports().ephemeral().get(&DeviceReference::handle(handle)).await?;
        let reference: DeviceReference = ephemeral::decode(&found.ok_or(SafeError::Interaction)?)?;
        let waiting = self.waiting_device(&reference).await?;
        let (_, _, request) = waiting.ok_or(SafeError::Interaction)?;
        let client = self.clients().find(&request.client).await?.ok_or(SafeError::UnknownClient)?;
        let started_at = self.ports().now();
        let frozen = Frozen { request, started_at, pushed: None, opened_for: None };
        self.step(&client, frozen, visitor, None).await
    }

    /// Takes the user code that a person typed into the host's page, and goes on as with any authorization request: sign-in
    /// where that is needed, and always a question.
    ///
    /// `peer` is who typed: tries are counted for each address before the code is looked at.
    ///
    /// # Security
    ///
    /// The host calls this for a form that the person sent, with its own protection against cross-site requests, and not for a
    /// link that was followed.
    ///
    /// # Errors
    ///
    /// Fails when the code is unknown, expired or used, when too many were tried, and when a port fails.
    pub async fn verify_device(
        &self,
        typed: &str,
        visitor: &Visitor,
        peer: &Peer,
    ) -> Result<Step, UserCodeError> {
        self.count_user_code(peer).await?;
        let code = UserCode::parse(typed).ok_or(UserCodeError::Unknown)?;
        let record = self.ports().ephemeral().get(&code.key()).await?.ok_or(UserCodeError::Unknown)?;
        let record = String::from_utf8(record).map_err(PortError::permanent)?;
        let reference = DeviceReference { user_code: code.expose(), person: None, record };
        let waiting = self.waiting_device(&reference).await?;
        let Some((_, _, request)) = waiting else { return Err(UserCodeError::Unknown) };
        let client = self.clients().find(&request.client).await?.ok_or(UserCodeError::Unknown)?;
        let started_at = self.ports().now();
        let frozen = Frozen { request, started_at, pushed: None, opened_for: None };
        Ok(self.step(&client, frozen, visitor, None).await?)
    }

    async fn count_user_code(&self, peer: &Peer) -> Result<(), UserCodeError> {
        let limit = &self.config().limits.user_codes;
        match RateLimiter::new(self.ports().clone()).attempt(limit, &source_of(peer.address)).await {
            Ok(()) => Ok(()),
            Err(RateLimitError::Port(error)) => Err(error.into()),
            Err(_) => Err(UserCodeError::TooMany),
        }
    }

    /// The record of a device that nobody has answered yet, as it is stored, and its request.
    pub(crate) async fn waiting_device(
        &self,
        device: &DeviceReference,
    ) -> Result<Option<(Vec<u8>, DeviceRecord, AuthorizeRequest)>, PortError> {
        let Some(stored) = self.ports().ephemeral().get(&device.key()).await? else { return Ok(None) };
        let record: DeviceRecord = ephemeral::decode(&stored)?;
        if self.ports().now() >= record.expires_at {
            return Ok(None);
        }
        match record.state.clone() {
            DeviceState::Pending(request) => Ok(Some((stored, record, *request))),
            _ => Ok(None),
        }
    }

    /// Gives a device what its person allowed. Of several answers one counts.
    pub(super) async fn approve_device(
        &self,
        device: &DeviceReference,
        facts: &Facts<'_>,
        loaded: &Loaded,
        session: &Session,
    ) -> Result<Step, SafeError> {
        let Some((stored, record, _)) = self.waiting_device(device).await? else {
            return Err(SafeError::Interaction);
        };
        let mut granted = self.code(facts, session)?;
        granted.expires_at = record.expires_at;
        self.record_grant(facts, loaded, session, &granted).await?;
        let approved = record.with_state(DeviceState::Approved(Box::new(granted)));
        self.settle_device(device, stored, &approved).await?;
        Ok(self.device_done(device, "approved"))
    }

    /// Tells a device that it gets nothing.
    pub(super) async fn refuse_device(&self, device: &DeviceReference) -> Result<Step, SafeError> {
        let Some((stored, record, _)) = self.waiting_device(device).await? else {
            return Err(SafeError::Interaction);
        };
        self.settle_device(device, stored, &record.with_state(DeviceState::Refused)).await?;
        Ok(self.device_done(device, "refused"))
    }

    async fn settle_device(
        &self,
        device: &DeviceReference,
        from: Vec<u8>,
        to: &DeviceRecord,
    ) -> Result<(), SafeError> {
        let (key, ttl) = (device.key(), to.ttl(self.ports().now()));
        let ephemeral = self.ports().ephemeral();
        if !ephemeral.compare_and_swap(&key, &from, ephemeral::encode(to)?, ttl).await? {
            return Err(SafeError::Interaction);
        }
        if device.person.is_some() {
            if to.notice.is_some() {
                self.note_backchannel_answer(&device.record, &to.client).await?;
            }
        } else if let Some(code) = UserCode::parse(&device.user_code) {
            ephemeral.take(&code.key()).await?;
        }
        Ok(())
    }

    fn device_done(&self, device: &DeviceReference, outcome: &str) -> Step {
        let url = match device.person {
            None => self.config().device.as_ref().map_or("", |device| device.done_url.as_str()),
            Some(_) => self.config().backchannel.as_ref().map_or("", |settings| settings.done_url.as_str()),
        };
        let join = if url.contains('?') { '&' } else { '?' };
        Step::Leave(format!("{url}{join}outcome={outcome}"))
    }
}
