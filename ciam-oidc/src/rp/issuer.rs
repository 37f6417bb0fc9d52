//! Which issuers an ID token may name.

use serde_json::{Map, Value};

use super::config::RelyingPartyConfig;

/// Which issuers an ID token of a provider may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Issuers {
    /// The one of the registration.
    #[default]
    One,
    /// That one and these, which are other spellings of it: `accounts.google.com` without its scheme. Checked claims name the
    /// one of the registration.
    Also(Vec<String>),
    /// One for each tenant of the provider: the issuer of the registration has `{tenantid}` in it, in place of which stands
    /// the token's `tid`
    /// ([Microsoft: claims in ID tokens](https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference)).
    Tenants(Tenants),
}

/// Which tenants of a provider may sign people in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tenants {
    /// Any of them.
    ///
    /// # Security
    ///
    /// Anybody can have a tenant, and its administrator says what its people's addresses are. An account is known by issuer
    /// and subject together; an address from a tenant proves nothing of who owns it.
    Any,
    /// These, by their ids.
    Only(Vec<String>),
    /// Any but these, by their ids.
    AnyBut(Vec<String>),
}

impl Tenants {
    fn allow(&self, tenant: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(ids) => ids.iter().any(|id| id == tenant),
            Self::AnyBut(ids) => ids.iter().all(|id| id != tenant),
        }
    }
}

const PLACE: &str = "{tenantid}";

impl RelyingPartyConfig {
    /// The issuer that a token must name, for what it says of itself: the rule for the claim itself stays an equality.
    pub(super) fn issuer_for(&self, claims: &Map<String, Value>) -> Option<String> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        match &self.issuers {
            Issuers::One => Some(self.issuer.clone()),
            Issuers::Also(others) => {
                let other = text("iss").filter(|iss| others.iter().any(|known| known == iss));
                Some(other.unwrap_or(&self.issuer).to_owned())
            }
            Issuers::Tenants(tenants) => {
                let tenant = text("tid").filter(|tenant| is_id(tenant))?;
                tenants.allow(tenant).then(|| self.issuer.replace(PLACE, tenant))
            }
        }
    }

    /// Whether identities of this issuer come from this provider.
    pub(super) fn may_be_of(&self, issuer: &str) -> bool {
        match &self.issuers {
            Issuers::One | Issuers::Also(_) => self.issuer == issuer,
            Issuers::Tenants(tenants) => self.issuer.split_once(PLACE).is_some_and(|(before, after)| {
                let tenant = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                tenant.is_some_and(|tenant| is_id(tenant) && tenants.allow(tenant))
            }),
        }
    }

    /// The name under which the identities of an issuer are known.
    pub(super) fn known_as(&self, issuer: String) -> String {
        match self.issuers {
            Issuers::Also(_) => self.issuer.clone(),
            Issuers::One | Issuers::Tenants(_) => issuer,
        }
    }
}

/// Whether a text is the id of a tenant: nothing else may be put into an address.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rp::Authentication;

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    fn config(issuer: &str, issuers: Issuers) -> RelyingPartyConfig {
        let mut config = RelyingPartyConfig::new(issuer, "app", Authentication::None, "https://app.example/");
        config.issuers = issuers;
        config
    }

    fn issuer_for(config: &RelyingPartyConfig, claims: &Value) -> Option<String> {
        config.issuer_for(claims.as_object().unwrap())
    }

    #[test]
    fn a_tenants_issuer_is_made_of_its_id_and_nothing_else() {
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        let any = config(template, Issuers::Tenants(Tenants::Any));
        let made = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        assert_eq!(issuer_for(&any, &json!({ "tid": TENANT })), Some(made));
        for bad in [
            "",
            "{tenantid}",
            "../72f988bf-86f1-41af-91ab-2d7cd011d",
            "72F988BF-86F1-41AF-91AB-2D7CD011DB47",
            "72f988bf86f141af91ab2d7cd011db4712345",
            "72f988bf-86f1-41af-91ab-2d7cd011db4é",
            "72f988bf-86f1-41af-91ab-2d7cd011db4/",
            "72f988bf086f1041af091ab02d7cd011db47",
        ] {
            assert_eq!(issuer_for(&any, &json!({ "tid": bad })), None, "{bad}");
        }
        assert_eq!(issuer_for(&any, &json!({})), None);
        let other = config(template, Issuers::Tenants(Tenants::Only(vec!["x".to_owned()])));
        assert_eq!(issuer_for(&other, &json!({ "tid": TENANT })), None);
    }

    #[test]
    fn another_spelling_is_one_that_is_listed() {
        let google =
            config("https://accounts.google.com", Issuers::Also(vec!["accounts.google.com".to_owned()]));
        let of = |iss: &str| issuer_for(&google, &json!({ "iss": iss })).unwrap();
        assert_eq!(of("accounts.google.com"), "accounts.google.com");
        assert_eq!(of("https://evil.example"), "https://accounts.google.com");
        assert_eq!(google.known_as(of("accounts.google.com")), "https://accounts.google.com");
    }
}
