//! A validated access token.

use std::fmt;

use ciam_core::jose::{Audience, NumericDate, Text};
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use super::claims::{Place, RawClaims};
use super::error::ValidateError;

/// The claims of an access token that was found good.
///
/// It owns the token's payload and reads from it: it can be kept with the request that it came with, and cloned for a
/// task. `Debug` prints the identifiers, not the payload.
#[derive(Clone)]
pub struct AccessToken {
    payload: Box<str>,
    issuer: Place,
    subject: Place,
    audience: Vec<Place>,
    client_id: Place,
    id: Option<Place>,
    scope: Option<Place>,
    session: Option<Place>,
    acr: Option<Place>,
    amr: Vec<Place>,
    expires: NumericDate,
    not_before: Option<NumericDate>,
    issued: Option<NumericDate>,
    authenticated: Option<NumericDate>,
}

impl AccessToken {
    /// Reads a payload whose signature was checked, and checks that every claim is there that an access token must have
    /// ([RFC 9068, section 2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)).
    pub(super) fn read(payload: Vec<u8>) -> Result<Self, ValidateError> {
        let payload = String::from_utf8(payload).map_err(|_| ValidateError::Malformed)?.into_boxed_str();
        // A struct could be read from an array as well.
        if !payload.trim_start().starts_with('{') {
            return Err(ValidateError::Malformed);
        }
        let claims: RawClaims<'_> = serde_json::from_str(&payload).map_err(|_| ValidateError::Malformed)?;
        let place = |text: &str| Place::of(text, &payload);
        let optional = |claim: &Option<Text<'_>>| claim.as_ref().map(|text| place(text.as_str()));
        let needed =
            |claim: &Option<Text<'_>>, name| optional(claim).ok_or(ValidateError::MissingClaim(name));
        let token = Self {
            issuer: needed(&claims.iss, "iss")?,
            subject: needed(&claims.sub, "sub")?,
            client_id: needed(&claims.client_id, "client_id")?,
            expires: claims.exp.ok_or(ValidateError::MissingClaim("exp"))?,
            audience: claims.aud.iter().flat_map(Audience::iter).map(place).collect(),
            id: optional(&claims.jti),
            scope: optional(&claims.scope),
            session: optional(&claims.sid),
            acr: optional(&claims.acr),
            amr: claims.amr.iter().map(|text| place(text.as_str())).collect(),
            not_before: claims.nbf,
            issued: claims.iat,
            authenticated: claims.auth_time,
            payload: Box::default(),
        };
        Ok(Self { payload, ..token })
    }

    /// What stands where there is no token. It has expired.
    pub(super) fn nobody() -> Self {
        Self {
            payload: Box::default(),
            issuer: Place::At(0..0),
            subject: Place::At(0..0),
            audience: Vec::new(),
            client_id: Place::At(0..0),
            id: None,
            scope: None,
            session: None,
            acr: None,
            amr: Vec::new(),
            expires: NumericDate::new(OffsetDateTime::UNIX_EPOCH),
            not_before: None,
            issued: None,
            authenticated: None,
        }
    }

    /// Who issued it: the configured issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.text(&self.payload)
    }

    /// Whom it speaks of: an account as this client knows it, or the client itself.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.subject.text(&self.payload)
    }

    /// The client that it was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.client_id.text(&self.payload)
    }

    /// Its own id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text_of(self.id.as_ref())
    }

    /// The session that it was issued in, as the issuer names it to this client: `sid`.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.text_of(self.session.as_ref())
    }

    /// Whom it was issued for; the configured audience is among them.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.audience.iter().map(|place| place.text(&self.payload))
    }

    /// Its scope values.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = self.text_of(self.scope.as_ref()).unwrap_or_default();
        scope.split(' ').filter(|value| !value.is_empty())
    }

    /// Whether it has a scope value.
    #[must_use]
    pub fn has_scope(&self, value: &str) -> bool {
        self.scopes().any(|scope| scope == value)
    }

    /// From when it is refused.
    #[must_use]
    pub const fn expires_at(&self) -> OffsetDateTime {
        self.expires.get()
    }

    /// Before when it is refused.
    #[must_use]
    pub fn not_before(&self) -> Option<OffsetDateTime> {
        self.not_before.map(NumericDate::get)
    }

    /// When it was issued.
    #[must_use]
    pub fn issued_at(&self) -> Option<OffsetDateTime> {
        self.issued.map(NumericDate::get)
    }

    /// When the person was last actively authenticated.
    #[must_use]
    pub fn auth_time(&self) -> Option<OffsetDateTime> {
        self.authenticated.map(NumericDate::get)
    }

    /// The level of assurance that was reached.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.text_of(self.acr.as_ref())
    }

    /// The methods by which the person was authenticated.
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.amr.iter().map(|place| place.text(&self.payload))
    }

    /// Any claim by its name. It is read from the payload at each call.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<Value> {
        let mut claims: serde_json::Map<String, Value> = serde_json::from_str(&self.payload).ok()?;
        claims.remove(name)
    }

    /// All claims, as a type of the host's.
    ///
    /// # Errors
    ///
    /// Fails when the claims are not of that type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.payload)
    }

    fn text_of<'t>(&'t self, place: Option<&'t Place>) -> Option<&'t str> {
        place.map(|place| place.text(&self.payload))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("subject", &self.subject())
            .field("client_id", &self.client_id())
            .field("id", &self.id())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
