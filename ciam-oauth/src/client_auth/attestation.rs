//! Clients whose instances somebody attests
//! ([draft-ietf-oauth-attestation-based-client-auth-10](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-attestation-based-client-auth-10)).
//!
//! An app cannot keep a secret that all its copies have. Each copy makes a key of its own; a backend that has looked at it says in
//! a JWT that the key is of a genuine copy; and the copy proves at each request that it has the key. Whose word counts for a
//! client is registered with it ([`ClientAuthentication::AttestJwtClientAuth`](crate::client::ClientAuthentication)).

use bytes::Bytes;
use ciam_core::ephemeral::EphemeralKey;
use ciam_core::jose::{
    AlgorithmSet, CompactJws, JwsLimits, KeySet, NumericDate, PublicJwk, TokenType, VerificationKey, Verifier,
};
use ciam_core::secret::{Secret, TokenDigest};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::assertion::SKEW;
use super::keys::problem;
use crate::AuthorizationServer;
use crate::client::{Client, ClientKeys};
use crate::confirmation::JwkThumbprint;
use crate::error::{AssertionProblem, ClientAuthError};
use crate::server::reply;

/// The header of what the attester says.
const ATTESTATION: HeaderName = HeaderName::from_static("oauth-client-attestation");
/// The header of what the instance proves.
const POP: HeaderName = HeaderName::from_static("oauth-client-attestation-pop");
/// The header of what the next proof has to have in it.
const CHALLENGE: HeaderName = HeaderName::from_static("oauth-client-attestation-challenge");

/// How long ago a proof may have been made.
const MAX_AGE: Duration = Duration::seconds(60);
/// The longest `jti` that is accepted, in bytes.
const MAX_JTI: usize = 512;
/// Both come as headers.
const LIMITS: JwsLimits = JwsLimits::new(8_192, 4_096);

/// What a request brings along.
#[derive(Debug)]
pub(crate) struct Attested {
    pub(super) attestation: Secret,
    pub(super) pop: Secret,
}

impl Attested {
    /// Reads the two headers: both once, or neither.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, ClientAuthError> {
        let one = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => value
                    .to_str()
                    .map(|text| Some(Secret::from(text)))
                    .map_err(|_| ClientAuthError::Malformed),
                _ => Err(ClientAuthError::Malformed),
            }
        };
        match (one(&ATTESTATION)?, one(&POP)?) {
            (Some(attestation), Some(pop)) => Ok(Some(Self { attestation, pop })),
            (None, None) => Ok(None),
            _ => Err(ClientAuthError::Malformed),
        }
    }

    /// Which client it says that it is of, before anything about it was verified.
    pub(super) fn unverified_subject(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Subject {
            sub: String,
        }
        let jws = CompactJws::parse(self.attestation.expose(), &LIMITS).ok()?;
        jws.unverified_claims::<Subject>().ok().map(|claims| claims.sub)
    }
}

/// What an attester says of an instance.
#[derive(Deserialize)]
struct Statement {
    sub: String,
    exp: NumericDate,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
    cnf: Bound,
}

#[derive(Deserialize)]
struct Bound {
    // Reading it refuses private members, other types of key, and a key for another use.
    jwk: PublicJwk,
}

