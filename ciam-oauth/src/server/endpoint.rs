//! Which endpoint is this?

use http::Method;

use crate::issuer::Issuer;

/// An endpoint of the authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// Authorization requests.
    Authorize,
    /// The return of a browser from an interaction.
    Resume,
    /// Pushed authorization requests.
    PushedAuthorizationRequest,
    /// Authorization requests of the operator's own apps, without a browser.
    #[cfg(feature = "draft-first-party-apps")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-first-party-apps")))]
    AuthorizationChallenge,
    /// Challenges for the proofs of attested clients.
    #[cfg(feature = "draft-attested-clients")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-attested-clients")))]
    AttestationChallenge,
    /// Device authorization requests.
    DeviceAuthorization,
    /// Backchannel authentication requests.
    BackchannelAuthentication,
    /// Token requests.
    Token,
    /// Revocation.
    Revocation,
    /// Introspection.
    Introspection,
    /// Clients that register themselves.
    Registration,
    /// One registration; the client id follows the path.
    ClientConfiguration,
    /// The status of access tokens; the name of a list follows the path.
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    StatusList,
    /// The public keys.
    Jwks,
    /// The metadata document.
    Metadata,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: &[Self] = &[
        Self::Authorize,
        Self::Resume,
        Self::PushedAuthorizationRequest,
        #[cfg(feature = "draft-first-party-apps")]
        Self::AuthorizationChallenge,
        #[cfg(feature = "draft-attested-clients")]
        Self::AttestationChallenge,
        Self::DeviceAuthorization,
        Self::BackchannelAuthentication,
        Self::Token,
        Self::Revocation,
        Self::Introspection,
        Self::Registration,
        Self::ClientConfiguration,
        #[cfg(feature = "draft-status-list")]
        Self::StatusList,
        Self::Jwks,
        Self::Metadata,
    ];

    /// The path below the issuer's. The handle of an interaction follows that of [`Endpoint::Resume`].
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/authorize",
            Self::Resume => "/authorize/resume",
            Self::PushedAuthorizationRequest => "/par",
            #[cfg(feature = "draft-first-party-apps")]
            Self::AuthorizationChallenge => "/authorize-challenge",
            #[cfg(feature = "draft-attested-clients")]
            Self::AttestationChallenge => "/attestation-challenge",
            Self::DeviceAuthorization => "/device_authorization",
            Self::BackchannelAuthentication => "/bc-authorize",
            Self::Token => "/token",
            Self::Revocation => "/revoke",
            Self::Introspection => "/introspect",
            Self::Registration | Self::ClientConfiguration => "/register",
            #[cfg(feature = "draft-status-list")]
            Self::StatusList => "/status",
            Self::Jwks => "/jwks",
            Self::Metadata => "/.well-known/oauth-authorization-server",
        }
    }

    /// The methods that it answers.
    #[must_use]
    pub const fn methods(self) -> &'static [Method] {
        match self {
            Self::Authorize => &[Method::GET, Method::POST],
            Self::Resume => &[Method::GET],
            #[cfg(feature = "draft-first-party-apps")]
            Self::AuthorizationChallenge => &[Method::POST],
            #[cfg(feature = "draft-attested-clients")]
            Self::AttestationChallenge => &[Method::POST],
            Self::PushedAuthorizationRequest
            | Self::DeviceAuthorization
            | Self::BackchannelAuthentication
            | Self::Token
            | Self::Revocation
            | Self::Introspection
            | Self::Registration => &[Method::POST],
            Self::ClientConfiguration => &[Method::GET, Method::PUT, Method::DELETE],
            #[cfg(feature = "draft-status-list")]
            Self::StatusList => &[Method::GET, Method::HEAD],
            Self::Jwks | Self::Metadata => &[Method::GET, Method::HEAD],
        }
    }

    /// Whether browsers of every origin may read the answer: public documents only.
    pub(super) const fn is_public_document(self) -> bool {
        #[cfg(feature = "draft-status-list")]
        if matches!(self, Self::StatusList) {
            return true;
        }
        matches!(self, Self::Jwks | Self::Metadata)
    }

    /// Whether scripts in browsers call it, of the origins that a client registered.
    pub(super) const fn is_called_by_scripts(self) -> bool {
        matches!(
            self,
            Self::Token | Self::Revocation | Self::DeviceAuthorization | Self::PushedAuthorizationRequest
        )
    }

    /// Whether its path alone is none.
    const fn has_more_behind(self) -> bool {
        #[cfg(feature = "draft-status-list")]
        if matches!(self, Self::StatusList) {
            return true;
        }
        matches!(self, Self::Resume | Self::ClientConfiguration)
    }

    /// Whether scripts of every origin call it: nothing there depends on where a request comes from, and who registers has no
    /// origin yet.
    pub(super) const fn is_open_to_scripts(self) -> bool {
        matches!(self, Self::Registration)
    }

    /// The endpoint at a request's path, and what follows it, for an issuer.
    ///
    /// Paths are compared as they are: no decoding, no normalisation, no slash more or less.
    #[must_use]
    pub fn route<'a>(issuer: &Issuer, path: &'a str) -> Option<(Self, &'a str)> {
        // The metadata of an issuer with a path are not below it (RFC 8414, section 3.1).
        if path.strip_prefix(Self::Metadata.path()) == Some(issuer.path()) {
            return Some((Self::Metadata, ""));
        }
        let below = path.strip_prefix(issuer.path())?;
        if let Some(handle) = below.strip_prefix("/authorize/resume/") {
            let well_formed = !handle.is_empty() && !handle.contains('/');
            return well_formed.then_some((Self::Resume, handle));
        }
        if let Some(id) = below.strip_prefix("/register/") {
            let well_formed = !id.is_empty() && !id.contains('/');
            return well_formed.then_some((Self::ClientConfiguration, id));
        }
        #[cfg(feature = "draft-status-list")]
        if let Some(id) = below.strip_prefix("/status/") {
            let well_formed = !id.is_empty() && !id.contains('/');
            return well_formed.then_some((Self::StatusList, id));
        }
        Self::ALL
            .iter()
            .copied()
            .filter(|endpoint| !endpoint.has_more_behind())
            .find(|endpoint| endpoint.path() == below)
            .map(|endpoint| (endpoint, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_by_the_issuers_path() {
        let root: Issuer = "https://id.example".parse().unwrap();
        let below: Issuer = "https://id.example/shop/eu".parse().unwrap();
        let route = |issuer: &Issuer, path: &'static str| Endpoint::route(issuer, path);
        assert_eq!(route(&root, "/token"), Some((Endpoint::Token, "")));
        assert_eq!(route(&root, "/authorize/resume/abc"), Some((Endpoint::Resume, "abc")));
        assert_eq!(route(&below, "/shop/eu/token"), Some((Endpoint::Token, "")));
        assert_eq!(route(&below, "/shop/eu/authorize"), Some((Endpoint::Authorize, "")));
        for path in
            ["/shop/eu/par/", "/shop/eu", "/token", "/shop/token", "/shop/eux/token", "/shop/eu//token"]
        {
            assert_eq!(route(&below, path), None, "{path}");
        }
        for path in
            ["/authorize/resume", "/authorize/resume/", "/authorize/resume/a/b", "/Token", "/%74oken", ""]
        {
            assert_eq!(route(&root, path), None, "{path}");
        }
    }

    /// RFC 8414, section 3.1: the suffix stands between host and path. The plain path is answered too.
    #[test]
    fn rfc8414_3_1_metadata_location() {
        let below: Issuer = "https://id.example/shop".parse().unwrap();
        for path in
            ["/.well-known/oauth-authorization-server/shop", "/shop/.well-known/oauth-authorization-server"]
        {
            assert_eq!(Endpoint::route(&below, path), Some((Endpoint::Metadata, "")), "{path}");
        }
        assert_eq!(Endpoint::route(&below, "/.well-known/oauth-authorization-server"), None);
    }
}
