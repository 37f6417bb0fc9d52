//! How a client proves that it is itself, as registered.

use std::collections::BTreeSet;

use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::jose::Algorithm;
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::confirmation::CertificateThumbprint;
use crate::mtls::CertificateSubject;

/// The registered way of a client to authenticate; no other is accepted from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method")]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// Not at all: a public client.
    None,
    /// A secret in the `Authorization` header
    /// ([RFC 6749, section 2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
    ClientSecretBasic {
        /// Digests of the accepted secrets: one, and a second while the secret is being replaced.
        secrets: Vec<SecretDigest>,
    },
    /// A secret in the form body.
    ClientSecretPost {
        /// Digests of the accepted secrets: one, and a second while the secret is being replaced.
        secrets: Vec<SecretDigest>,
    },
    /// A JWT signed with the client's private key
    /// ([RFC 7523, section 2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    PrivateKeyJwt {
        /// Where the client's public keys are.
        keys: ClientKeys,
        /// The only JWS algorithm that is accepted; `None` accepts every asymmetric one that the server supports.
        alg: Option<Algorithm>,
        /// Whether the URLs of the token endpoint and of the backchannel authentication endpoint are accepted as the
        /// assertion's audience, as older clients send them and as
        /// [CIBA Core, section 7.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1)
        /// lets clients choose. The issuer is always accepted.
        token_endpoint_audience: bool,
    },
    /// A JWT signed with HMAC under the client's secret
    /// ([OpenID Connect Core, section 9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).
    ClientSecretJwt {
        /// The secret, sealed: a digest would verify nothing.
        secret: Sealed,
        /// As for `private_key_jwt`.
        token_endpoint_audience: bool,
    },
    /// The certificate of the connection, which says who the client is
    /// ([RFC 8705, section 2.1](https://www.rfc-editor.org/rfc/rfc8705#section-2.1)).
    TlsClientAuth {
        /// What the certificate must say.
        subject: CertificateSubject,
    },
    /// The certificate of the connection, which is one of the client's
    /// ([RFC 8705, section 2.2](https://www.rfc-editor.org/rfc/rfc8705#section-2.2)).
    SelfSignedTlsClientAuth {
        /// The thumbprints of the client's certificates: one, and others while one takes the place of the other.
        certificates: BTreeSet<CertificateThumbprint>,
    },
    /// What an attester says of an instance of the client, and what the instance proves
    /// ([draft-ietf-oauth-attestation-based-client-auth-10](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-attestation-based-client-auth-10)).
    #[cfg(feature = "draft-attested-clients")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-attested-clients")))]
    AttestJwtClientAuth {
        /// The keys of those whose word counts for the client.
        attesters: ClientKeys,
    },
}

impl ClientAuthentication {
    /// At most this many secrets at once.
    pub const MAX_SECRETS: usize = 2;

    /// `client_secret_basic` with one secret.
    #[must_use]
    pub fn basic(secret: &ClientSecret) -> Self {
        Self::ClientSecretBasic { secrets: vec![SecretDigest::new(secret.digest())] }
    }

    /// `client_secret_post` with one secret.
    #[must_use]
    pub fn post(secret: &ClientSecret) -> Self {
        Self::ClientSecretPost { secrets: vec![SecretDigest::new(secret.digest())] }
    }

    /// `private_key_jwt` with keys, any supported algorithm, and the issuer as the only audience.
    #[must_use]
    pub const fn private_key_jwt(keys: ClientKeys) -> Self {
        Self::PrivateKeyJwt { keys, alg: None, token_endpoint_audience: false }
    }

    /// `client_secret_jwt` with a secret, which the tenant's key vault seals, and the issuer as the only audience.
    ///
    /// # Errors
    ///
    /// Fails when the key vault does.
    pub async fn client_secret_jwt(ports: &Ports, secret: &ClientSecret) -> Result<Self, PortError> {
        let sealed =
            ports.vault().seal(&SealScope::Tenant, SECRET_PURPOSE, secret.expose().as_bytes()).await?;
        Ok(Self::ClientSecretJwt { secret: sealed, token_endpoint_audience: false })
    }

    /// Whether a secret is what the client authenticates with now: for a host that is told secrets by a file, and writes only what
    /// differs. `false` where the method has none.
    ///
    /// # Errors
    ///
    /// Fails when the key vault does.
    pub async fn is_secret(&self, ports: &Ports, secret: &ClientSecret) -> Result<bool, PortError> {
        if let Self::ClientSecretJwt { secret: sealed, .. } = self {
            let opened = ports.vault().open(&SealScope::Tenant, SECRET_PURPOSE, sealed).await?;
            return Ok(ciam_core::secret::ct_eq(opened.expose(), secret.expose().as_bytes()));
        }
        Ok(self.secrets().first().is_some_and(|known| known.digest == secret.digest()))
    }

    /// `tls_client_auth` by what the certificate says.
    #[must_use]
    pub const fn tls(subject: CertificateSubject) -> Self {
        Self::TlsClientAuth { subject }
    }

    /// `self_signed_tls_client_auth` with these certificates.
    #[must_use]
    pub fn self_signed_tls(certificates: impl IntoIterator<Item = CertificateThumbprint>) -> Self {
        Self::SelfSignedTlsClientAuth { certificates: certificates.into_iter().collect() }
    }

    /// `attest_jwt_client_auth` with the keys of those whose word counts.
    #[cfg(feature = "draft-attested-clients")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-attested-clients")))]
    #[must_use]
    pub const fn attested(attesters: ClientKeys) -> Self {
        Self::AttestJwtClientAuth { attesters }
    }

