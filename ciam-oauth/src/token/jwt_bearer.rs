//! The use of an assertion ([RFC 7523, section 2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).

use ciam_core::assurance::AuthenticationContext;
use ciam_core::ephemeral::EphemeralKey;
use ciam_core::jose::{
    AudienceRule, ClaimRules, CompactJws, JwsLimits, RegisteredClaims, Text, TokenType, Verifier,
};
use ciam_core::secret::{Secret, TokenDigest};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::direct::Direct;
use super::{TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::error::{AssertionProblem, GrantProblem, TokenError};
use crate::jwt_bearer::{Assertion, AssertionSubject, TrustedIssuer};

/// The types that an assertion may have, or none
/// ([draft-ietf-oauth-rfc7523bis](https://datatracker.ietf.org/doc/draft-ietf-oauth-rfc7523bis/)).
const TYPES: &[&str] = &["JWT", "authorization-grant+jwt"];

/// How far an issuer's clock may be from ours, either way.
const SKEW: Duration = Duration::seconds(30);

/// The longest `jti` and `sub`, in bytes.
const MAX_TEXT: usize = 512;

/// What a good assertion says.
struct Said {
    subject: String,
    claims: Map<String, Value>,
    /// Under which it is remembered as used, and how long.
    mark: EphemeralKey,
    ttl: Duration,
}

impl AuthorizationServer {
    pub(super) async fn use_assertion(
        &self,
        client: &Client,
        assertion: &Secret,
        request: &TokenRequest,
        bound: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient);
        }
        let now = self.ports().now();
        let (policy, issuers) = self.trusted_issuers();
        let named = unverified_issuer(assertion.expose()).ok_or(GrantProblem::Assertion)?;
        let issuer = issuers.iter().find(|trusted| trusted.issuer == named).ok_or(GrantProblem::Assertion)?;
        if issuer.clients.as_ref().is_some_and(|clients| !clients.contains(&client.id)) {
            return Err(GrantProblem::Assertion.into());
        }
        let said = self.read_assertion(issuer, assertion, now).await?;
        let (subject, claims) = (said.subject.as_str(), &said.claims);
        let asked = Assertion { server: self, client, issuer, subject, claims, now };
        let account = match policy.subject(&asked).await? {
            AssertionSubject::Account(account) => account,
            AssertionSubject::Refuse => return Err(GrantProblem::Assertion.into()),
        };
        // How the issuer authenticated the person is not known here.
        let context = AuthenticationContext::default();
        let direct = Direct { account, context, scopes: issuer.scopes.as_ref(), bound };
        let prepared = self.prepare_direct(client, request, direct, now).await?;
        // Last, so that a request that is refused for something else uses nothing up.
        if !self.ports().ephemeral().put_if_absent(&said.mark, Vec::new(), said.ttl).await? {
            return Err(GrantProblem::Replayed.into());
        }
        self.commit_exchange(prepared).await
    }

    async fn read_assertion(
        &self,
        issuer: &TrustedIssuer,
        assertion: &Secret,
        now: OffsetDateTime,
    ) -> Result<Said, TokenError> {
        let verifier = Verifier::new(issuer.algorithms, TokenType::one_of(TYPES).or_absent());
        let payload = self.payload_by(&issuer.keys, &verifier, assertion.expose()).await;
        let payload = payload.map_err(|_: AssertionProblem| GrantProblem::Assertion)?;
        let claims: RegisteredClaims<'_> =
            serde_json::from_slice(&payload).map_err(|_| GrantProblem::Assertion)?;
        let rules =
            ClaimRules::new(issuer.issuer.as_str(), AudienceRule::Only(self.issuer().as_str().to_owned()))
                .with_expiry_skew(SKEW)
                .with_future_skew(SKEW)
                .with_max_lifetime(issuer.max_lifetime + SKEW);
        rules.check(&claims, now).map_err(|_| GrantProblem::Assertion)?;
        let text = |claim: &Option<Text<'_>>| {
            let found = claim.as_ref().map(|text| text.as_str().to_owned());
            found.filter(|text| !text.is_empty() && text.len() <= MAX_TEXT)
        };
        let (Some(subject), Some(jti), Some(end)) = (text(&claims.sub), text(&claims.jti), claims.exp) else {
            return Err(GrantProblem::Assertion.into());
        };
        // An issuer's name has no line break, so the two cannot be shifted against each other.
        let digest = TokenDigest::of(&format!("{}\n{jti}", issuer.issuer));
        Ok(Said {
            subject,
            mark: EphemeralKey::new("oauth.assertion_grant", digest.to_text()),
            ttl: (end.get() - now) + SKEW + Duration::SECOND,
            claims: serde_json::from_slice(&payload).map_err(|_| GrantProblem::Assertion)?,
        })
    }
}

/// Whose an assertion says that it is, before anything about it was verified.
fn unverified_issuer(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let jws = CompactJws::parse(assertion, &JwsLimits::default()).ok()?;
    jws.unverified_claims::<Issuer>().ok().map(|claims| claims.iss)
}
