//! Sign-ins that applications start elsewhere, as configured.

use std::collections::BTreeSet;

use ciam_oauth::backchannel::Delivery;
use serde::Deserialize;
use time::Duration;

use super::Span;

/// Sign-ins that applications start elsewhere, in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackchannelSection {
    /// How applications may hear of the answer: `poll`, `ping`, `push`. Default: the first two.
    pub delivery: Option<BTreeSet<Delivery>>,
    /// How long a person has. Default: five minutes.
    pub lifetime: Option<Span>,
    /// Whether people are written to. Default yes; else they find what waits for them in their account.
    pub letters: Option<bool>,
}

/// Sign-ins that applications start elsewhere, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackchannelRules {
    /// How applications may hear of the answer.
    pub delivery: BTreeSet<Delivery>,
    /// How long a person has.
    pub lifetime: Duration,
    /// How long they have where an application asks for more.
    pub longest: Duration,
    /// Whether people are written to.
    pub letters: bool,
}

impl BackchannelRules {
    pub(super) fn from_file(file: &BackchannelSection) -> Result<Self, (&'static str, String)> {
        let delivery = file.delivery.clone();
        let delivery = delivery.unwrap_or_else(|| BTreeSet::from([Delivery::Poll, Delivery::Ping]));
        if delivery.is_empty() {
            return Err(("backchannel", "`delivery` names no way to hear of the answer".to_owned()));
        }
        let lifetime = file.lifetime.map_or(Duration::minutes(5), Span::time);
        if !(Duration::seconds(30)..=Duration::HOUR).contains(&lifetime) {
            return Err(("backchannel", "`lifetime` must be between 30s and 1h".to_owned()));
        }
        let longest = lifetime.max(Duration::minutes(10));
        Ok(Self { delivery, lifetime, longest, letters: file.letters.unwrap_or(true) })
    }
}
