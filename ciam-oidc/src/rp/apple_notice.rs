//! Apple says what became of a person's account or address
//! ([Processing changes for Sign in with Apple accounts](https://developer.apple.com/documentation/signinwithapple/processing-changes-for-sign-in-with-apple-accounts)).
//!
//! The host takes the JSON that Apple posts to an address that is registered with it, has the `payload` checked here, and does
//! what follows: with [`AppleNotice::ends`] the sessions that began with this person's sign-in are over.

use ciam_core::error::PortError;
use ciam_core::jose::{NumericDate, RegisteredClaims, TokenType, VerifiedJws};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::RelyingParty;
use super::logout::LogoutToken;
use super::verify::Unverified;

/// What became of a person's account or address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppleNotice {
    /// The person, as ID tokens name them.
    pub subject: String,
    /// What happened.
    pub kind: AppleNoticeKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppleNoticeKind {
    /// Mail to the private address is not forwarded any more.
    EmailDisabled,
    /// Mail to the private address is forwarded again.
    EmailEnabled,
    /// The person does not sign in to the application with Apple any more.
    ConsentRevoked,
    /// The person has deleted their account at Apple.
    AccountDeleted,
}

impl AppleNotice {
    /// The sessions that are over with it, for [`RelyingParty::sessions_of`]: all of the person's, or none.
    #[must_use]
    pub fn ends(&self) -> Option<LogoutToken> {
        match self.kind {
            AppleNoticeKind::ConsentRevoked | AppleNoticeKind::AccountDeleted => {
                Some(LogoutToken { subject: Some(self.subject.clone()), session: None })
            }
            AppleNoticeKind::EmailDisabled | AppleNoticeKind::EmailEnabled => None,
        }
    }
}

/// Why a notice does nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppleNoticeError {
    /// It is not signed by Apple, not for this client, not of this time, or no notice.
    #[error("the notice does not hold")]
    Invalid,
    /// It was here before.
    #[error("the notice was here before")]
    Replayed,
    /// Apple's keys cannot be had: it may try again.
    #[error("the keys cannot be had")]
    Keys,
    /// A port failed.
    #[error("the notice cannot be processed now")]
    Port(#[from] PortError),
}

/// The oldest notice that is taken, and so how long one is remembered. Apple tries again for a while.
const OLDEST: Duration = Duration::days(7);

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    sub: String,
}

impl RelyingParty {
    /// Checks the `payload` that Apple posted, and takes it: a second time it is refused.
    ///
    /// # Errors
    ///
    /// Fails when it does not hold, when it was here before, and when the keys or a port cannot be had.
    ///
    /// # Security
    ///
    /// An ID token is no notice, though the same key signs it: a notice has events and no `nonce`.
    pub async fn check_apple_notice(&self, payload: &str) -> Result<AppleNotice, AppleNoticeError> {
        let typ = TokenType::exactly("JWT").or_absent();
        let (notice, jti) = match self.verified(payload, typ, |verified| self.checked_notice(verified)).await
        {
            Ok(checked) => checked.ok_or(AppleNoticeError::Invalid)?,
            Err(Unverified::Keys) => return Err(AppleNoticeError::Keys),
            Err(Unverified::Signature) => return Err(AppleNoticeError::Invalid),
        };
        if !self.is_first("oidc.rp.apple_notice", &jti, OLDEST).await? {
            return Err(AppleNoticeError::Replayed);
        }
        Ok(notice)
    }

    fn checked_notice(&self, verified: &VerifiedJws<'_>) -> Option<(AppleNotice, String)> {
        let (config, now) = (self.config(), self.ports().now());
        let mut registered: RegisteredClaims<'_> = verified.claims().ok()?;
        let all: Map<String, Value> = verified.claims().ok()?;
        // It need not say when it ends: it is as good as it is young.
        registered.exp = registered.exp.or_else(|| Some(NumericDate::from(now + config.clock_skew)));
        let rules = config.claim_rules(&config.issuer, config.in_audience());
        rules.check(&registered, now).ok()?;
        let issued = OffsetDateTime::from_unix_timestamp(all.get("iat")?.as_i64()?).ok()?;
        let jti = all.get("jti")?.as_str().filter(|jti| (1..=255).contains(&jti.len()))?;
        if now - issued > OLDEST || all.contains_key("nonce") {
            return None;
        }
        // A text, in which there is JSON.
        let event: Event = serde_json::from_str(all.get("events")?.as_str()?).ok()?;
        let kind = match event.kind.as_str() {
            "email-disabled" => AppleNoticeKind::EmailDisabled,
            "email-enabled" => AppleNoticeKind::EmailEnabled,
            "consent-revoked" => AppleNoticeKind::ConsentRevoked,
            "account-delete" | "account-deleted" => AppleNoticeKind::AccountDeleted,
            _ => return None,
        };
        let subject = Some(event.sub).filter(|sub| (1..=255).contains(&sub.len()))?;
        Some((AppleNotice { subject, kind }, jti.to_owned()))
    }
}
