//! The metadata of a protected resource ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)): where clients find out whom
//! to ask for a token.

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, AlgorithmSet, Signer, sign};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use url::Url;

use super::binding::SenderConstraint;
use crate::issuer::Issuer;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;

/// The document that a protected resource publishes, and whose address its
/// [challenges](super::ValidateError::challenge) name.
///
/// ```
/// use ciam_oauth::validate::ResourceMetadata;
///
/// let metadata = ResourceMetadata::new("https://api.example/orders".parse()?, "https://id.example".parse()?)
///     .with_scopes("orders:read orders:write".parse()?);
/// assert_eq!(
///     metadata.url().as_deref(),
///     Some("https://api.example/.well-known/oauth-protected-resource/orders"),
/// );
/// assert_eq!(metadata.to_json()["authorization_servers"][0], "https://id.example");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceMetadata {
    resource: ResourceIndicator,
    issuers: Vec<Issuer>,
    scopes: ScopeSet,
    name: Option<String>,
    documentation: Option<String>,
    dpop: Option<AlgorithmSet>,
    constraint: SenderConstraint,
    jwks_uri: Option<String>,
}

impl ResourceMetadata {
    /// The `typ` of signed metadata: none is registered for them, so it is the plain one.
    pub(super) const SIGNED_TYPE: &'static str = "JWT";

    /// The metadata of a resource that accepts the tokens of an issuer, in the `Authorization` header.
    #[must_use]
    pub fn new(resource: ResourceIndicator, issuer: Issuer) -> Self {
        Self {
            resource,
            issuers: vec![issuer],
            scopes: ScopeSet::new(),
            name: None,
            documentation: None,
            dpop: None,
            constraint: SenderConstraint::None,
            jwks_uri: None,
        }
    }

    /// Adds an issuer whose tokens are accepted as well.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets the scope values that mean something at the resource.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sets the name for people.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the address of the documentation for developers.
    #[must_use]
    pub fn with_documentation(mut self, url: impl Into<String>) -> Self {
        self.documentation = Some(url.into());
        self
    }

    /// Sets with which algorithms DPoP proofs may be signed.
    #[must_use]
    pub const fn with_dpop(mut self, algorithms: AlgorithmSet) -> Self {
        self.dpop = Some(algorithms);
        self
    }

    /// Sets what tokens must be bound to.
    #[must_use]
    pub const fn with_sender_constraint(mut self, constraint: SenderConstraint) -> Self {
        self.constraint = constraint;
        self
    }

    /// Sets where the resource's public keys are: those that it signs its metadata with, and those that its access tokens are encrypted
    /// for.
    #[must_use]
    pub fn with_jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// The document with a JWT that says the same, signed by whoever attests it: `attester` is the resource itself, or somebody whom its
    /// clients trust ([RFC 9728, section 2.2](https://www.rfc-editor.org/rfc/rfc9728#section-2.2)). Clients that demand it read it with
    /// [`ResourceDiscovery::with_attester`](super::ResourceDiscovery::with_attester).
    ///
    /// ```
    /// use ciam_core::crypto;
    /// use ciam_core::jose::{Algorithm, LocalSigner};
    /// use ciam_oauth::validate::ResourceMetadata;
    /// use time::OffsetDateTime;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256)?;
    /// let metadata = ResourceMetadata::new("https://api.example".parse()?, "https://id.example".parse()?)
    ///     .with_jwks_uri("https://api.example/jwks");
    /// let document = metadata.to_signed_json(&key, "https://api.example", OffsetDateTime::UNIX_EPOCH).await?;
    /// assert!(document["signed_metadata"].is_string());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when the signer does.
    pub async fn to_signed_json(
        &self,
        signer: &dyn Signer,
        attester: &str,
        now: OffsetDateTime,
    ) -> Result<Value, PortError> {
        let mut document = self.members();
        let mut claims = document.clone();
        claims.insert("iss".to_owned(), json!(attester));
        claims.insert("iat".to_owned(), json!(now.unix_timestamp()));
        let signed = sign(signer, Self::SIGNED_TYPE, &claims).await.map_err(PortError::from)?;
        document.insert("signed_metadata".to_owned(), json!(signed));
        Ok(Value::Object(document))
    }

    /// [`response`](Self::response), with what [`to_signed_json`](Self::to_signed_json) makes.
    ///
    /// # Errors
    ///
    /// Fails when the signer does.
    pub async fn signed_response(
        &self,
        signer: &dyn Signer,
        attester: &str,
        now: OffsetDateTime,
    ) -> Result<Response<Bytes>, PortError> {
        Ok(publish(&self.to_signed_json(signer, attester, now).await?))
    }

