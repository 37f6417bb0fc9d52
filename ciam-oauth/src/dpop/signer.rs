//! Making proofs, as a client does.

use std::sync::Arc;

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::jose::{LocalSigner, PublicJwk, Signer, sign_with_header};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use http::Method;
use serde_json::{Map, Value, json};

use crate::confirmation::JwkThumbprint;

/// A client's key for DPoP: signs a proof for each request
/// ([RFC 9449, section 4.2](https://www.rfc-editor.org/rfc/rfc9449#section-4.2)).
#[derive(Clone, Debug)]
pub struct DpopSigner {
    signer: Arc<dyn Signer>,
    key: PublicJwk,
}

impl DpopSigner {
    /// Proofs by a key in memory; `None` for a shared secret, which proves nothing.
    #[must_use]
    pub fn new(signer: LocalSigner) -> Option<Self> {
        let key = signer.public_jwk()?;
        Some(Self { signer: Arc::new(signer), key })
    }

    /// The thumbprint of the key, for `dpop_jkt`.
    #[must_use]
    pub fn thumbprint(&self) -> JwkThumbprint {
        JwkThumbprint::of(&self.key)
    }

    /// A proof for one request: its method, its address (query and fragment are left out), the server's last nonce, and the
    /// access token that the request carries.
    ///
    /// # Errors
    ///
    /// Fails when entropy or the signer does.
    pub async fn proof(
        &self,
        ports: &Ports,
        method: &Method,
        url: &str,
        nonce: Option<&str>,
        token: Option<&str>,
    ) -> Result<String, PortError> {
        let jti = Secret::random(ports.entropy())?;
        let htu = url.split(['?', '#']).next().unwrap_or_default();
        let mut claims = Map::new();
        claims.insert("jti".to_owned(), json!(jti.expose()));
        claims.insert("htm".to_owned(), json!(method.as_str()));
        claims.insert("htu".to_owned(), json!(htu));
        claims.insert("iat".to_owned(), json!(ports.now().unix_timestamp()));
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        if let Some(token) = token {
            let hash = crypto::sha256(token.as_bytes());
            claims.insert("ath".to_owned(), json!(base64url::encode(&hash)));
        }
        let mut header = Map::new();
        // Numbers alone: the key's name and use are nobody's business here.
        let jwk =
            serde_json::to_value(PublicJwk::new(self.key.key().clone())).map_err(PortError::permanent)?;
        header.insert("jwk".to_owned(), jwk);
        Ok(sign_with_header(&*self.signer, "dpop+jwt", &header, &Value::Object(claims)).await?)
    }
}
