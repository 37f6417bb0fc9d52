//! What is learned of a sign-in, and of which.
//!
//! Learned is what came to its good end: at low risk, or with a second proof (a further factor, or a code to an address of the
//! account's own). A sign-in at a higher risk that nothing confirmed teaches nothing: else an attacker who got in once would be
//! at home the next time. Only a device that was known before keeps up with its changing secret.
//!
//! The note of the assessment holds the profile as it was read. Of two sign-ins at the same moment the later commit's stands;
//! what the other would have added is learned the next time.

use ciam_core::error::PortError;
use ciam_core::id::AccountId;
use ciam_core::risk::{Assessment, Confirmed, Observation, RiskLevel};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::engine::mark;
use super::network::NetworkFacts;
use super::profile::{
    BROWSERS, CITIES, COUNTRIES, LastSeen, NETWORKS, RiskProfile, SYSTEMS, note, note_device,
};

/// The engine's note between an assessment and what comes of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Memo {
    /// The profile as it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<String>,
    pub(super) seen: Observed,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Observed {
    pub(super) account: Option<AccountId>,
    at: i64,
    network: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<LastSeen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
    device: Vec<u64>,
    /// How many sign-ins of the tenant were assessed in the window.
    pub(super) attempts: u64,
}

impl Observed {
    pub(super) fn new(
        observation: &Observation,
        now: OffsetDateTime,
        network: u64,
        facts: Option<&NetworkFacts>,
        browser: Option<String>,
        device: Vec<u64>,
        attempts: u64,
    ) -> Self {
        let at = now.unix_timestamp();
        let place = facts.and_then(|facts| facts.place.as_ref());
        let country = place.and_then(|place| place.country.clone()).filter(|text| text.len() <= MAX_NAME);
        let city = place.filter(|place| place.city.is_some()).map(ToString::to_string);
        let last = facts.and_then(|facts| {
            let at_place = facts.coordinates?;
            let (north, east) = (hundredths(at_place.latitude), hundredths(at_place.longitude));
            Some(LastSeen(at, north, east, facts.kind.is_vague()))
        });
        Self {
            account: observation.account,
            at,
            network,
            system: facts.and_then(|facts| facts.system),
            country,
            city: city.filter(|text| text.len() <= MAX_NAME),
            last,
            browser,
            device,
            attempts,
        }
    }
}

impl Memo {
    /// The note of an assessment; `None` when it has none of ours.
    pub(super) fn of(assessment: &Assessment) -> Option<Self> {
        Self::deserialize(assessment.memo.as_ref()?).ok()
    }
}

/// The profile after a sign-in; `None` when nothing is learned.
pub(super) fn learned(confirmed: &Confirmed<'_>) -> Result<Option<RiskProfile>, PortError> {
    let Some(memo) = Memo::of(confirmed.assessment) else { return Ok(None) };
    let (account, seen) = (confirmed.account, memo.seen);
    let profile: Option<RiskProfile> = match memo.profile.as_deref() {
        Some(text) => serde_json::from_str(text).ok(),
        None => None,
    };
    let ours = profile.filter(|profile| profile.account == account.id);
    let mut profile = ours.unwrap_or_else(|| RiskProfile::empty(account.id, account.session_epoch));
    if profile.epoch != account.session_epoch {
        // Everybody was signed out: no device is known any more.
        profile.devices.clear();
        profile.epoch = account.session_epoch;
    }
    let today = u32::try_from(seen.at / 86_400).unwrap_or_default();
    let next = next_marks(confirmed, &seen);
    if !is_confirmed(confirmed, seen.at) {
        let Some(known) = profile.devices.iter_mut().find(|device| device.is_one_of(&seen.device)) else {
            return Ok(None);
        };
        known.0 = next;
        return Ok(Some(profile));
    }
    profile.forget(today);
    if !next.is_empty() {
        note_device(&mut profile.devices, &seen.device, next, today);
    }
    note(&mut profile.networks, seen.network, today, NETWORKS);
    if let Some(system) = seen.system {
        note(&mut profile.systems, system, today, SYSTEMS);
    }
    if let Some(country) = seen.country {
        note(&mut profile.countries, country, today, COUNTRIES);
    }
    if let Some(city) = seen.city {
        note(&mut profile.cities, city, today, CITIES);
    }
    if let Some(browser) = seen.browser {
        note(&mut profile.browsers, browser, today, BROWSERS);
    }
    let at = OffsetDateTime::from_unix_timestamp(seen.at).map_err(PortError::permanent)?;
    profile.note_hour(at.hour());
    profile.last = seen.last.or(profile.last);
    profile.day = today;
    profile.sign_ins = profile.sign_ins.saturating_add(1);
    Ok(Some(profile))
}

/// Whether it was at low risk, or a second proof was given in it.
fn is_confirmed(confirmed: &Confirmed<'_>, since: i64) -> bool {
    if confirmed.assessment.level == RiskLevel::Low {
        return true;
    }
    let proofs = &confirmed.session.context.proofs;
    let fresh: Vec<_> = proofs.iter().filter(|proof| proof.at.unix_timestamp() >= since).collect();
    let kinds: std::collections::BTreeSet<_> = fresh.iter().flat_map(|proof| &proof.kinds).collect();
    fresh.len() > 1 || kinds.len() > 1
}

/// The marks by which the browser is known from now on, three at most: the secret that it was given, and those with which it
/// came, which are the one before and the browser's own.
fn next_marks(confirmed: &Confirmed<'_>, seen: &Observed) -> Vec<u64> {
    let given = confirmed.device.map(|device| mark(device.digest.as_bytes()));
    given.into_iter().chain(seen.device.iter().copied()).collect()
}

fn hundredths(degrees: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let hundredths = (degrees * 100.0).round() as i32;
    hundredths
}

/// Names that a data set gives are kept up to this length, in bytes.
const MAX_NAME: usize = 160;
