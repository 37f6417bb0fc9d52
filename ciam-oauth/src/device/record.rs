//! What is known of a device that waits.

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::id::AccountId;
use ciam_core::secret::Secret;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::authorize::AuthorizeRequest;
use crate::backchannel::SealedNotice;
use crate::client::ClientId;
use crate::grant::AuthorizationCode;

/// Which device an authorization request is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceReference {
    /// The code that the device shows, for the person to compare.
    pub user_code: String,
    /// Whom it is for, where that is known before: [backchannel authentication](crate::backchannel).
    #[serde(default)]
    pub person: Option<AccountId>,
    /// The name of the device's record, by the digest of its device code.
    pub(crate) record: String,
}

impl DeviceReference {
    pub(crate) fn new(user_code: String, device_code: &Secret) -> Self {
        Self { user_code, person: None, record: device_code.digest().to_text() }
    }

    pub(crate) fn key(&self) -> EphemeralKey {
        let kind = if self.person.is_some() { DeviceRecord::BACKCHANNEL } else { DeviceRecord::DEVICE };
        EphemeralKey::new(kind, self.record.clone())
    }

    /// Where the reference of a backchannel authentication is found by the handle that its person was given.
    pub(crate) fn handle(handle: &Secret) -> EphemeralKey {
        EphemeralKey::new("oauth.backchannel_handle", handle.digest().to_text())
    }
}

/// A device authorization, in the ephemeral store under the digest of its device code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeviceRecord {
    pub(crate) client: ClientId,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) state: DeviceState,
    /// What a client is told with that does not only poll.
    #[serde(default)]
    pub(crate) notice: Option<SealedNotice>,
}

/// How far a device authorization has come. Every step is a compare-and-swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeviceState {
    /// Nobody has answered.
    Pending(Box<AuthorizeRequest>),
    /// The person allowed it: this is what the device is given.
    Approved(Box<AuthorizationCode>),
    /// The person, or a rule, refused.
    Refused,
    /// The tokens were given out.
    Spent(Box<AuthorizationCode>),
}

impl DeviceRecord {
    /// How much longer than the code its record is kept, so that a device which asks late is told that it is late.
    pub(crate) const KEPT: Duration = Duration::minutes(10);

    /// S31: the same name under two kinds is two things.
    pub(crate) const DEVICE: &str = "oauth.device";
    pub(crate) const BACKCHANNEL: &str = "oauth.backchannel";

    pub(crate) fn key(kind: &'static str, secret: &Secret) -> EphemeralKey {
        EphemeralKey::new(kind, secret.digest().to_text())
    }

    /// How long the record is still kept.
    pub(crate) fn ttl(&self, now: OffsetDateTime) -> Duration {
        (self.expires_at - now).max(Duration::ZERO) + Self::KEPT
    }

    pub(crate) fn with_state(&self, state: DeviceState) -> Self {
        Self { state, ..self.clone() }
    }
}

/// When a device may ask again ([RFC 8628, section 3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PollState {
    /// In seconds.
    pub(crate) interval: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) not_before: OffsetDateTime,
}

impl PollState {
    /// How much longer the device waits each time that it did not.
    const STEP: i64 = 5;
    const MAX: i64 = 300;

    pub(crate) fn key(device_code: &Secret) -> EphemeralKey {
        EphemeralKey::new("oauth.device_poll", device_code.digest().to_text())
    }

    /// Decides about a poll at `now`: whether it was in time, and when the next one is.
    pub(crate) fn poll(before: Option<Self>, interval: Duration, now: OffsetDateTime) -> (bool, Self) {
        let waited = before.map_or_else(|| interval.whole_seconds(), |before| before.interval);
        let in_time = before.is_none_or(|before| now >= before.not_before);
        let interval = if in_time { waited } else { (waited + Self::STEP).min(Self::MAX) };
        (in_time, Self { interval, not_before: now + Duration::seconds(interval) })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// RFC 8628, section 3.5: `slow_down` adds five seconds for all requests that follow.
    #[test]
    fn rfc8628_3_5_a_device_that_does_not_wait_waits_longer() {
        let start = datetime!(2026-11-26 12:00 UTC);
        let at = |seconds: i64| start + Duration::seconds(seconds);
        let interval = Duration::seconds(5);
        let (in_time, first) = PollState::poll(None, interval, at(0));
        assert!(in_time);
        let (in_time, second) = PollState::poll(Some(first), interval, at(4));
        assert_eq!((in_time, second.interval), (false, 10));
        let (in_time, third) = PollState::poll(Some(second), interval, at(13));
        assert_eq!((in_time, third.interval), (false, 15));
        let (in_time, fourth) = PollState::poll(Some(third), interval, at(28));
        assert_eq!((in_time, fourth.interval), (true, 15));
        assert_eq!(fourth.not_before, at(43));
        let hasty = (0..1000).fold(fourth, |state, _| PollState::poll(Some(state), interval, at(28)).1);
        assert_eq!(hasty.interval, PollState::MAX);
    }
}