    /// The path at which the document has to be published, at the host of the resource.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        Url::parse(&self.url()?).ok().map(|url| url.path().to_owned())
    }

    /// The document as an answer to `GET`. Everybody may read it, from other origins too.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        publish(&self.to_json())
    }

    /// Where the document has to be published, by the rule of
    /// [RFC 9728, section 3.1](https://www.rfc-editor.org/rfc/rfc9728#section-3.1): the well-known path stands between host
    /// and path. `None` when the resource's name is not a web address.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        well_known(&self.resource)
    }

    /// The document, to be sent as `application/json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.members())
    }

    fn members(&self) -> Map<String, Value> {
        let issuers: Vec<&str> = self.issuers.iter().map(Issuer::as_str).collect();
        let mut document = Map::new();
        document.insert("resource".to_owned(), json!(self.resource.as_str()));
        document.insert("authorization_servers".to_owned(), json!(issuers));
        document.insert("bearer_methods_supported".to_owned(), json!(["header"]));
        if !self.scopes.is_empty() {
            document.insert("scopes_supported".to_owned(), json!(self.scopes.to_strings()));
        }
        if let Some(algorithms) = self.dpop {
            let names: Vec<&str> = algorithms.iter().map(Algorithm::as_str).collect();
            document.insert("dpop_signing_alg_values_supported".to_owned(), json!(names));
        }
        match self.constraint {
            SenderConstraint::Dpop => {
                _ = document.insert("dpop_bound_access_tokens_required".to_owned(), json!(true))
            }
            SenderConstraint::MutualTls => {
                document.insert("tls_client_certificate_bound_access_tokens".to_owned(), json!(true));
            }
            SenderConstraint::None | SenderConstraint::Any => {}
        }
        let texts = [
            ("resource_name", &self.name),
            ("resource_documentation", &self.documentation),
            ("jwks_uri", &self.jwks_uri),
        ];
        for (member, text) in texts {
            document.extend(text.as_ref().map(|text| (member.to_owned(), json!(text))));
        }
        document
    }
}

/// Where the metadata of a resource are, by the rule of
/// [RFC 9728, section 3.1](https://www.rfc-editor.org/rfc/rfc9728#section-3.1).
pub(super) fn well_known(resource: &ResourceIndicator) -> Option<String> {
    let name = resource.as_str();
    let web = Url::parse(name).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    let (scheme, rest) = name.split_once("://").filter(|_| web)?;
    let host_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(host_end)?;
    let path = if path == "/" { "" } else { path };
    Some(format!("{scheme}://{host}/.well-known/oauth-protected-resource{path}"))
}

fn publish(document: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(document.to_string()));
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(resource: &str) -> ResourceMetadata {
        ResourceMetadata::new(resource.parse().unwrap(), "https://id.example".parse().unwrap())
    }

    #[test]
    fn rfc9728_3_1_location() {
        for (resource, url) in [
            ("https://api.example", Some("https://api.example/.well-known/oauth-protected-resource")),
            ("https://api.example/", Some("https://api.example/.well-known/oauth-protected-resource")),
            (
                "https://api.example:8443/a/b",
                Some("https://api.example:8443/.well-known/oauth-protected-resource/a/b"),
            ),
            (
                "https://api.example/a?b=c",
                Some("https://api.example/.well-known/oauth-protected-resource/a?b=c"),
            ),
            ("https://api.example?b=c", Some("https://api.example/.well-known/oauth-protected-resource?b=c")),
            ("urn:example:api", None),
        ] {
            assert_eq!(metadata(resource).url().as_deref(), url, "{resource}");
        }
    }

    #[test]
    fn rfc9728_2_members() {
        let document = metadata("https://api.example")
            .with_issuer("https://other.example".parse().unwrap())
            .with_scopes("b a".parse().unwrap())
            .with_name("Orders")
            .with_documentation("https://docs.example")
            .to_json();
        assert_eq!(
            document,
            json!({
                "resource": "https://api.example",
                "authorization_servers": ["https://id.example", "https://other.example"],
                "bearer_methods_supported": ["header"],
                "scopes_supported": ["a", "b"],
                "resource_name": "Orders",
                "resource_documentation": "https://docs.example",
            })
        );
        let bound = metadata("https://api.example/a")
            .with_dpop(AlgorithmSet::of(&[Algorithm::Es256]))
            .with_sender_constraint(SenderConstraint::Dpop);
        let document = bound.to_json();
        assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256"]));
        assert_eq!(document["dpop_bound_access_tokens_required"], json!(true));
        assert_eq!(bound.path().as_deref(), Some("/.well-known/oauth-protected-resource/a"));
        let response = bound.response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(*response.body(), document.to_string());
        let least = metadata("https://api.example").to_json();
        assert_eq!(least.as_object().unwrap().len(), 3, "what is empty is left out");
    }
}
