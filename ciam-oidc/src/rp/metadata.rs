//! What a provider says about itself.

use ciam_core::outbound::{Outbound, OutboundError};
use serde::Deserialize;

/// Provider metadata, as far as a relying party uses it
/// ([OpenID Connect Discovery, section 3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProviderMetadata {
    /// The issuer, exactly as it was asked for.
    pub issuer: String,
    /// The authorization endpoint.
    pub authorization_endpoint: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// The UserInfo endpoint.
    pub userinfo_endpoint: Option<String>,
    /// The key set.
    pub jwks_uri: String,
    /// Where a person is signed out.
    pub end_session_endpoint: Option<String>,
    /// The pushed authorization request endpoint.
    pub pushed_authorization_request_endpoint: Option<String>,
    /// Whether authorization requests must be pushed.
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// The code challenge methods; a provider that names some must name `S256`.
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether every authorization response carries `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// The client authentication methods of the token endpoint.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// The algorithms that id_tokens are signed with.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Where clients register ([RFC 7591](https://www.rfc-editor.org/rfc/rfc7591)).
    pub registration_endpoint: Option<String>,
    /// The endpoints for clients with a certificate.
    #[serde(default)]
    pub mtls_endpoint_aliases: MtlsAliases,
}

/// The endpoints for clients that authenticate with the certificate of their connection
/// ([RFC 8705, section 5](https://www.rfc-editor.org/rfc/rfc8705#section-5)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MtlsAliases {
    /// The token endpoint.
    pub token_endpoint: Option<String>,
    /// The pushed authorization request endpoint.
    pub pushed_authorization_request_endpoint: Option<String>,
}

impl ProviderMetadata {
    /// Fetches and checks the metadata of an issuer.
    ///
    /// # Errors
    ///
    /// Fails when the document cannot be fetched by the outbound rules, when it is of another issuer, or when an endpoint
    /// in it is not on the web.
    ///
    /// # Security
    ///
    /// The `issuer` in the document must be, character by character, the one asked for: otherwise one provider could
    /// speak for another ([section 4.3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation)).
    pub async fn discover(outbound: &Outbound, issuer: &str) -> Result<Self, DiscoveryError> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        Self::discover_at(outbound, &url, issuer).await
    }

    /// Fetches the metadata of an issuer from another address than its own.
    ///
    /// # Errors
    ///
    /// As [`discover`](Self::discover).
    pub async fn discover_at(outbound: &Outbound, url: &str, issuer: &str) -> Result<Self, DiscoveryError> {
        let metadata: Self = outbound.get_json(url).await?;
        metadata.check(issuer)?;
        Ok(metadata)
    }

    fn check(&self, issuer: &str) -> Result<(), DiscoveryError> {
        if self.issuer != issuer {
            return Err(DiscoveryError::OtherIssuer);
        }
        let secure = issuer.starts_with("https://");
        let endpoints = [
            Some(&self.authorization_endpoint),
            Some(&self.token_endpoint),
            Some(&self.jwks_uri),
            self.registration_endpoint.as_ref(),
            self.mtls_endpoint_aliases.token_endpoint.as_ref(),
            self.mtls_endpoint_aliases.pushed_authorization_request_endpoint.as_ref(),
            self.userinfo_endpoint.as_ref(),
            self.end_session_endpoint.as_ref(),
            self.pushed_authorization_request_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            let url = url::Url::parse(endpoint).map_err(|_| DiscoveryError::Endpoint)?;
            let web = url.scheme() == "https" || (url.scheme() == "http" && !secure);
            if !web || url.fragment().is_some() {
                return Err(DiscoveryError::Endpoint);
            }
        }
        let methods = self.code_challenge_methods_supported.as_deref();
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(DiscoveryError::NoS256);
        }
        Ok(())
    }
}

/// A provider's metadata cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The document could not be fetched.
    #[error("the provider's metadata cannot be fetched")]
    Fetch(#[from] OutboundError),
    /// The document is of another issuer than the one asked for.
    #[error("the provider's metadata is of another issuer")]
    OtherIssuer,
    /// An endpoint is not an absolute web address, or is less secure than the issuer.
    #[error("an endpoint of the provider cannot be used")]
    Endpoint,
    /// The provider cannot do PKCE with S256.
    #[error("the provider does not support PKCE with S256")]
    NoS256,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(change: impl FnOnce(&mut serde_json::Value)) -> ProviderMetadata {
        let mut document = json!({
            "issuer": "https://login.example",
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://login.example/token",
            "jwks_uri": "https://login.example/jwks",
        });
        change(&mut document);
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn another_issuer_is_refused_to_the_last_character() {
        for other in ["https://login.example/", "https://LOGIN.example", "https://login.example.evil", ""] {
            let found = metadata(|document| document["issuer"] = json!(other));
            assert!(
                matches!(found.check("https://login.example"), Err(DiscoveryError::OtherIssuer)),
                "{other}"
            );
        }
    }

    #[test]
    fn endpoints_are_no_less_secure_than_the_issuer() {
        for bad in
            ["http://login.example/token", "javascript:alert(1)", "/token", "https://login.example/#x", ""]
        {
            let found = metadata(|document| document["token_endpoint"] = json!(bad));
            assert!(matches!(found.check("https://login.example"), Err(DiscoveryError::Endpoint)), "{bad}");
        }
    }

    #[test]
    fn a_provider_that_names_only_plain_is_refused() {
        let found = metadata(|document| document["code_challenge_methods_supported"] = json!(["plain"]));
        assert!(matches!(found.check("https://login.example"), Err(DiscoveryError::NoS256)));
        assert!(metadata(|_| {}).check("https://login.example").is_ok());
    }
}
