//! Who somebody is at a provider, whatever the provider speaks: one type, and so one policy for whose account that is.

use std::fmt;

use ciam_core::account::federated::UpstreamIdentity;
use ciam_core::account::{IdentifierKey, Profile};
use ciam_core::assurance::Acr;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use url::Url;

use super::id_token::IdTokenClaims;

/// A person as a provider knows them, after its answer was checked.
///
/// Two people are the same when [`issuer`](Self::issuer) and [`subject`](Self::subject) are, and by nothing else: an address
/// can be given to somebody else, and anybody can write one down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The provider: the issuer of the ID token, or the name under which a provider without ID tokens is known.
    pub issuer: String,
    /// The provider's own, lasting name for the person.
    pub subject: String,
    /// The address, and whether the provider's word for it is taken.
    pub email: Option<EmailAddress>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// A picture: an `https` address.
    pub picture: Option<String>,
    /// The tenant or the hosted domain of the provider that the person belongs to.
    pub tenant: Option<String>,
    /// When the person was authenticated, if the provider says it.
    pub auth_time: Option<OffsetDateTime>,
    /// The level of assurance, as the provider calls it.
    pub acr: Option<String>,
    /// The methods, as the provider names them.
    pub amr: Vec<String>,
}

/// An address of a person at a provider.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmailAddress {
    /// The address, as the provider writes it.
    pub address: String,
    /// Whether the provider has verified it, and is trusted to have done so. An address that is not is good to fill in a form
    /// with, and for nothing else.
    pub verified: bool,
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailAddress").field("verified", &self.verified).finish_non_exhaustive()
    }
}

/// When the provider's word for an address is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailRule {
    /// When `email_verified` is `true`
    /// ([OpenID Connect Core, section 5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims)).
    #[default]
    Claimed,
    /// When `email_verified` is `true`, or the text `"true"`, as Apple and Cognito write it.
    ClaimedOrText,
    /// When `email_verified` is `true` and the provider is the one that gives the address out: it ends in `@gmail.com`, or
    /// there is an `hd`
    /// ([Google: verify the ID token](https://developers.google.com/identity/gsi/web/guides/verify-google-id-token)).
    Hosted,
    /// When `xms_edov` says that the owner of the address's domain has proved it. `email` alone is what a tenant's
    /// administrator has typed
    /// ([Microsoft: migrate away from using email claims](https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization)).
    DomainOwnerVerified,
    /// Never.
    Never,
}

/// By which claims a provider vouches for the address that stands beside them.
pub(super) const VOUCHING: [&str; 2] = ["email_verified", "xms_edov"];

impl EmailRule {
    /// Whether the claims say of this address, by this rule, that it is verified.
    fn holds(self, address: &str, claims: &Map<String, Value>) -> bool {
        let verified = claims.get("email_verified");
        let claimed = verified == Some(&Value::Bool(true));
        match self {
            Self::Claimed => claimed,
            Self::ClaimedOrText => claimed || verified.and_then(Value::as_str) == Some("true"),
            Self::Hosted => {
                let own = address.to_ascii_lowercase().ends_with("@gmail.com");
                let hosted = claims.get("hd").and_then(Value::as_str).is_some_and(|hd| !hd.is_empty());
                claimed && (own || hosted)
            }
            Self::DomainOwnerVerified => match claims.get("xms_edov") {
                Some(Value::Bool(yes)) => *yes,
                Some(Value::String(text)) => text == "1" || text == "true",
                Some(Value::Number(number)) => number.as_u64() == Some(1),
                _ => false,
            },
            Self::Never => false,
        }
    }
}

