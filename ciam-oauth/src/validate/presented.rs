//! How a request presents its access token.

use ciam_core::http::Peer;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::error::ValidateError;
use crate::confirmation::CertificateThumbprint;
use crate::dpop::ProvenKey;

/// The authentication scheme of a request with an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750).
    Bearer,
    /// [RFC 9449, section 7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1).
    Dpop,
}

impl Scheme {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// The access token of a request and the scheme that it came with, from its `Authorization` header.
///
/// ```
/// use ciam_oauth::validate::{Scheme, authorization};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("authorization", "dpop abc.def.ghi".parse()?);
/// assert_eq!(authorization(&headers)?, (Scheme::Dpop, "abc.def.ghi"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Fails with [`ValidateError::Missing`] when there is no header of one of the schemes, and with
/// [`ValidateError::BadRequest`] when there is more than one header or what follows the scheme cannot be a token.
pub fn authorization(headers: &HeaderMap) -> Result<(Scheme, &str), ValidateError> {
    let mut found = headers.get_all(AUTHORIZATION).iter();
    let header = found.next().ok_or(ValidateError::Missing)?;
    if found.next().is_some() {
        return Err(ValidateError::BadRequest);
    }
    let text = header.to_str().map_err(|_| ValidateError::BadRequest)?;
    let (name, token) = text.split_once(' ').unwrap_or((text, ""));
    let scheme = [Scheme::Bearer, Scheme::Dpop].into_iter().find(|it| it.as_str().eq_ignore_ascii_case(name));
    let scheme = scheme.ok_or(ValidateError::Missing)?;
    if !token.is_empty() && token.bytes().all(is_token68) {
        Ok((scheme, token))
    } else {
        Err(ValidateError::BadRequest)
    }
}

const fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

/// An access token, and what its sender proved to have beside it.
///
/// A plain text is a token of the scheme `Bearer` without any proof: a bound token is refused then.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'r> {
    pub(super) token: &'r str,
    pub(super) key: Option<&'r ProvenKey>,
    pub(super) certificate: Option<CertificateThumbprint>,
}

impl<'r> Presented<'r> {
    /// A token of the scheme `Bearer`.
    #[must_use]
    pub const fn bearer(token: &'r str) -> Self {
        Self { token, key: None, certificate: None }
    }

    /// A token of the scheme `DPoP`, with the key that its proof proved.
    #[must_use]
    pub const fn dpop(token: &'r str, key: &'r ProvenKey) -> Self {
        Self { token, key: Some(key), certificate: None }
    }

    /// Adds the certificate of the TLS connection, which the host has from its TLS stack and not from a header.
    #[must_use]
    pub const fn with_certificate(mut self, thumbprint: CertificateThumbprint) -> Self {
        self.certificate = Some(thumbprint);
        self
    }

    /// Adds the certificate of the connection, if it has one.
    #[must_use]
    pub fn with_peer(self, peer: &Peer) -> Self {
        match &peer.certificate {
            Some(der) => self.with_certificate(CertificateThumbprint::of(der)),
            None => self,
        }
    }

    /// Refuses a token that nobody would look at, before it costs anything.
    pub(super) const fn check_size(&self) -> Result<(), ValidateError> {
        if self.token.len() > MAX_TOKEN {
            return Err(ValidateError::TooLarge);
        }
        Ok(())
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> &'r str {
        self.token
    }
}

/// The longest token of either form, in bytes.
const MAX_TOKEN: usize = 16_384;

impl<'r> From<&'r str> for Presented<'r> {
    fn from(token: &'r str) -> Self {
        Self::bearer(token)
    }
}

impl<'r> From<&'r String> for Presented<'r> {
    fn from(token: &'r String) -> Self {
        Self::bearer(token)
    }
}
