//! JWT access tokens ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)).

use ciam_core::error::PortError;
use ciam_core::jose::{self, Algorithm, AlgorithmSet, CompactJws, TokenType, Verifier};
use ciam_core::secret::Secret;
use serde::de::DeserializeOwned;

use super::claims::AccessTokenClaims;
use crate::AuthorizationServer;
use crate::error::TokenError;
use crate::server::ResourceEncryption;

/// The `typ` of access tokens ([section 2.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.1)).
const TYP: &str = "at+jwt";

impl AuthorizationServer {
    pub(super) async fn sign_access_token(
        &self,
        alg: Algorithm,
        claims: &AccessTokenClaims,
    ) -> Result<Secret, TokenError> {
        let signer = self.keys().signer(alg).await.map_err(PortError::from)?;
        let token = jose::sign(&*signer, TYP, claims).await.map_err(PortError::from)?;
        Ok(Secret::new(token))
    }

    /// Encrypts a signed access token for its resource ([RFC 9068, section 2](https://www.rfc-editor.org/rfc/rfc9068#section-2),
    /// [RFC 7519, section 11.2](https://www.rfc-editor.org/rfc/rfc7519#section-11.2)).
    pub(super) async fn encrypt_access_token(
        &self,
        encryption: &ResourceEncryption,
        signed: &Secret,
    ) -> Result<Secret, TokenError> {
        let (keys, way) = (Some(&encryption.keys), encryption.encryption);
        Ok(Secret::new(self.encrypt_to(keys, way, Some("JWT"), signed.expose().as_bytes()).await?))
    }

    /// What a JWT access token of this server says; `None` when it is not one. Times are not looked at.
    pub(super) async fn verify_access_token(
        &self,
        token: &str,
    ) -> Result<Option<AccessTokenClaims>, PortError> {
        let claims = self.own_claims::<AccessTokenClaims>(token, TYP).await?;
        Ok(claims.filter(|claims| claims.iss == self.issuer().as_str()))
    }

    /// What a JWT of this type says that is signed with a key of this server; `None` when it is not one. No claim is looked at.
    pub(crate) async fn own_claims<T: DeserializeOwned>(
        &self,
        token: &str,
        typ: &'static str,
    ) -> Result<Option<T>, PortError> {
        let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly(typ));
        let Ok(parsed) = CompactJws::parse(token, verifier.limits()) else { return Ok(None) };
        let keys = self.keys().keys_for(parsed.header().kid.as_deref()).await?;
        let Ok(verified) = verifier.verify_parsed(parsed, keys.keys()) else { return Ok(None) };
        Ok(verified.claims::<T>().ok())
    }
}
