//! What a token is bound to: the `cnf` claim ([RFC 7800](https://www.rfc-editor.org/rfc/rfc7800)).
//!
//! A bound token is worth nothing to whoever has only the token. Its holder proves possession of a key at each use: by a
//! [DPoP proof](crate::dpop) ([RFC 9449, section 6.1](https://www.rfc-editor.org/rfc/rfc9449#section-6.1)) or by the certificate
//! of the TLS connection ([RFC 8705, section 3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1)).

use std::fmt;
use std::str::FromStr;

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::jose::PublicJwk;
use serde::{Deserialize, Serialize};

/// The SHA-256 thumbprint of a public key ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)): `jkt`, `dpop_jkt`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JwkThumbprint([u8; 32]);

impl JwkThumbprint {
    /// The thumbprint of a key.
    #[must_use]
    pub fn of(key: &PublicJwk) -> Self {
        Self(key.thumbprint_bytes())
    }
}

/// The SHA-256 thumbprint of a certificate in DER: `x5t#S256`
/// ([RFC 8705, section 3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1)).
///
/// ```
/// use ciam_oauth::confirmation::CertificateThumbprint;
///
/// let der = b"not really a certificate";
/// assert_eq!(CertificateThumbprint::of(der), CertificateThumbprint::of(der));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// The thumbprint of a certificate: that of the TLS connection's other side, as
    /// [`Peer::certificate`](ciam_core::http::Peer::certificate) has it.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(crypto::sha256(der))
    }
}

/// The text is not a SHA-256 thumbprint: 43 characters of canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 thumbprint")]
#[non_exhaustive]
pub struct InvalidThumbprint;

macro_rules! as_base64url {
    ($type:ident) => {
        impl FromStr for $type {
            type Err = InvalidThumbprint;

            fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
                let bytes = base64url::decode(text).map_err(|_| InvalidThumbprint)?;
                bytes.try_into().map(Self).map_err(|_| InvalidThumbprint)
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidThumbprint;

            fn try_from(text: String) -> Result<Self, InvalidThumbprint> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(thumbprint: $type) -> Self {
                base64url::encode(&thumbprint.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64url::encode(&self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }
    };
}

as_base64url!(JwkThumbprint);
as_base64url!(CertificateThumbprint);

/// The `cnf` claim, as far as it is understood here.
///
/// # Security
///
/// A `cnf` with no member that is understood [cannot be proved](Self::is_provable): the token is bound to something that
/// nobody here can check, and is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Confirmation {
    /// The key that a DPoP proof must be signed with.
    #[serde(rename = "jkt", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<JwkThumbprint>,
    /// The certificate that the TLS connection must have.
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateThumbprint>,
}

impl Confirmation {
    /// A binding to a key, proved by DPoP.
    #[must_use]
    pub const fn key(thumbprint: JwkThumbprint) -> Self {
        Self { key: Some(thumbprint), certificate: None }
    }

    /// A binding to a certificate, proved by mutual TLS.
    #[must_use]
    pub const fn certificate(thumbprint: CertificateThumbprint) -> Self {
        Self { key: None, certificate: Some(thumbprint) }
    }

    /// Whether there is anything in it that can be proved.
    #[must_use]
    pub const fn is_provable(&self) -> bool {
        self.key.is_some() || self.certificate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_have_one_spelling() {
        let text = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        let thumbprint: JwkThumbprint = text.parse().unwrap();
        assert_eq!(thumbprint.to_string(), text);
        for bad in [
            "",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J",
            text.trim_start_matches('0'),
            &format!("{text}="),
            "é",
        ] {
            assert_eq!(bad.parse::<JwkThumbprint>(), Err(InvalidThumbprint), "{bad}");
        }
    }

    /// RFC 9449, figure 9; RFC 8705, figure 2.
    #[test]
    fn confirmations_on_the_wire() {
        let jkt = r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#;
        let x5t = r##"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"##;
        // The last character of the RFC's example has bits that belong to no byte.
        assert!(serde_json::from_str::<Confirmation>(x5t).is_err());
        let x5t = x5t.replace("dg2", "dg0");
        for text in [jkt, &x5t] {
            let read: Confirmation = serde_json::from_str(text).unwrap();
            assert!(read.is_provable());
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        let other: Confirmation = serde_json::from_str(r#"{"kid":"x"}"#).unwrap();
        assert!(!other.is_provable());
        for bad in [r#"{"jkt":7}"#, r#"{"jkt":"x"}"#, r#""jkt""#, "[]x"] {
            assert!(serde_json::from_str::<Confirmation>(bad).is_err(), "{bad}");
        }
    }
}
