//! Rules of others that a server can promise to keep, as one switch.

use std::fmt;

use ciam_core::jose::{Algorithm, AlgorithmSet};

use crate::authorize::ResponseType;

/// A set of rules that others wrote down, which a server keeps as a whole.
///
/// A profile is a promise, not a preference: it turns on what it demands, refuses what it forbids of clients and requests, and
/// [`build`](crate::ServerBuilder::build) fails with
/// [`ConfigError::Profile`](crate::server::ConfigError::Profile) when the rest of the configuration contradicts it.
///
/// | profile | what it adds to the default |
/// | --- | --- |
/// | [`OAuth21`](Self::OAuth21) | nothing: the default keeps it |
/// | [`OpenId`](Self::OpenId) | confidential clients may go without PKCE; ID tokens can be signed with RS256 |
/// | [`OpenIdHybrid`](Self::OpenIdHybrid) | the same, and ID tokens from the authorization endpoint |
/// | [`Fapi2Security`](Self::Fapi2Security) | confidential clients that prove keys, pushed requests, bound tokens, PS256, ES256 or EdDSA |
/// | [`Fapi2MessageSigning`](Self::Fapi2MessageSigning) | the same, and signed request objects that say when they are valid |
/// | [`FapiCiba`](Self::FapiCiba) | what `Fapi2Security` adds, and signed backchannel requests, tokens bound to certificates, PS256 or ES256 |
/// | [`Mcp`](Self::Mcp) | resources by name, and tokens for no other |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// [OAuth 2.1](https://datatracker.ietf.org/doc/draft-ietf-oauth-v2-1/): PKCE for every client, exact redirect URIs, no
    /// implicit and no password grant. The default.
    #[default]
    OAuth21,
    /// What the [OpenID Foundation certifies](https://openid.net/certification/) as a basic provider.
    ///
    /// # Security
    ///
    /// Clients that authenticate may leave PKCE out, as those of the time before it do. A code is then bound to the client and
    /// the redirect URI only; a client that checks `nonce` still finds out an injected one
    /// ([RFC 9700, section 2.1.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1)).
    OpenId,
    /// What the OpenID Foundation certifies as a hybrid and implicit provider, as far as no access token goes through the browser:
    /// `code id_token` and `id_token` beside `code`, for clients that are registered for them.
    ///
    /// # Security
    ///
    /// An ID token in the browser's address can be read by what else runs in the page. This is for certification, and for clients
    /// that cannot be changed any more; nothing else needs it.
    OpenIdHybrid,
    /// [FAPI 2.0 Security Profile](https://openid.net/specs/fapi-security-profile-2_0-final.html).
    Fapi2Security,
    /// [FAPI 2.0 Message Signing](https://openid.net/specs/fapi-message-signing-2_0-final.html): signed authorization requests.
    /// Signed responses are there for clients that ask for them.
    Fapi2MessageSigning,
    /// [FAPI: Client Initiated Backchannel Authentication](https://openid.net/specs/openid-financial-api-ciba.html), implementer's
    /// draft 1: people are [authenticated through the back channel](crate::backchannel). What goes through the browser is as
    /// [`Fapi2Security`](Self::Fapi2Security) has it, which asks for more than FAPI 1.0 does.
    ///
    /// # Security
    ///
    /// Clients can be registered whose assertions name an endpoint
    /// ([CIBA Core, section 7.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1)),
    /// as no client is under FAPI 2.0.
    FapiCiba,
    /// [Model Context Protocol, authorization](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization).
    Mcp,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 7] = [
        Self::OAuth21,
        Self::OpenId,
        Self::OpenIdHybrid,
        Self::Fapi2Security,
        Self::Fapi2MessageSigning,
        Self::FapiCiba,
        Self::Mcp,
    ];

    /// A short name, for configuration files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth21 => "oauth-2.1",
            Self::OpenId => "openid-basic",
            Self::OpenIdHybrid => "openid-hybrid",
            Self::Fapi2Security => "fapi-2.0-security",
            Self::Fapi2MessageSigning => "fapi-2.0-message-signing",
            Self::FapiCiba => "fapi-ciba",
            Self::Mcp => "mcp",
        }
    }

    /// The profile with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// Whether it has the rules of FAPI 2.0.
    #[must_use]
    pub const fn is_fapi(self) -> bool {
        matches!(self, Self::Fapi2Security | Self::Fapi2MessageSigning | Self::FapiCiba)
    }

    /// Whether a client can be registered whose assertions name an endpoint of the server instead of the server
    /// ([FAPI 2.0, section 5.3.2.1](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.3.2.1)).
    pub(crate) const fn lets_assertions_name_endpoints(self) -> bool {
        !self.is_fapi() || matches!(self, Self::FapiCiba)
    }

    /// Whether clients that authenticate need PKCE too.
    #[must_use]
    pub const fn requires_pkce_of_all(self) -> bool {
        !matches!(self, Self::OpenId | Self::OpenIdHybrid)
    }

    /// What authorization requests may ask to be answered with.
    #[must_use]
    pub const fn response_types(self) -> &'static [ResponseType] {
        match self {
            Self::OpenIdHybrid => &ResponseType::ALL,
            _ => &[ResponseType::Code],
        }
    }

    /// Whether an authorization request must name its redirect URI
    /// ([FAPI 2.0, section 5.3.2.2](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.3.2.2)).
    #[must_use]
    pub const fn requires_redirect_uri(self) -> bool {
        self.is_fapi()
    }

    /// What may sign anything: of the server and of its clients
    /// ([FAPI 2.0, section 5.4.1](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.4.1)).
    #[must_use]
    pub const fn algorithms(self) -> AlgorithmSet {
        match self {
            // FAPI 1.0, part 2, section 8.6.
            Self::FapiCiba => AlgorithmSet::of(&[Algorithm::Ps256, Algorithm::Es256]),
            Self::Fapi2Security | Self::Fapi2MessageSigning => {
                AlgorithmSet::of(&[Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa])
            }
            _ => AlgorithmSet::ASYMMETRIC,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for profile in Profile::ALL {
            assert_eq!(Profile::from_name(profile.as_str()), Some(profile));
        }
        assert_eq!(Profile::from_name("OAuth-2.1"), None);
    }
}
