//! What a client is told: the `WWW-Authenticate` header
//! ([RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).

use ciam_core::jose::{Algorithm, AlgorithmSet};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

use super::error::ValidateError;
use super::presented::Scheme;
use crate::dpop::{DPOP_NONCE, DpopError};

/// How a resource challenges: which schemes it has, and where its metadata are.
///
/// ```
/// use ciam_core::jose::{Algorithm, AlgorithmSet};
/// use ciam_oauth::validate::{Challenges, ValidateError};
///
/// let challenges = Challenges::new().with_dpop(AlgorithmSet::of(&[Algorithm::Es256]));
/// let headers = challenges.headers(None, &ValidateError::Missing);
/// let all: Vec<_> = headers.get_all("www-authenticate").iter().collect();
/// assert_eq!(all, ["Bearer", "DPoP algs=\"ES256\""]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenges {
    metadata: Option<String>,
    dpop: Option<AlgorithmSet>,
    bearer_is_off: bool,
}

impl Challenges {
    /// The scheme `Bearer`, without metadata.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the resource's metadata ([RFC 9728, section 5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)).
    #[must_use]
    pub fn with_metadata(mut self, url: Option<String>) -> Self {
        self.metadata = url;
        self
    }

    /// Adds the scheme `DPoP` with the algorithms that proofs may have
    /// ([RFC 9449, section 7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    #[must_use]
    pub const fn with_dpop(mut self, algorithms: AlgorithmSet) -> Self {
        self.dpop = Some(algorithms);
        self
    }

    /// Leaves the scheme `Bearer` out: every token must be bound.
    #[must_use]
    pub const fn without_bearer(mut self) -> Self {
        self.bearer_is_off = true;
        self
    }

    /// The headers of a refusal: one challenge for each scheme, the details in the one that the request used; the nonce that the
    /// next proof needs; when to try again, where that may help; and that it must not be cached.
    #[must_use]
    pub fn headers(&self, used: Option<Scheme>, error: &ValidateError) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let ValidateError::Proof(DpopError::UseNonce { nonce }) = error {
            headers.insert(DPOP_NONCE, nonce.clone());
        }
        if let Some(wait) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.whole_seconds()));
        }
        if error.status().is_server_error() {
            return headers;
        }
        // A bound token as a bearer token is answered in the scheme that it needs.
        let about = match (used, error) {
            (_, ValidateError::ProofRequired | ValidateError::Proof(_)) if self.dpop.is_some() => {
                Scheme::Dpop
            }
            (Some(Scheme::Dpop), _) if self.dpop.is_some() => Scheme::Dpop,
            _ if self.bearer_is_off && self.dpop.is_some() => Scheme::Dpop,
            _ => Scheme::Bearer,
        };
        let mut offered = vec![Scheme::Bearer];
        if self.bearer_is_off && self.dpop.is_some() {
            offered.clear();
        }
        offered.extend(self.dpop.map(|_| Scheme::Dpop));
        for scheme in offered {
            let said = if scheme == about { error } else { &ValidateError::Missing };
            headers.append(WWW_AUTHENTICATE, self.of(scheme, said));
        }
        headers
    }

    /// One challenge.
    pub(super) fn of(&self, scheme: Scheme, error: &ValidateError) -> HeaderValue {
        let mut parameters = Vec::new();
        if let Some(code) = error.code() {
            parameters.push(format!("error=\"{code}\""));
            parameters.push(format!("error_description=\"{}\"", error.description()));
        }
        parameters.extend(details(error));
        if scheme == Scheme::Dpop
            && let Some(algorithms) = self.dpop
        {
            let names: Vec<&str> = algorithms.iter().map(Algorithm::as_str).collect();
            parameters.push(format!("algs=\"{}\"", names.join(" ")));
        }
        if let Some(url) = self.metadata.as_deref().filter(|url| is_quotable(url)) {
            parameters.push(format!("resource_metadata=\"{url}\""));
        }
        let text = format!("{} {}", scheme.as_str(), parameters.join(", "));
        HeaderValue::from_str(text.trim_end()).unwrap_or_else(|_| HeaderValue::from_static(scheme.as_str()))
    }
}

