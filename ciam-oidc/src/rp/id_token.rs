//! Checking ID tokens.

use ciam_core::jose::{ClaimsError, CompactForm, RegisteredClaims, TokenType, VerifiedJws};
use ciam_core::secret::ct_eq;
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::RelyingParty;
use super::error::IdTokenError;
use super::verify::Unverified;
use crate::id_token::half_hash;

/// The claims of an ID token that was checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IdTokenClaims {
    /// Who says so: the issuer of the registration, or that of a tenant of the provider.
    pub issuer: String,
    /// The provider's name for the person; unique together with the issuer.
    pub subject: String,
    /// The provider's session.
    pub session: Option<String>,
    /// When the person was authenticated.
    pub auth_time: Option<OffsetDateTime>,
    /// The level of assurance.
    pub acr: Option<String>,
    /// The methods.
    pub amr: Vec<String>,
    /// All claims, these included.
    pub all: Map<String, Value>,
}

/// What an ID token is checked against, beside the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected<'a> {
    pub(super) nonce: Option<&'a str>,
    pub(super) access_token: Option<&'a str>,
    pub(super) max_age: Option<u32>,
    /// The claims that a refresh goes on from.
    pub(super) before: Option<&'a IdTokenClaims>,
}

#[derive(Deserialize)]
struct Wire {
    sub: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    at_hash: Option<String>,
    #[serde(default)]
    auth_time: Option<i64>,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(default)]
    sid: Option<String>,
}

impl RelyingParty {
    /// Checks an ID token, fetching the provider's keys again when it names one that is not known.
    pub(super) async fn check_id_token(
        &self,
        token: &str,
        expected: Expected<'_>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        // Where encryption was agreed, a token in the clear is not what the provider sent.
        if self.config().decrypter.is_some() && !CompactForm::is_encrypted(token) {
            return Err(IdTokenError::Encryption);
        }
        let token = self.opened(token).ok_or(IdTokenError::Encryption)?;
        // The type is JWT or absent: an access token (`at+jwt`) or a logout token is none.
        let typ = TokenType::exactly("JWT").or_absent();
        match self.verified(&token, typ, |verified| self.check_claims(verified, expected)).await {
            Ok(claims) => claims,
            Err(Unverified::Keys) => Err(IdTokenError::Keys),
            Err(Unverified::Signature) => Err(IdTokenError::Signature),
        }
    }

    fn check_claims(
        &self,
        verified: &VerifiedJws<'_>,
        expected: Expected<'_>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        let config = self.config();
        let malformed = |_| IdTokenError::Malformed;
        let registered: RegisteredClaims<'_> = verified.claims().map_err(malformed)?;
        let all: Map<String, Value> = verified.claims().map_err(malformed)?;
        let issuer = config.issuer_for(&all).ok_or(IdTokenError::Issuer)?;
        if !config.hosted_domain_holds(&all) {
            return Err(IdTokenError::HostedDomain);
        }
        let rules = config.claim_rules(&issuer, config.in_audience()).requiring_issued_at();
        rules.check(&registered, self.ports().now()).map_err(problem)?;
        let wire: Wire = verified.claims().map_err(malformed)?;
        if !(1..=MAX_SUBJECT).contains(&wire.sub.len()) {
            return Err(IdTokenError::Malformed);
        }
        let several = registered.aud.as_ref().is_some_and(|audience| audience.iter().count() > 1);
        match &wire.azp {
            Some(azp) if *azp != config.client_id => return Err(IdTokenError::Audience),
            None if several => return Err(IdTokenError::Audience),
            _ => {}
        }
        let may_be_missing = wire.nonce.is_none() && !config.nonce_required;
        if let Some(nonce) = expected.nonce.filter(|_| !may_be_missing)
            && !wire.nonce.as_ref().is_some_and(|found| ct_eq(found.as_bytes(), nonce.as_bytes()))
        {
            return Err(IdTokenError::Nonce);
        }
        if let (Some(at_hash), Some(access_token)) = (&wire.at_hash, expected.access_token) {
            let right = half_hash(self.ports().crypto(), verified.header().algorithm, access_token);
            if *at_hash != right {
                return Err(IdTokenError::AccessToken);
            }
        }
        let auth_time = match wire.auth_time {
            Some(seconds) => {
                Some(OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| IdTokenError::Malformed)?)
            }
            None => None,
        };
        if auth_time.is_some_and(|at| at - self.ports().now() > config.clock_skew) {
            return Err(IdTokenError::Time);
        }
        if let Some(max_age) = expected.max_age {
            let oldest = time::Duration::seconds(i64::from(max_age)) + config.clock_skew;
            if auth_time.is_none_or(|at| self.ports().now() - at > oldest) {
                return Err(IdTokenError::TooOld);
            }
        }
        if let Some(before) = expected.before {
            goes_on(before, &wire, auth_time)?;
        }
        Ok(IdTokenClaims {
            issuer: config.known_as(issuer),
            subject: wire.sub,
            session: wire.sid,
            auth_time,
            acr: wire.acr,
            amr: wire.amr,
            all,
        })
    }
}

/// Whether an ID token that answers a refresh goes on from the one before
/// ([OpenID Connect Core, section 12.2](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse)).
fn goes_on(
    before: &IdTokenClaims,
    wire: &Wire,
    auth_time: Option<OffsetDateTime>,
) -> Result<(), IdTokenError> {
    if before.subject != wire.sub {
        return Err(IdTokenError::Subject);
    }
    // Neither has to be there; where both tokens have it, it is the same.
    if let (Some(old), Some(new)) = (before.auth_time, auth_time)
        && old != new
    {
        return Err(IdTokenError::Authentication);
    }
    match (before.all.get("nonce").and_then(Value::as_str), &wire.nonce) {
        (Some(old), Some(new)) if old != new => Err(IdTokenError::Nonce),
        _ => Ok(()),
    }
}

/// The longest subject, in bytes
/// ([OpenID Connect Core, section 2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
const MAX_SUBJECT: usize = 255;

fn problem(error: ClaimsError) -> IdTokenError {
    match error {
        ClaimsError::WrongIssuer => IdTokenError::Issuer,
        ClaimsError::WrongAudience => IdTokenError::Audience,
        ClaimsError::Missing(_) => IdTokenError::Malformed,
        _ => IdTokenError::Time,
    }
}
