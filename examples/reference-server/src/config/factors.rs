//! Further factors, as they are configured.

use ciam_core::journey::EnrolmentPolicy;
use ciam_mfa::{otp::TotpFactor, webauthn::PasskeyFactor};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use super::{Span, checks::Refused};

/// Further factors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorSettings {
    /// Everybody must have one of these: `passkey`, `totp`. Default: nobody must.
    #[serde(default)]
    pub required: Vec<String>,
    /// From when on, as a moment of RFC 3339. Default: always.
    pub since: Option<String>,
    /// How long people may put it off. Default: not at all.
    pub grace: Option<Span>,
    /// Pages of other domains that may ask for our passkeys.
    #[serde(default)]
    pub related_origins: Vec<Url>,
}

/// Further factors, as they are demanded and accepted.
#[derive(Clone, Debug, Default)]
pub struct FactorRules {
    /// Whether everybody must have one.
    pub enrolment: EnrolmentPolicy,
    /// Pages of other domains that may ask for our passkeys.
    pub related_origins: Vec<Url>,
}

impl FactorRules {
    /// What the file says.
    pub(super) fn from_file(file: &FactorSettings) -> Result<Self, Vec<Refused>> {
        let mut refused: Vec<Refused> = Vec::new();
        for name in &file.required {
            if ![PasskeyFactor::NAME, TotpFactor::NAME].contains(&name.as_str()) {
                refused.push(("required", format!("`{name}` must be passkey or totp")));
            }
        }
        let mut enrolment = EnrolmentPolicy::any_of(file.required.iter().cloned());
        if let Some(since) = &file.since {
            match OffsetDateTime::parse(since, &Rfc3339) {
                Ok(since) => enrolment = enrolment.since(since),
                Err(_) => refused.push(("since", "must be a moment such as 2026-12-01T00:00:00Z".to_owned())),
            }
        }
        if let Some(grace) = file.grace {
            enrolment = enrolment.with_grace(grace.time());
        }
        if file.required.is_empty() && (file.since.is_some() || file.grace.is_some()) {
            refused.push(("required", "must name factors where since or grace is given".to_owned()));
        }
        for origin in &file.related_origins {
            if origin.scheme() != "https" || origin.path() != "/" || origin.host_str().is_none() {
                refused.push(("related_origins", format!("`{origin}` must be https and a host")));
            }
        }
        let rules = Self { enrolment, related_origins: file.related_origins.clone() };
        if refused.is_empty() { Ok(rules) } else { Err(refused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_demanded_is_refused_with_its_key() {
        let keys = |text: &str| {
            let file: FactorSettings = toml::from_str(text).unwrap();
            let refused = FactorRules::from_file(&file).err().unwrap_or_default();
            refused.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert!(keys("").is_empty());
        let whole = "required = [\"passkey\", \"totp\"]\nsince = \"2026-12-01T00:00:00Z\"\ngrace = \"14d\"\n\
                     related_origins = [\"https://example.de\"]";
        assert!(keys(whole).is_empty());
        assert_eq!(keys("required = [\"sms\"]"), ["required"]);
        assert_eq!(keys("required = [\"totp\"]\nsince = \"tomorrow\""), ["since"]);
        assert_eq!(keys("grace = \"14d\""), ["required"]);
        assert_eq!(keys("related_origins = [\"http://example.de\"]"), ["related_origins"]);
    }
}
