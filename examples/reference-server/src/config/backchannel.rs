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
    /// How often a person is asked in ten minutes, by all applications together. Default: 10.
    pub requests_per_person: Option<u64>,
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
    /// How often a person is asked in ten minutes, by all applications together.
    pub requests_per_person: u64,
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
        let requests_per_person = file.requests_per_person.unwrap_or(10);
        if !(1..=10_000).contains(&requests_per_person) {
            return Err(("backchannel", "`requests_per_person` must be between 1 and 10000".to_owned()));
        }
        let letters = file.letters.unwrap_or(true);
        Ok(Self { delivery, lifetime, longest, letters, requests_per_person })
    }
}
