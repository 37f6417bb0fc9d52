//! An endpoint: where events go, which, and signed with what.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use crate::event::EventType;
use crate::outbound::OutboundPolicy;
use crate::store::{RecordKind, StoredRecord};
use crate::vault::Sealed;

/// The name of an endpoint: 1 to 64 lower-case letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookId(String);

impl WebhookId {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// Fails when it has another form.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWebhook> {
        let text = text.into();
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-' || it == '_';
        if (1..=64).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text))
        } else {
            Err(InvalidWebhook::Id)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebhookId {
    type Error = InvalidWebhook;

    fn try_from(text: String) -> Result<Self, InvalidWebhook> {
        Self::new(text)
    }
}

impl From<WebhookId> for String {
    fn from(id: WebhookId) -> Self {
        id.0
    }
}

/// Which events are meant: the name of one, `ciam.account.registered.v1`, or of a family, `ciam.account.*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventFilter(String);

impl EventFilter {
    /// Checks a filter.
    ///
    /// # Errors
    ///
    /// Fails when it is neither a name nor a family: a `*` stands at the end only, alone or after a dot.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWebhook> {
        let text = text.into();
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '.' || it == '_';
        let stem = text.strip_suffix('*').unwrap_or(&text);
        let family = stem.len() == text.len() || stem.is_empty() || stem.ends_with('.');
        if (1..=128).contains(&text.len()) && stem.chars().all(plain) && family {
            Ok(Self(text))
        } else {
            Err(InvalidWebhook::Filter)
        }
    }

    /// Whether an event is meant.
    #[must_use]
    pub fn matches(&self, event: &EventType) -> bool {
        match self.0.strip_suffix('*') {
            Some(family) => event.as_str().starts_with(family),
            None => event.as_str() == self.0,
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventFilter {
    type Error = InvalidWebhook;

    fn try_from(text: String) -> Result<Self, InvalidWebhook> {
        Self::new(text)
    }
}

impl From<EventFilter> for String {
    fn from(filter: EventFilter) -> Self {
        filter.0
    }
}

/// Why an endpoint cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWebhook {
    /// The name has another form.
    #[error("a webhook's id is 1 to 64 lower-case letters, digits, `-` and `_`")]
    Id,
    /// The URL is not one that requests may go to.
    #[error("a webhook's URL is an https URL without user name, password and fragment")]
    Url,
    /// The filter has another form.
    #[error("an event filter is the name of an event, or of a family such as `ciam.account.*`")]
    Filter,
    /// There are too many filters.
    #[error("a webhook has at most 64 event filters")]
    TooManyFilters,
}

/// An endpoint as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookEndpoint {
    /// Its name.
    pub id: WebhookId,
    /// Where requests go.
    pub url: String,
    /// Which events it gets; all when there is none here.
    pub events: Vec<EventFilter>,
    /// Whether it gets events at present. What is queued for it waits.
    pub enabled: bool,
    /// The newest first.
    pub(super) secrets: Vec<StoredSecret>,
    /// Removed: what is queued for it is thrown away, until it is forgotten at this time.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) removed_until: Option<OffsetDateTime>,
}

/// A secret of an endpoint, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredSecret {
    pub(super) sealed: Sealed,
    /// Until when it signs; the newest does until it is replaced.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) until: Option<OffsetDateTime>,
}

impl WebhookEndpoint {
    /// At most this many filters.
    pub const MAX_FILTERS: usize = 64;

    /// The name under which the relay queues for it, and by which dead letters name it.
    #[must_use]
    pub fn destination(&self) -> String {
        format!("webhook:{}", self.id.as_str())
    }

    pub(super) fn wants(&self, event: &EventType) -> bool {
        let meant = self.events.is_empty() || self.events.iter().any(|filter| filter.matches(event));
        self.enabled && !self.is_removed() && meant
    }

    pub(super) const fn is_removed(&self) -> bool {
        self.removed_until.is_some()
    }

    /// The secrets that sign now.
    pub(super) fn live_secrets(&self, now: OffsetDateTime) -> impl Iterator<Item = &Sealed> {
        self.secrets.iter().filter(move |it| it.until.is_none_or(|until| until > now)).map(|it| &it.sealed)
    }
}

impl StoredRecord for WebhookEndpoint {
    const KIND: RecordKind = RecordKind::new("core.webhook_endpoint", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        self.removed_until
    }
}

/// Checks where requests are to go. What stands behind the name is checked again at each request.
pub(super) fn check_url(text: &str, policy: &OutboundPolicy) -> Result<(), InvalidWebhook> {
    let url = Url::parse(text).map_err(|_| InvalidWebhook::Url)?;
    let host = url.host_str().ok_or(InvalidWebhook::Url)?;
    let trusted = url.port_or_known_default().is_some_and(|port| policy.trusts(host, port));
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && trusted);
    if plain && scheme && text.len() <= policy.max_url { Ok(()) } else { Err(InvalidWebhook::Url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_one_event_or_a_family() {
        let registered = EventType::ACCOUNT_REGISTERED;
        for (filter, expected) in [
            ("ciam.account.registered.v1", true),
            ("ciam.account.*", true),
            ("*", true),
            ("ciam.account.registered.v2", false),
            ("ciam.accounts.*", false),
            ("ciam.account", false),
        ] {
            assert_eq!(EventFilter::new(filter).unwrap().matches(&registered), expected, "{filter}");
        }
        for text in ["", "ciam.acc*", "*.v1", "**", "Ciam", "ciam account", &"a".repeat(129)] {
            assert!(EventFilter::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn requests_go_to_https_or_to_where_the_host_said() {
        let policy = OutboundPolicy::default().dangerous_trust_host("localhost", 9000);
        for text in ["https://shop.example/hook?x=1", "http://localhost:9000/", "https://shop.example:8443/"]
        {
            check_url(text, &policy).unwrap();
        }
        let long = format!("https://shop.example/{}", "a".repeat(3_000));
        for text in [
            "",
            "shop.example",
            "http://shop.example/",
            "http://localhost:9001/",
            "https://u:p@shop.example/",
            "https://shop.example/#x",
            "ftp://shop.example/",
            &long,
        ] {
            assert!(check_url(text, &policy).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_plain() {
        WebhookId::new("crm-1_a").unwrap();
        for text in ["", "A", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(WebhookId::new(text).is_err(), "{text}");
        }
    }
}
