//! A validated access token.

use std::fmt;

use ciam_core::jose::{CompactJws, NumericDate, read_members};
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use super::claims::{RawClaims, Reader};
use super::error::ValidateError;
use super::payload::Payload;
use super::places::{Place, Places, Span};
use super::validator::problem;
use crate::authorization_details::{AuthorizationDetail, DetailProblem};
use crate::confirmation::Confirmation;

/// The claims of an access token that was found good.
///
/// It owns the token's payload and reads from it: it can be kept with the request that it came with, and cloned for a
/// task. A payload of usual size is inside, which makes this a large value, and no allocation. `Debug` prints the identifiers,
/// not the payload.
// What is asked for most stands at the beginning, and the payload that it is in behind it: where tokens are many, what a request
// costs is how many lines of memory it reads.
#[derive(Clone)]
#[repr(C)]
pub struct AccessToken {
    expires: NumericDate,
    not_before: Option<NumericDate>,
    subject: Place,
    scope: Option<Place>,
    client_id: Place,
    id: Option<Place>,
    session: Option<Place>,
    issuer: Place,
    confirmation: Option<Confirmation>,
    audience: Places,
    acr: Option<Place>,
    amr: Places,
    issued: Option<NumericDate>,
    authenticated: Option<NumericDate>,
    payload: Payload,
    #[cfg(feature = "draft-status-list")]
    status: Option<(Place, u64)>,
}

impl AccessToken {
    /// Becomes what a token's payload says, in place, and checks that every claim is there that an access token must have
    /// ([RFC 9068, section 2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)).
    pub(super) fn become_of(&mut self, jws: &CompactJws<'_>) -> Result<(), ValidateError> {
        self.payload.become_of(jws).map_err(problem)?;
        self.set(raw(&self.payload)?)
    }

    /// Reads the answer of an introspection endpoint ([RFC 7662, section
    /// 2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)); `None` when the token is not active. Where the answer names no
    /// issuer it is the one that was asked; where it names no subject it is the client.
    pub(super) fn read_introspected(answer: &[u8], issuer: &str) -> Result<Option<Self>, ValidateError> {
        let mut token = Self::nobody();
        token.payload = Payload::from(answer);
        let mut claims = raw(&token.payload)?;
        if !claims.active.ok_or(ValidateError::MissingClaim("active"))? {
            return Ok(None);
        }
        claims.iss.get_or_insert_with(|| Place::Unescaped(issuer.into()));
        claims.sub = claims.sub.or_else(|| claims.client_id.clone());
        token.set(claims)?;
        Ok(Some(token))
    }

    fn set(&mut self, claims: RawClaims) -> Result<(), ValidateError> {
        self.issuer = claims.iss.ok_or(ValidateError::MissingClaim("iss"))?;
        self.subject = claims.sub.ok_or(ValidateError::MissingClaim("sub"))?;
        self.client_id = claims.client_id.ok_or(ValidateError::MissingClaim("client_id"))?;
        self.expires = claims.exp.ok_or(ValidateError::MissingClaim("exp"))?;
        self.audience = claims.aud;
        self.id = claims.jti;
        self.scope = claims.scope;
        self.session = claims.sid;
        self.acr = claims.acr;
        self.amr = claims.amr;
        self.not_before = claims.nbf;
        self.issued = claims.iat;
        self.authenticated = claims.auth_time;
        self.confirmation = claims.cnf;
        #[cfg(feature = "draft-status-list")]
        {
            self.status = claims.status;
        }
        Ok(())
    }

    /// What stands where there is no token. It has expired.
    pub(super) const fn nobody() -> Self {
        Self {
            payload: Payload::EMPTY,
            issuer: Place::At(Span::EMPTY),
            subject: Place::At(Span::EMPTY),
            audience: Places::None,
            client_id: Place::At(Span::EMPTY),
            id: None,
            scope: None,
            session: None,
            acr: None,
            amr: Places::None,
            expires: NumericDate::new(OffsetDateTime::UNIX_EPOCH),
            not_before: None,
            issued: None,
            authenticated: None,
            confirmation: None,
            #[cfg(feature = "draft-status-list")]
            status: None,
        }
    }

    /// Who issued it: a configured issuer.
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
        self.audience.texts(&self.payload)
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
        self.amr.texts(&self.payload)
    }

    /// What the token is bound to: its sender proved to have it.
    #[must_use]
    pub const fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Where its status is listed.
    #[cfg(feature = "draft-status-list")]
    pub(super) fn listed(&self) -> Option<super::status::Listed<'_>> {
        let (uri, idx) = self.status.as_ref()?;
        Some(super::status::Listed { uri: uri.text(&self.payload), idx: *idx })
    }

    /// Any claim by its name. It is read from the payload at each call.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<Value> {
        let mut claims: serde_json::Map<String, Value> = serde_json::from_slice(self.payload.bytes()).ok()?;
        claims.remove(name)
    }

    /// All claims, as a type of the host's.
    ///
    /// # Errors
    ///
    /// Fails when the claims are not of that type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.payload.bytes())
    }

    /// What else it allows ([RFC 9396, section 9.1](https://www.rfc-editor.org/rfc/rfc9396#section-9.1)): the details of one type,
    /// as a type of the host's. None when there are none.
    ///
    /// ```
    /// # use ciam_oauth::validate::AccessToken;
    /// #[derive(serde::Deserialize)]
    /// struct Payment {
    ///     amount: u64,
    /// }
    ///
    /// /// Whether a token allows a payment of this amount.
    /// fn may_pay(token: &AccessToken, amount: u64) -> bool {
    ///     token.details::<Payment>("payment").is_ok_and(|allowed| allowed.iter().any(|it| amount <= it.amount))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when one of them is not of that type: what cannot be read allows nothing.
    pub fn details<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, DetailProblem> {
        let details = match self.claim("authorization_details") {
            None => return Ok(Vec::new()),
            Some(claim) => serde_json::from_value::<Vec<AuthorizationDetail>>(claim),
        };
        let details = details.map_err(|_| DetailProblem)?;
        details.iter().filter(|detail| detail.name() == name).map(AuthorizationDetail::read).collect()
    }

    fn text_of<'t>(&'t self, place: Option<&'t Place>) -> Option<&'t str> {
        place.map(|place| place.text(&self.payload))
    }
}

fn raw(payload: &Payload) -> Result<RawClaims, ValidateError> {
    let text = std::str::from_utf8(payload.bytes()).map_err(|_| ValidateError::Malformed)?;
    let mut reader = Reader::of(text);
    read_members(text, &mut reader).map_err(|_| ValidateError::Malformed)?;
    Ok(reader.claims)
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
