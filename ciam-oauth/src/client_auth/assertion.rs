//! What a client assertion must say ([RFC 7523, section 3](https://www.rfc-editor.org/rfc/rfc7523#section-3)).

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::jose::{AudienceRule, ClaimRules, ClaimsError, RegisteredClaims, Text};
use ciam_core::secret::TokenDigest;
use time::{Duration, OffsetDateTime};

use crate::client::ClientId;
use crate::error::AssertionProblem;

/// The only `client_assertion_type` that is accepted.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The types that an assertion may have, or none
/// ([draft-ietf-oauth-rfc7523bis](https://datatracker.ietf.org/doc/draft-ietf-oauth-rfc7523bis/)). Any other is that of
/// another kind of token, signed by the same keys for another purpose.
pub(super) const TYPES: &[&str] = &["JWT", "client-authentication+jwt"];

/// How far a client's clock may be from ours, either way. FAPI 2.0 wants 10 seconds accepted and more than 60 refused.
pub(super) const SKEW: Duration = Duration::seconds(30);

/// How long an assertion may be valid. Common libraries sign for an hour; longer would be a password in a JWT's clothes,
/// and every `jti` is remembered for as long.
const MAX_LIFETIME: Duration = Duration::hours(1);

/// The longest `jti` that is accepted, in bytes.
const MAX_JTI: usize = 512;

/// What the claims of an assertion are checked against.
#[derive(Clone, Copy, Debug)]
pub(super) struct AssertionRules<'a> {
    pub(super) client: &'a ClientId,
    pub(super) issuer: &'a str,
    /// The URLs of endpoints that the client may name as the audience: none, unless it is registered for it.
    pub(super) endpoints: &'a [String],
    /// Whether the audience must be a text: FAPI 2.0 takes no list of one.
    pub(super) text_only: bool,
    pub(super) now: OffsetDateTime,
}

/// An assertion that was never used, if its mark can be put into the ephemeral store.
#[derive(Debug)]
pub(super) struct SingleUse {
    pub(super) key: EphemeralKey,
    pub(super) ttl: Duration,
}

impl AssertionRules<'_> {
    /// Checks everything but the signature and whether the assertion was used before.
    pub(super) fn check(&self, claims: &RegisteredClaims<'_>) -> Result<SingleUse, AssertionProblem> {
        let client = self.client.as_str();
        let is_client =
            |claim: &Option<Text<'_>>| claim.as_ref().is_some_and(|found| found.as_str() == client);
        if !is_client(&claims.iss) || !is_client(&claims.sub) {
            return Err(AssertionProblem::Party);
        }
        self.claim_rules().check(claims, self.now).map_err(|error| match error {
            ClaimsError::WrongAudience | ClaimsError::Missing("aud") => AssertionProblem::Audience,
            ClaimsError::WrongIssuer => AssertionProblem::Party,
            _ => AssertionProblem::Time,
        })?;
        let expires = claims.exp.ok_or(AssertionProblem::Time)?.get();
        let jti = claims.jti.as_ref().map(Text::as_str).filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI);
        let jti = jti.ok_or(AssertionProblem::Replay)?;
        // A client id has no line break, so the two cannot be shifted against each other.
        let digest = TokenDigest::of(&format!("{client}\n{jti}"));
        Ok(SingleUse {
            key: EphemeralKey::new("oauth.client_assertion", digest.to_text()),
            ttl: (expires - self.now) + SKEW + Duration::SECOND,
        })
    }

    /// The audience is this server's issuer and nothing else: an assertion that another server may be sent too could be
    /// taken from there and used here (CVE-2025-27370, CVE-2025-27371).
    fn claim_rules(&self) -> ClaimRules {
        let issuer = self.issuer.to_owned();
        let audience = match self.endpoints {
            [] if self.text_only => AudienceRule::ExactString(issuer),
            [] => AudienceRule::Only(issuer),
            urls => AudienceRule::OnlyOneOf(urls.iter().cloned().chain([issuer]).collect()),
        };
        ClaimRules::new(self.client.as_str(), audience)
            .with_expiry_skew(SKEW)
            .with_future_skew(SKEW)
            .with_max_lifetime(MAX_LIFETIME + SKEW)
    }
}

#[cfg(test)]
mod tests;
