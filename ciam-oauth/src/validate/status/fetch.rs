//! Fetching a list, and finding out whether it is one.

use bytes::Bytes;
use ciam_core::jose::{JwsError, JwsLimits, NumericDate, TokenType, Verifier};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use serde::Deserialize;
use time::Duration;

use super::{Fetch, Kept, StatusChecker};
use crate::status_list::{MEDIA_TYPE, StatusBits, StatusList, TYP};
use crate::validate::trust::Trusted;

/// The claims of a Status List Token (section 5.1 of the draft).
#[derive(Deserialize)]
struct ListClaims {
    sub: String,
    #[serde(default)]
    iss: Option<String>,
    iat: NumericDate,
    #[serde(default)]
    exp: Option<NumericDate>,
    #[serde(default)]
    ttl: Option<u64>,
    status_list: ListMembers,
}

#[derive(Deserialize)]
struct ListMembers {
    bits: u64,
    lst: String,
}

/// By how much the issuer's clock may be ahead.
const SKEW: Duration = Duration::MINUTE;

impl StatusChecker {
    /// The list at an address; `None` when it cannot be had, or is not one of this issuer's for this address.
    pub(super) async fn fetch(&self, trusted: &Trusted, uri: &str, fetch: Fetch) -> Option<Kept> {
        let request = Request::get(uri).header(ACCEPT, MEDIA_TYPE).body(Bytes::new()).ok()?;
        let response = self.inner.outbound.send(request).await.ok()?;
        let is_list = response.headers().get(CONTENT_TYPE).is_some_and(is_list_type);
        if response.status() != StatusCode::OK || !is_list {
            return None;
        }
        let text = std::str::from_utf8(response.body()).ok()?.trim_ascii();
        let claims = self.verified(trusted, text, fetch).await?;
        self.read(trusted, uri, &claims, fetch)
    }

    /// What a token says that the issuer signed as a Status List Token.
    async fn verified(&self, trusted: &Trusted, text: &str, fetch: Fetch) -> Option<ListClaims> {
        let limits = JwsLimits::new(self.inner.policy.max_token, JwsLimits::default().header);
        let verifier = Verifier::new(fetch.algorithms, TokenType::exactly(TYP)).with_limits(limits);
        let keys = trusted.keys().await.ok()?;
        match verifier.verify(text, &keys) {
            Ok(verified) => verified.claims().ok(),
            Err(JwsError::UnknownKey) => {
                let newer = trusted.keys_after(&keys).await.ok()??;
                verifier.verify(text, &newer).ok()?.claims().ok()
            }
            Err(_) => None,
        }
    }

    fn read(&self, trusted: &Trusted, uri: &str, claims: &ListClaims, fetch: Fetch) -> Option<Kept> {
        let (policy, now) = (&self.inner.policy, fetch.now);
        let issuer = trusted.issuer.as_str();
        let expires_at = claims.exp.map(NumericDate::get);
        let fits = claims.sub == uri
            && claims.iss.as_deref().is_none_or(|named| named == issuer)
            && claims.iat.get() - now <= SKEW
            && expires_at.is_none_or(|end| now < end);
        if !fits {
            return None;
        }
        let ttl = match claims.ttl {
            None => policy.default_ttl,
            Some(0) => return None,
            Some(seconds) => i64::try_from(seconds).map_or(policy.max_ttl, Duration::seconds),
        };
        let ttl = ttl.min(policy.max_ttl);
        let bits = StatusBits::from_count(claims.status_list.bits)?;
        let list = StatusList::decompress(bits, &claims.status_list.lst, policy.max_list).ok()?;
        let until = now.saturating_add(ttl).saturating_add(policy.stale_for);
        Some(Kept {
            issuer: issuer.into(),
            list,
            issued_at: claims.iat.get(),
            due_at: now.saturating_add(ttl - ttl / 4),
            usable_until: expires_at.map_or(until, |end| until.min(end)),
        })
    }
}

fn is_list_type(value: &HeaderValue) -> bool {
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(MEDIA_TYPE)
}