impl Identity {
    /// Somebody of whom nothing else is known.
    #[must_use]
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            email: None,
            name: None,
            given_name: None,
            family_name: None,
            picture: None,
            tenant: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
        }
    }

    /// The person of an ID token that was checked. `said` is what is known of them: the token's claims, and those of UserInfo
    /// where that was asked.
    #[must_use]
    pub fn of_claims(claims: &IdTokenClaims, said: &Map<String, Value>, rule: EmailRule) -> Self {
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        // Where somebody belongs is what was signed, and nothing else.
        let signed = |name: &str| claims.all.get(name).and_then(Value::as_str).map(str::to_owned);
        let email = text("email").and_then(|address| email(address, rule.holds(address, said)));
        Self {
            email,
            name: text("name").and_then(short),
            given_name: text("given_name").and_then(short),
            family_name: text("family_name").and_then(short),
            picture: text("picture").and_then(picture),
            tenant: signed("tid").or_else(|| signed("hd")),
            auth_time: claims.auth_time,
            acr: claims.acr.clone().filter(|acr| acr.len() <= MAX_TEXT),
            amr: claims.amr.clone(),
            ..Self::new(&*claims.issuer, &*claims.subject)
        }
    }

    /// The same person for [`Accounts::join`](ciam_core::account::Accounts::join), which decides whose account that is. Only an
    /// address that is verified goes along. The provider counts for one factor, whatever it says of its own.
    #[must_use]
    pub fn upstream(&self, now: OffsetDateTime) -> UpstreamIdentity {
        let at = self.auth_time.map_or(now, |at| at.min(now));
        let mut identity = UpstreamIdentity::new(&*self.issuer, &*self.subject, at);
        let verified = self.email.as_ref().filter(|email| email.verified);
        if let Some(email) = verified.and_then(|email| IdentifierKey::email(&email.address).ok()) {
            identity = identity.with_verified_email(email);
        }
        let mut profile = Profile::new();
        let names =
            [("name", &self.name), ("given_name", &self.given_name), ("family_name", &self.family_name)];
        for (name, value) in names {
            if let Some(value) = value {
                // What does not fit is left out.
                let _left_out = profile.set(name, value.as_str());
            }
        }
        identity = identity.with_profile(profile);
        match &self.acr {
            Some(acr) => identity.with_acr(&Acr::new(acr.as_str())),
            None => identity,
        }
    }
}

/// The longest name, in bytes.
const MAX_TEXT: usize = 256;
/// The longest address of a picture, in bytes.
const MAX_PICTURE: usize = 2_048;
/// The longest e-mail address, in bytes
/// ([RFC 5321, section 4.5.3.1.3](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3)).
const MAX_EMAIL: usize = 254;

/// A name that can be shown; what cannot is left out.
pub(super) fn short(text: &str) -> Option<String> {
    let text = text.trim();
    let shown = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    shown.then(|| text.to_owned())
}

/// A picture that a page may load; another is left out.
pub(super) fn picture(text: &str) -> Option<String> {
    let good = text.len() <= MAX_PICTURE && Url::parse(text).is_ok_and(|url| url.scheme() == "https");
    good.then(|| text.to_owned())
}

