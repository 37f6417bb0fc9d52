//! The device authorization endpoint ([RFC 8628, section 3.1](https://www.rfc-editor.org/rfc/rfc8628#section-3.1)).

use bytes::Bytes;
use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::http::{Params, Peer};
use ciam_core::ratelimit::{RateLimitError, RateLimiter, source_of};
use ciam_core::secret::Secret;
use http::{Request, Response, StatusCode};
use serde::Serialize;
use time::Duration;
use url::form_urlencoded;

use super::code::UserCode;
use super::error::DeviceError;
use super::record::{DeviceRecord, DeviceReference, DeviceState};
use super::settings::DeviceSettings;
use crate::AuthorizationServer;
use crate::client::{AuthenticatedClient, Client, GrantType};
use crate::error::{AuthorizeError, RequestProblem};
use crate::server::form::form;
use crate::server::reply;

/// What a device is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceAuthorization {
    /// What the device asks the token endpoint with.
    pub device_code: Secret,
    /// What the person types.
    pub user_code: UserCode,
    /// Where the person types it.
    pub verification_uri: String,
    /// The same address with the code in it, for a QR code.
    pub verification_uri_complete: String,
    /// How long the person has.
    pub expires_in: Duration,
    /// How long the device waits between two polls.
    pub interval: Duration,
}

/// How often a code that is taken is drawn again.
const DRAWS: usize = 4;

impl AuthorizationServer {
    /// Begins the authorization of a device of an authenticated client.
    ///
    /// `peer` is who sent the request: those of a public client are counted for each address.
    ///
    /// # Errors
    ///
    /// Fails when the client may not use the grant, when the request is refused, when there are too many, and when a port fails.
    pub async fn authorize_device(
        &self,
        client: &AuthenticatedClient,
        params: &Params,
        peer: &Peer,
    ) -> Result<DeviceAuthorization, DeviceError> {
        let client = &client.client;
        let settings = self.config().device.clone().ok_or(AuthorizeError::UnauthorizedClient)?;
        if !client.allows(GrantType::DeviceCode) {
            return Err(AuthorizeError::UnauthorizedClient.into());
        }
        self.limit_devices(client, peer).await?;
        let device_code = Secret::random(self.ports().entropy())?;
        for _ in 0..DRAWS {
            let user_code = UserCode::generate(self.ports().entropy())?;
            let reference = DeviceReference::new(user_code.expose(), &device_code);
            let request = self.read_device_request(client, params, reference.clone()).await?;
            let expires_at = self.ports().now() + settings.lifetime;
            let state = DeviceState::Pending(Box::new(request));
            let record = DeviceRecord { client: client.id.clone(), expires_at, state, notice: None };
            let (key, found_by) = (reference.key(), reference.record.into_bytes());
            let ephemeral = self.ports().ephemeral();
            if !ephemeral.put_if_absent(&user_code.key(), found_by, settings.lifetime).await? {
                continue;
            }
            let ttl = settings.lifetime + DeviceRecord::KEPT;
            if !ephemeral.put_if_absent(&key, ephemeral::encode(&record)?, ttl).await? {
                return Err(PortError::permanent("a random device code was made twice").into());
            }
            return Ok(authorization(&settings, device_code, user_code));
        }
        Err(PortError::transient("no user code is free").into())
    }

    async fn limit_devices(&self, client: &Client, peer: &Peer) -> Result<(), DeviceError> {
        // A client id has no line break, so the two forms never meet.
        let key = if client.is_public() {
            format!("{}\n{}", client.id, source_of(peer.address))
        } else {
            client.id.as_str().to_owned()
        };
        let limit = &self.config().limits.device_authorizations;
        match RateLimiter::new(self.ports().clone()).attempt(limit, &key).await {
            Ok(()) => Ok(()),
            Err(RateLimitError::Port(error)) => Err(error.into()),
            Err(_) => Err(DeviceError::TooMany),
        }
    }

    /// Answers a device.
    pub(crate) async fn handle_device(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        match self.answer_device(request, peer).await {
            Ok(authorization) => reply::json(StatusCode::OK, &Body::of(&authorization)),
            Err(error) => reply::refuse(request, error.status(), error.code(), error.description(), &error),
        }
    }

    async fn answer_device(
        &self,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Result<DeviceAuthorization, DeviceError> {
        let params = form(request, self.config().limits.params)?;
        params.refuse_duplicates(&["resource"]).map_err(RequestProblem::from)?;
        let client = self.authenticate_client(request.headers(), &params, peer).await?;
        self.authorize_device(&client, &params, peer).await
    }
}

fn authorization(settings: &DeviceSettings, device_code: Secret, user_code: UserCode) -> DeviceAuthorization {
    let url = &settings.verification_url;
    let join = if url.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("user_code", &user_code.expose())
        .finish();
    DeviceAuthorization {
        device_code,
        verification_uri: url.clone(),
        verification_uri_complete: format!("{url}{join}{query}"),
        user_code,
        expires_in: settings.lifetime,
        interval: settings.interval,
    }
}

/// The body of the response ([RFC 8628, section 3.2](https://www.rfc-editor.org/rfc/rfc8628#section-3.2)).
#[derive(Serialize)]
struct Body<'a> {
    device_code: &'a str,
    user_code: String,
    verification_uri: &'a str,
    verification_uri_complete: &'a str,
    expires_in: i64,
    interval: i64,
}

impl<'a> Body<'a> {
    fn of(authorization: &'a DeviceAuthorization) -> Self {
        Self {
            device_code: authorization.device_code.expose(),
            user_code: authorization.user_code.expose(),
            verification_uri: &authorization.verification_uri,
            verification_uri_complete: &authorization.verification_uri_complete,
            expires_in: authorization.expires_in.whole_seconds(),
            interval: authorization.interval.whole_seconds(),
        }
    }
}
