//! Which hosted domains people must belong to, at a provider that says it in `hd`
//! ([Google: OpenID Connect](https://developers.google.com/identity/openid-connect/openid-connect#hd-param)).

use serde_json::{Map, Value};

use super::config::RelyingPartyConfig;

/// Which hosted domains people must belong to.
///
/// # Security
///
/// The `hd` of a request is a wish that the browser can take out again: what was asked for is checked in the ID token,
/// whether it was set here or among the [parameters](RelyingPartyConfig::parameters).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostedDomains {
    /// Nothing is asked for.
    #[default]
    Unasked,
    /// To any: no account of a person's own.
    Any,
    /// To one of these.
    Only(Vec<String>),
}

impl HostedDomains {
    /// The `hd` of an authorization request: one can be asked for, or any.
    pub(super) fn parameter(&self) -> Option<&str> {
        match self {
            Self::Unasked => None,
            Self::Any => Some("*"),
            Self::Only(domains) => match domains.as_slice() {
                [domain] => Some(domain),
                _ => Some("*"),
            },
        }
    }

    fn holds(&self, domain: Option<&str>) -> bool {
        match self {
            Self::Unasked => true,
            Self::Any => domain.is_some_and(|domain| !domain.is_empty()),
            Self::Only(domains) => {
                domain.is_some_and(|domain| domains.iter().any(|known| known.eq_ignore_ascii_case(domain)))
            }
        }
    }
}

impl RelyingPartyConfig {
    /// Whether an ID token is of a hosted domain that was asked for.
    pub(super) fn hosted_domain_holds(&self, claims: &Map<String, Value>) -> bool {
        let domain = claims.get("hd").and_then(Value::as_str);
        let by_parameter = self.parameters.iter().filter(|(name, _)| name == "hd").all(|(_, value)| {
            let asked = match value.as_str() {
                "*" => HostedDomains::Any,
                domain => HostedDomains::Only(vec![domain.to_owned()]),
            };
            asked.holds(domain)
        });
        by_parameter && self.hosted_domains.holds(domain)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rp::Authentication;

    #[test]
    fn what_was_asked_for_must_be_in_the_token() {
        let config = || RelyingPartyConfig::new("https://up.example", "web", Authentication::None, "x");
        let holds = |config: &RelyingPartyConfig, claims: Value| {
            config.hosted_domain_holds(claims.as_object().unwrap())
        };
        let only = HostedDomains::Only(vec!["example.com".to_owned(), "example.org".to_owned()]);
        let (unasked, any) = (config(), config().with_hosted_domains(HostedDomains::Any));
        let (only, wished) =
            (config().with_hosted_domains(only), config().with_parameter("hd", "example.com"));
        let wished_any = config().with_parameter("hd", "*");
        for (claims, expected) in [
            (json!({ "hd": "example.com" }), [true, true, true, true, true]),
            (json!({ "hd": "Example.COM" }), [true, true, true, true, true]),
            (json!({ "hd": "example.org" }), [true, true, true, false, true]),
            (json!({ "hd": "evil.example" }), [true, true, false, false, true]),
            (json!({ "hd": "example.com.evil.example" }), [true, true, false, false, true]),
            (json!({ "hd": "" }), [true, false, false, false, false]),
            (json!({ "hd": ["example.com"] }), [true, false, false, false, false]),
            (json!({ "hd": true }), [true, false, false, false, false]),
            (json!({}), [true, false, false, false, false]),
        ] {
            let found = [&unasked, &any, &only, &wished, &wished_any].map(|it| holds(it, claims.clone()));
            assert_eq!(found, expected, "{claims}");
        }
    }
}
