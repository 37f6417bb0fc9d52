//! Errors of client authentication.

use ciam_core::error::PortError;

/// Why a client was not authenticated.
///
/// Every variant but [`Malformed`](Self::Malformed), [`TwoMethods`](Self::TwoMethods),
/// [`StaleAttestation`](Self::StaleAttestation), [`ChallengeRequired`](Self::ChallengeRequired) and [`Port`](Self::Port) is sent as
/// the same `invalid_client`: a client that is unknown and one whose secret is wrong cannot be told apart.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientAuthError {
    /// No credentials and no `client_id`. Sent as `invalid_client`.
    #[error("no client credentials")]
    Missing,
    /// The credentials cannot be read. Sent as `invalid_request`.
    #[error("the client credentials are malformed")]
    Malformed,
    /// Two methods at once. Sent as `invalid_request`.
    #[error("two client authentication methods at once")]
    TwoMethods,
    /// There is no such client. Sent as `invalid_client`.
    #[error("the client is unknown")]
    UnknownClient,
    /// The client is registered for another method. Sent as `invalid_client`.
    #[error("the client is registered for another method")]
    WrongMethod,
    /// The secret is wrong or has expired. Sent as `invalid_client`.
    #[error("the client secret is wrong")]
    WrongSecret,
    /// The connection has no certificate, one that is not the client's, or one whose chain was not verified. Sent as
    /// `invalid_client`.
    #[error("the certificate is not the client's")]
    WrongCertificate,
    /// The assertion is not acceptable. Sent as `invalid_client`.
    #[error("the client assertion is not acceptable")]
    Assertion(#[from] AssertionProblem),
    /// What an attester said of the client's instance has expired; everything else about it is good. Sent as
    /// `use_fresh_attestation`.
    #[error("the client attestation has expired")]
    StaleAttestation,
    /// The proof of the client's instance has no challenge of this server, or not one of lately; everything else about it is good. Sent
    /// as `use_attestation_challenge`.
    #[error("the proof needs a challenge of this server")]
    ChallengeRequired,
    /// A port failed. Sent as `temporarily_unavailable` or `server_error`.
    #[error("the client cannot be authenticated now")]
    Port(#[from] PortError),
}

/// What is wrong with a client assertion
/// ([RFC 7523, section 3](https://www.rfc-editor.org/rfc/rfc7523#section-3)). For logs, never for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionProblem {
    /// Not a JWS in compact form, or a claim of the wrong type.
    #[error("malformed")]
    Malformed,
    /// The type header is that of another kind of token.
    #[error("wrong type")]
    Type,
    /// The algorithm is not allowed for the client.
    #[error("algorithm not allowed")]
    Algorithm,
    /// No registered key fits.
    #[error("no key")]
    Key,
    /// The signature does not verify.
    #[error("wrong signature")]
    Signature,
    /// `iss` and `sub` are not both the client id.
    #[error("wrong issuer or subject")]
    Party,
    /// The audience is not this server, or not only this server.
    #[error("wrong audience")]
    Audience,
    /// Expired, from the future, or valid for too long.
    #[error("outside its time")]
    Time,
    /// `jti` is missing or was seen before.
    #[error("replayed")]
    Replay,
    /// The client's keys could not be fetched.
    #[error("keys not available")]
    KeysUnavailable,
}
