//! Which endpoint is this?

/// An endpoint of the authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// Authorization requests.
    Authorize,
    /// The return of a browser from an interaction.
    Resume,
    /// Pushed authorization requests.
    PushedAuthorizationRequest,
    /// Token requests.
    Token,
    /// Revocation.
    Revocation,
    /// Introspection.
    Introspection,
    /// The public keys.
    Jwks,
    /// The metadata document.
    Metadata,
}

impl Endpoint {
    /// The path below the issuer's.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/authorize",
            Self::Resume => "/authorize/resume",
            Self::PushedAuthorizationRequest => "/par",
            Self::Token => "/token",
            Self::Revocation => "/revoke",
            Self::Introspection => "/introspect",
            Self::Jwks => "/jwks",
            Self::Metadata => "/.well-known/oauth-authorization-server",
        }
    }
}