/// What an instance proves.
#[derive(Deserialize)]
struct Proof {
    aud: OneOrMany,
    jti: String,
    iat: NumericDate,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    challenge: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl AuthorizationServer {
    /// Checks what comes with a request of a client, and uses the proof up. Gives the key of the instance.
    pub(super) async fn verify_attestation(
        &self,
        client: &Client,
        attesters: &ClientKeys,
        shown: &Attested,
    ) -> Result<JwkThumbprint, ClientAuthError> {
        let allowed = self.config().profile.algorithms();
        let now = self.ports().now();
        let verifier = Verifier::new(allowed, TokenType::exactly("oauth-client-attestation+jwt"));
        let verifier = verifier.with_limits(LIMITS);
        let payload = self.payload_by(attesters, &verifier, shown.attestation.expose()).await?;
        let statement: Statement =
            serde_json::from_slice(&payload).map_err(|_| AssertionProblem::Malformed)?;
        if statement.sub != client.id.as_str() {
            return Err(AssertionProblem::Party.into());
        }
        if is_early(statement.iat, now) || is_early(statement.nbf, now) {
            return Err(AssertionProblem::Time.into());
        }
        // Differences, not sums: a date at the end of time must not overflow.
        if now - statement.exp.get() >= SKEW {
            return Err(ClientAuthError::StaleAttestation);
        }
        let key = &statement.cnf.jwk;
        let proof = self.read_pop(key, allowed, shown.pop.expose())?;
        check_pop(&proof, self.issuer().as_str(), now)?;
        if !self.accepts_challenge(proof.challenge.as_deref(), now) {
            return Err(ClientAuthError::ChallengeRequired);
        }
        let thumbprint = JwkThumbprint::of(key);
        // Only now, so that nobody can use up the ids of somebody else's proofs.
        let digest = TokenDigest::of(&format!("{thumbprint}\n{}", proof.jti));
        let mark = EphemeralKey::new("oauth.client_attestation", digest.to_text());
        let ttl = MAX_AGE + SKEW + Duration::SECOND;
        match self.ports().ephemeral().put_if_absent(&mark, Vec::new(), ttl).await? {
            true => Ok(thumbprint),
            false => Err(AssertionProblem::Replay.into()),
        }
    }

    /// Whether a proof has a challenge of lately, where it needs one
    /// ([section 8](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-attestation-based-client-auth-10#section-8)).
    fn accepts_challenge(&self, shown: Option<&str>, now: OffsetDateTime) -> bool {
        let Some(challenges) = self.attestation_challenges() else { return true };
        shown.is_some_and(|shown| challenges.accepts(shown, now))
    }

    /// Answers a request for a challenge: everybody may ask.
    pub(crate) fn handle_attestation_challenge(&self) -> Response<Bytes> {
        let Some(challenges) = self.attestation_challenges() else {
            return reply::plain(StatusCode::NOT_FOUND);
        };
        let challenge = challenges.current(self.ports().now());
        let body = json!({ "attestation_challenge": challenge.to_str().unwrap_or_default() });
        reply::json(StatusCode::OK, &body)
    }

    /// Adds the challenge for the next proof to the answer to a request that had one, so that nobody has to ask for it.
    pub(crate) fn offer_challenge(&self, request: &Request<Bytes>, response: &mut Response<Bytes>) {
        if let Some(challenges) =
            self.attestation_challenges().filter(|_| request.headers().contains_key(&POP))
        {
            response.headers_mut().insert(CHALLENGE, challenges.current(self.ports().now()));
        }
    }

    /// The proof, whose signature is good by the attested key.
    fn read_pop(&self, jwk: &PublicJwk, allowed: AlgorithmSet, pop: &str) -> Result<Proof, AssertionProblem> {
        let verifier = Verifier::new(allowed, TokenType::exactly("oauth-client-attestation-pop+jwt"));
        let verifier = verifier.with_limits(LIMITS);
        let jws = CompactJws::parse(pop, &LIMITS).map_err(problem)?;
        verifier.check_header(&jws).map_err(problem)?;
        let algorithm = jws.header().algorithm;
        if jwk.algorithm().is_some_and(|bound| bound != algorithm) {
            return Err(AssertionProblem::Algorithm);
        }
        let kid = jws.header().kid.as_deref();
        let key = VerificationKey::from_public_key(self.ports().crypto(), algorithm, jwk.key(), kid);
        let keys = KeySet::from(key.map_err(|_| AssertionProblem::Key)?);
        verifier.verify_parsed(jws, &keys).map_err(problem)?.claims().map_err(problem)
    }
}

/// A proof is for this server alone, was just made, and has a name.
fn check_pop(proof: &Proof, issuer: &str, now: OffsetDateTime) -> Result<(), AssertionProblem> {
    let ours = match &proof.aud {
        OneOrMany::One(one) => one == issuer,
        OneOrMany::Many(many) => matches!(many.as_slice(), [only] if only == issuer),
    };
    if !ours {
        return Err(AssertionProblem::Audience);
    }
    let expired = proof.exp.as_ref().is_some_and(|end| now - end.get() >= SKEW);
    if now - proof.iat.get() > MAX_AGE
        || is_early(Some(proof.iat), now)
        || is_early(proof.nbf, now)
        || expired
    {
        return Err(AssertionProblem::Time);
    }
    match proof.jti.is_empty() || proof.jti.len() > MAX_JTI {
        true => Err(AssertionProblem::Replay),
        false => Ok(()),
    }
}

fn is_early(date: Option<NumericDate>, now: OffsetDateTime) -> bool {
    date.is_some_and(|date| date.get() - now > SKEW)
}