/// An address of the right form; another is none.
pub(super) fn email(address: &str, verified: bool) -> Option<EmailAddress> {
    let good = address.len() <= MAX_EMAIL && IdentifierKey::email(address).is_ok();
    good.then(|| EmailAddress { address: address.to_owned(), verified })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verified(rule: EmailRule, claims: &Value) -> bool {
        let claims = claims.as_object().cloned().unwrap();
        rule.holds(claims["email"].as_str().unwrap(), &claims)
    }

    #[test]
    fn an_address_is_verified_by_the_rule_of_its_provider_and_by_no_other() {
        use EmailRule::{Claimed, ClaimedOrText, DomainOwnerVerified, Hosted, Never};
        let own = "ada@example.com";
        let all = [Claimed, ClaimedOrText, Hosted, DomainOwnerVerified, Never];
        let by = |claims: Value| -> Vec<EmailRule> {
            all.into_iter().filter(|rule| verified(*rule, &claims)).collect()
        };
        assert_eq!(by(json!({ "email": own })), []);
        assert_eq!(by(json!({ "email": own, "email_verified": false })), []);
        assert_eq!(by(json!({ "email": own, "email_verified": 1 })), []);
        assert_eq!(by(json!({ "email": own, "email_verified": "false" })), []);
        assert_eq!(by(json!({ "email": own, "email_verified": "True" })), []);
        assert_eq!(by(json!({ "email": own, "email_verified": true })), [Claimed, ClaimedOrText]);
        assert_eq!(by(json!({ "email": own, "email_verified": "true" })), [ClaimedOrText]);
        // An address elsewhere, which somebody had when they signed up, may be somebody else's today.
        let hosted = json!({ "email": own, "email_verified": true, "hd": "example.com" });
        assert_eq!(by(hosted), [Claimed, ClaimedOrText, Hosted]);
        assert_eq!(by(json!({ "email": own, "hd": "example.com" })), []);
        for hd in [json!(""), json!(true), json!(["example.com"])] {
            let claims = json!({ "email": own, "email_verified": true, "hd": hd });
            assert_eq!(by(claims), [Claimed, ClaimedOrText], "{hd}");
        }
        let gmail = |address: &str| json!({ "email": address, "email_verified": true });
        assert_eq!(by(gmail("ada@GMAIL.com")), [Claimed, ClaimedOrText, Hosted]);
        assert_eq!(by(gmail("ada@gmail.com.evil.example")), [Claimed, ClaimedOrText]);
        assert_eq!(by(gmail("ada@notgmail.com")), [Claimed, ClaimedOrText]);
        for yes in [json!(true), json!("1"), json!("true"), json!(1)] {
            assert_eq!(by(json!({ "email": own, "xms_edov": yes })), [DomainOwnerVerified], "{yes}");
        }
        for no in [json!(false), json!("0"), json!(""), json!(0), json!(1.0), json!([true]), json!(null)] {
            assert_eq!(by(json!({ "email": own, "xms_edov": no })), [], "{no}");
        }
    }

    #[test]
    fn only_a_verified_address_goes_along_and_what_cannot_be_shown_is_left_out() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut identity = Identity::new("https://up.example", "1");
        identity.email = email("Ada@Example.com", false);
        assert!(identity.upstream(now).verified_email.is_none());
        identity.email = email("Ada@Example.com", true);
        assert_eq!(identity.upstream(now).verified_email.unwrap().as_str(), "ada@example.com");
        for bad in ["nonsense", "", "a@b@c", &format!("{}@example.com", "x".repeat(250))] {
            assert!(email(bad, true).is_none(), "{bad}");
        }
        assert_eq!(short(" Ada "), Some("Ada".to_owned()));
        for bad in ["", "  ", "a\u{0}b", "a\nb", &"x".repeat(257)] {
            assert_eq!(short(bad), None, "{bad:?}");
        }
        assert!(picture("https://img.example/a.png").is_some());
        for bad in ["http://img.example/a.png", "javascript:alert(1)", "data:image/png;base64,AA", "/a.png"] {
            assert_eq!(picture(bad), None, "{bad}");
        }
        let of_length = |length: usize| picture(&format!("https://img.example/{}", "x".repeat(length - 20)));
        assert_eq!((of_length(MAX_PICTURE).is_some(), of_length(MAX_PICTURE + 1)), (true, None));
        assert!(email(&format!("{}ada@example.com", " ".repeat(MAX_EMAIL)), true).is_none());
    }

    #[test]
    fn where_somebody_belongs_was_signed_and_nobody_was_authenticated_in_the_future() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let map = |claims: Value| claims.as_object().cloned().unwrap();
        let mut claims = IdTokenClaims {
            issuer: "https://up.example".to_owned(),
            subject: "1".to_owned(),
            session: None,
            auth_time: Some(now + time::Duration::SECOND),
            acr: Some("x".repeat(MAX_TEXT)),
            amr: Vec::new(),
            all: map(json!({ "sub": "1" })),
        };
        let said = map(json!({ "sub": "1", "tid": "theirs", "hd": "example.com" }));
        let identity = Identity::of_claims(&claims, &said, EmailRule::Claimed);
        assert_eq!(identity.tenant, None, "it stands in nothing that was signed");
        assert!(identity.acr.is_some());
        assert_eq!(identity.upstream(now).proofs[0].at, now);
        claims.acr = Some("x".repeat(MAX_TEXT + 1));
        claims.all = map(json!({ "sub": "1", "hd": "example.org" }));
        let identity = Identity::of_claims(&claims, &said, EmailRule::Claimed);
        assert_eq!((identity.tenant.as_deref(), identity.acr), (Some("example.org"), None));
    }
}