    /// At most this many certificates at once.
    pub const MAX_CERTIFICATES: usize = 8;

    /// The method.
    #[must_use]
    pub const fn method(&self) -> AuthMethod {
        match self {
            Self::None => AuthMethod::None,
            Self::ClientSecretBasic { .. } => AuthMethod::ClientSecretBasic,
            Self::ClientSecretPost { .. } => AuthMethod::ClientSecretPost,
            Self::PrivateKeyJwt { .. } => AuthMethod::PrivateKeyJwt,
            Self::ClientSecretJwt { .. } => AuthMethod::ClientSecretJwt,
            Self::TlsClientAuth { .. } => AuthMethod::TlsClientAuth,
            Self::SelfSignedTlsClientAuth { .. } => AuthMethod::SelfSignedTlsClientAuth,
            #[cfg(feature = "draft-attested-clients")]
            Self::AttestJwtClientAuth { .. } => AuthMethod::AttestJwtClientAuth,
        }
    }

    /// The digests of the accepted secrets; empty when the method has none.
    #[must_use]
    pub fn secrets(&self) -> &[SecretDigest] {
        match self {
            Self::ClientSecretBasic { secrets } | Self::ClientSecretPost { secrets } => secrets,
            _ => &[],
        }
    }
}

/// A client authentication method, by its
/// [registered name](https://www.iana.org/assignments/oauth-parameters/oauth-parameters.xhtml#token-endpoint-auth-method).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthMethod {
    /// `none`.
    None,
    /// `client_secret_basic`.
    ClientSecretBasic,
    /// `client_secret_post`.
    ClientSecretPost,
    /// `private_key_jwt`.
    PrivateKeyJwt,
    /// `client_secret_jwt`.
    ClientSecretJwt,
    /// `tls_client_auth`.
    TlsClientAuth,
    /// `self_signed_tls_client_auth`.
    SelfSignedTlsClientAuth,
    /// `attest_jwt_client_auth`.
    #[cfg(feature = "draft-attested-clients")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-attested-clients")))]
    AttestJwtClientAuth,
}

impl AuthMethod {
    /// Every method that this library supports.
    pub const ALL: &[Self] = &[
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::ClientSecretJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        #[cfg(feature = "draft-attested-clients")]
        Self::AttestJwtClientAuth,
    ];

    /// The methods that are on unless others are configured: those that need nothing of the host, and no secret in the clear.
    pub const DEFAULT: [Self; 4] =
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// The methods of [mutual TLS](crate::mtls), which are on when that is.
    pub const MUTUAL_TLS: [Self; 2] = [Self::TlsClientAuth, Self::SelfSignedTlsClientAuth];

    /// The method with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.as_str() == name)
    }

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            #[cfg(feature = "draft-attested-clients")]
            Self::AttestJwtClientAuth => "attest_jwt_client_auth",
        }
    }
}

/// What client secrets are sealed for.
pub(crate) const SECRET_PURPOSE: &str = "oauth.client-secret";

/// The digest of a client secret, and until when the secret is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecretDigest {
    /// The SHA-256 digest.
    pub digest: TokenDigest,
    /// From when the secret is refused; `None` never.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub expires_at: Option<OffsetDateTime>,
}

impl SecretDigest {
    /// A digest that does not expire.
    #[must_use]
    pub const fn new(digest: TokenDigest) -> Self {
        Self { digest, expires_at: None }
    }

    /// Sets when the secret ends.
    #[must_use]
    pub const fn with_expiry(mut self, expires_at: OffsetDateTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }
}

/// A client secret: at least 256 bits, so that its plain SHA-256 digest cannot be searched.
///
/// ```
/// use ciam_core::entropy::SystemEntropy;
/// use ciam_oauth::client::ClientSecret;
///
/// let secret = ClientSecret::generate(&SystemEntropy::new())?;
/// assert_eq!(secret.expose().len(), 43);
/// assert!(ClientSecret::new("hunter2").is_err());
/// # Ok::<(), ciam_core::error::PortError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientSecret(Secret);

impl ClientSecret {
    /// A secret has at least this many characters: what 256 bits take in base64url.
    pub const MIN_LENGTH: usize = 43;
    /// A secret has at most this many characters.
    pub const MAX_LENGTH: usize = 256;

    /// Makes a secret of 256 random bits.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, PortError> {
        Secret::random(entropy).map(Self)
    }

    /// Takes a secret that was made elsewhere.
    ///
    /// # Security
    ///
    /// The length is checked; the randomness cannot be. Make secrets with [`generate`](Self::generate) or
    /// `openssl rand -base64 33`, never by hand.
    ///
    /// # Errors
    ///
    /// Fails when the text is not [`MIN_LENGTH`](Self::MIN_LENGTH) to [`MAX_LENGTH`](Self::MAX_LENGTH) printable ASCII
    /// characters.
    pub fn new(text: impl Into<Secret>) -> Result<Self, WeakSecret> {
        let secret = text.into();
        let length = secret.expose().len();
        let printable = secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&length) {
            Ok(Self(secret))
        } else {
            Err(WeakSecret)
        }
    }

    /// The text, to be given to the client once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The digest under which it is stored.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        self.0.digest()
    }
}

/// The text cannot be a client secret: 43 to 256 printable ASCII characters without spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client secret needs 43 to 256 printable ASCII characters, at random")]
#[non_exhaustive]
pub struct WeakSecret;

/// Where a client's public keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientKeys {
    /// A JWK Set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), by value.
    Jwks(Value),
    /// The `https` address of one, fetched when needed and cached.
    JwksUri(String),
}