/// What is needed.
fn details(error: &ValidateError) -> Vec<String> {
    let mut parameters = Vec::new();
    match error {
        ValidateError::InsufficientScope { required } => parameters.push(format!("scope=\"{required}\"")),
        ValidateError::InsufficientAuthentication { acr_values, max_age, scopes } => {
            let levels: Vec<&str> =
                acr_values.iter().map(String::as_str).filter(|level| is_quotable(level)).collect();
            if !levels.is_empty() {
                parameters.push(format!("acr_values=\"{}\"", levels.join(" ")));
            }
            if let Some(age) = max_age {
                parameters.push(format!("max_age=\"{}\"", age.whole_seconds().max(0)));
            }
            if !scopes.is_empty() {
                parameters.push(format!("scope=\"{scopes}\""));
            }
        }
        _ => {}
    }
    parameters
}

/// Whether a text can stand in a quoted string as it is. Scope values always can.
fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn challenges(used: Option<Scheme>, error: &ValidateError) -> Vec<String> {
        let both = Challenges::new().with_dpop(AlgorithmSet::of(&[Algorithm::Es256, Algorithm::EdDsa]));
        let headers = both.headers(used, error);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        headers.get_all(WWW_AUTHENTICATE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// RFC 9449, section 7.1: what went wrong is said in the scheme that was used, the other is offered.
    #[test]
    fn rfc9449_7_1_each_scheme_has_its_challenge() {
        assert_eq!(challenges(None, &ValidateError::Missing), ["Bearer", r#"DPoP algs="ES256 EdDSA""#]);
        let [bearer, dpop] = &*challenges(Some(Scheme::Bearer), &ValidateError::Expired) else { panic!() };
        assert!(bearer.starts_with("Bearer error=\"invalid_token\""), "{bearer}");
        assert_eq!(dpop, r#"DPoP algs="ES256 EdDSA""#);
        let [bearer, dpop] = &*challenges(Some(Scheme::Dpop), &ValidateError::Expired) else { panic!() };
        assert_eq!(bearer, "Bearer");
        assert!(dpop.starts_with("DPoP error=\"invalid_token\""), "{dpop}");
        let downgraded = challenges(Some(Scheme::Bearer), &ValidateError::ProofRequired);
        assert!(downgraded[1].starts_with("DPoP error=\"invalid_token\""), "{downgraded:?}");
        let bad = challenges(Some(Scheme::Dpop), &ValidateError::Proof(DpopError::Time));
        assert!(bad[1].starts_with("DPoP error=\"invalid_dpop_proof\""), "{bad:?}");
        let only = Challenges::new().with_dpop(AlgorithmSet::of(&[Algorithm::Es256])).without_bearer();
        let only = only.headers(Some(Scheme::Bearer), &ValidateError::NotBound);
        assert_eq!(only.get_all(WWW_AUTHENTICATE).iter().count(), 1);
        assert!(only[WWW_AUTHENTICATE].to_str().unwrap().starts_with("DPoP error="));
    }

    /// Where nobody can say whether a token is good, the client is not told that its token is bad: it would throw it away.
    #[test]
    fn what_cannot_be_decided_is_no_challenge() {
        let both = Challenges::new().with_dpop(AlgorithmSet::ASYMMETRIC);
        let headers = both.headers(Some(Scheme::Bearer), &ValidateError::StaleKeys);
        assert_eq!(headers[RETRY_AFTER], "30");
        assert!(!headers.contains_key(WWW_AUTHENTICATE));
        assert!(!both.headers(None, &ValidateError::Expired).contains_key(RETRY_AFTER));
    }

    /// RFC 9449, section 9: the nonce is in a header of its own.
    #[test]
    fn rfc9449_9_use_dpop_nonce() {
        let error = ValidateError::Proof(DpopError::UseNonce { nonce: HeaderValue::from_static("n-1") });
        let headers =
            Challenges::new().with_dpop(AlgorithmSet::ASYMMETRIC).headers(Some(Scheme::Dpop), &error);
        assert_eq!(headers[DPOP_NONCE], "n-1");
        let all: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().collect();
        assert!(all[1].to_str().unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
    }

    /// RFC 9470, section 3.
    #[test]
    fn rfc9470_3_step_up() {
        let error = ValidateError::InsufficientAuthentication {
            acr_values: vec!["urn:ciam:acr:aal2".to_owned(), "bad\"level".to_owned()],
            max_age: Some(Duration::minutes(5)),
            scopes: "orders:read".parse().unwrap(),
        };
        assert_eq!(error.status(), 401);
        assert_eq!(
            error.challenge(None),
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"another authentication is needed\", acr_values=\"urn:ciam:acr:aal2\", \
             max_age=\"300\", scope=\"orders:read\"",
        );
    }
}
