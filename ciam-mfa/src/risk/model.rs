//! The score: what is seen, against what is remembered.
//!
//! A score is the logarithm of the odds that a sign-in is not its owner's: it begins at [`Weights::prior`] and evidence is
//! added. Evidence comes in families, and each family has a cap, so that no amount of one thing outweighs everything else.
//!
//! | family (cap) | evidence | weight |
//! | --- | --- | --- |
//! | device (±4) | the session's key was proved | -4.0 |
//! | | known device; the same from an operator that is new to the account | -3.0; -1.0 |
//! | | not seen before; nothing is known of the account at all | +1.6; +0.8 |
//! | | the session is bound to a key, and the proof is missing | +3.5 |
//! | network (±3) | known /24 or /56; known operator; known country; new country | -1.5; -0.6; +0.6; +1.8 |
//! | browser (±1.5) | known kind; another browser on a known system; another system | -0.3; +0.3; +0.8 |
//! | reputation (±3) | anonymous or hosting; on a list of abused addresses; neither, where that is known | +2.2; +1.5; -0.2 |
//! | travel (±2.5) | faster than 900 km/h over more than 500 km; half where an end is vague | +2.0 |
//! | velocity (±4) | so many refusals before, on a device that is not known: +0.5 for each doubling, from three on | |
//! | stuffing (±4) | the source tries stolen passwords; the tenant is under attack; the password is a breached one | +3.0; +0.7; +2.5 |
//! | hour (±1) | half of the logarithm of how much rarer than chance, from 8 sign-ins on | -0.3 to +0.8 |
//! | external (±4) | the host's fraud service | as it says |
//!
//! What counts as unusual hangs on how much is known: networks and browsers weigh `n / (n + 2)` of the above after `n` sign-ins.
//! The weights are judgement, not fitted to anybody's data; `cargo run --release -p ciam-risk-simulation` shows what comes of
//! them in a simulated world.

use ciam_core::risk::{Binding, RiskSignal};

use super::network::NetworkFacts;
use super::profile::{LastSeen, RiskProfile};
use super::reason::{Family, Reason};

/// The weights of the score.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Weights {
    /// Where a score begins: one attack with the right password in a hundred sign-ins. Default -4.6.
    pub prior: f64,
    /// The session's key was proved. Default -4.0.
    pub bound_device: f64,
    /// The session's key should have been proved, and was not. Default 3.5.
    pub binding_missing: f64,
    /// The account has signed in on this device. Default -3.0.
    pub known_device: f64,
    /// It has, and not from this operator: a copied cookie comes from elsewhere. Default -1.0.
    pub device_elsewhere: f64,
    /// It has not. Default 1.6.
    pub new_device: f64,
    /// Nothing is known of the account. Default 0.8.
    pub no_history: f64,
    /// It has signed in from this network. Default -1.5.
    pub known_network: f64,
    /// From another network of the same operator. Default -0.6.
    pub known_operator: f64,
    /// From the same country. Default 0.6.
    pub new_network: f64,
    /// From elsewhere. Default 1.8.
    pub new_country: f64,
    /// A kind of browser that it has used. Default -0.3.
    pub known_browser: f64,
    /// Another on a known system. Default 0.3.
    pub new_browser: f64,
    /// Another system. Default 0.8.
    pub new_system: f64,
    /// The network hides its users, or is of rented machines. Default 2.2.
    pub anonymous_network: f64,
    /// The address is on a list. Default 1.5.
    pub listed_address: f64,
    /// The network is known, and neither. Default -0.2.
    pub clean_network: f64,
    /// Too fast. Default 2.0.
    pub impossible_travel: f64,
    /// For each doubling of the refusals. Default 0.5.
    pub refused_before: f64,
    /// The source tries stolen passwords. Default 3.0.
    pub credential_stuffing: f64,
    /// The tenant is under attack. Default 0.7.
    pub under_attack: f64,
    /// The password is breached. Default 2.5.
    pub breached_password: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            prior: -4.6,
            bound_device: -4.0,
            binding_missing: 3.5,
            known_device: -3.0,
            device_elsewhere: -1.0,
            new_device: 1.6,
            no_history: 0.8,
            known_network: -1.5,
            known_operator: -0.6,
            new_network: 0.6,
            new_country: 1.8,
            known_browser: -0.3,
            new_browser: 0.3,
            new_system: 0.8,
            anonymous_network: 2.2,
            listed_address: 1.5,
            clean_network: -0.2,
            impossible_travel: 2.0,
            refused_before: 0.5,
            credential_stuffing: 3.0,
            under_attack: 0.7,
            breached_password: 2.5,
        }
    }
}

/// What is seen of a sign-in.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    /// Seconds since 1970.
    pub(super) at: i64,
    /// The hour of the day (UTC).
    pub(super) hour: u8,
    /// The digests of the secrets that the browser presents.
    pub(super) device: &'a [u64],
    pub(super) epoch: Option<u32>,
    pub(super) binding: Binding,
    pub(super) network: u64,
    pub(super) facts: Option<&'a NetworkFacts>,
    pub(super) browser: Option<&'a str>,
    pub(super) signals: &'a [RiskSignal],
    /// How many sign-ins to this account were refused shortly before.
    pub(super) refused: u64,
    pub(super) under_attack: bool,
}

/// A score with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighed {
    pub(super) score: f64,
    pub(super) evidence: Vec<(Reason, f64)>,
    pub(super) device_known: bool,
}

impl Weights {
    /// Weighs what is seen against what is remembered.
    pub(super) fn weigh(&self, profile: Option<&RiskProfile>, seen: &Seen<'_>) -> Weighed {
        let maturity = profile.map_or(0.0, |it| f64::from(it.sign_ins) / (f64::from(it.sign_ins) + 2.0));
        let mut evidence = Vec::with_capacity(12);
        let (device, device_known) = self.device(profile, seen);
        evidence.push(device);
        if let Some(profile) = profile {
            let (reason, weight) = self.network(profile, seen);
            evidence.push((reason, weight * maturity));
            evidence.extend(self.browser(profile, seen).map(|(reason, weight)| (reason, weight * maturity)));
            evidence.extend(self.travel(profile, seen));
            evidence.extend(hour(profile, seen.hour));
        }
        self.reputation(seen, &mut evidence);
        if !device_known && seen.refused >= 3 {
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let doublings = (seen.refused as f64 / 1.5).log2();
            evidence.push((Reason::RefusedBefore, self.refused_before * doublings));
        }
        for signal in seen.signals {
            match signal {
                RiskSignal::CredentialStuffing => {
                    evidence.push((Reason::CredentialStuffing, self.credential_stuffing));
                }
                RiskSignal::BreachedPassword => {
                    evidence.push((Reason::BreachedPassword, self.breached_password));
                }
                _ => {}
            }
        }
        if seen.under_attack && !device_known {
            evidence.push((Reason::UnderAttack, self.under_attack));
        }
        Weighed { score: self.prior + total(&evidence), evidence, device_known }
    }

    fn device(&self, profile: Option<&RiskProfile>, seen: &Seen<'_>) -> ((Reason, f64), bool) {
        match seen.binding {
            Binding::Proved => return ((Reason::BoundDevice, self.bound_device), true),
            Binding::Missing => return ((Reason::BindingMissing, self.binding_missing), false),
            _ => {}
        }
        let Some(profile) = profile else { return ((Reason::NoHistory, self.no_history), false) };
        let same_epoch = seen.epoch.is_none_or(|epoch| epoch == profile.epoch);
        let known = same_epoch && profile.devices.iter().any(|device| device.is_one_of(seen.device));
        if !known {
            return ((Reason::NewDevice, self.new_device), false);
        }
        let elsewhere = !has(&profile.networks, &seen.network)
            && seen.facts.and_then(|facts| facts.system).is_none_or(|system| !has(&profile.systems, &system));
        if elsewhere {
            ((Reason::DeviceElsewhere, self.device_elsewhere), true)
        } else {
            ((Reason::KnownDevice, self.known_device), true)
        }
    }

    /// The closest ring around the account in which the address is.
    fn network(&self, profile: &RiskProfile, seen: &Seen<'_>) -> (Reason, f64) {
        if has(&profile.networks, &seen.network) {
            return (Reason::KnownNetwork, self.known_network);
        }
        let system = seen.facts.and_then(|facts| facts.system);
        if system.is_some_and(|system| has(&profile.systems, &system)) {
            return (Reason::KnownOperator, self.known_operator);
        }
        let country = seen.facts.and_then(|facts| facts.place.as_ref()?.country.as_deref());
        match country {
            // What is not known is not held against anybody.
            Some(country) if !profile.countries.iter().any(|mark| mark.0 == country) => {
                (Reason::NewCountry, self.new_country)
            }
            _ => (Reason::NewNetwork, self.new_network),
        }
    }

    fn browser(&self, profile: &RiskProfile, seen: &Seen<'_>) -> Option<(Reason, f64)> {
        let browser = seen.browser.unwrap_or(UNRECOGNISED);
        if profile.browsers.is_empty() {
            return None;
        }
        if profile.browsers.iter().any(|mark| mark.0 == browser) {
            return Some((Reason::KnownBrowser, self.known_browser));
        }
        let system = |text: &str| text.rsplit(" · ").next().unwrap_or_default().to_owned();
        let known = profile.browsers.iter().any(|mark| system(&mark.0) == system(browser));
        Some(if known {
            (Reason::NewBrowser, self.new_browser)
        } else {
            (Reason::NewSystem, self.new_system)
        })
    }

    fn reputation(&self, seen: &Seen<'_>, evidence: &mut Vec<(Reason, f64)>) {
        use super::network::NetworkKind::{Anonymous, Hosting, Unknown};
        let Some(facts) = seen.facts else { return };
        let hidden = matches!(facts.kind, Anonymous | Hosting);
        if hidden {
            evidence.push((Reason::AnonymousNetwork, self.anonymous_network));
        }
        if facts.listed {
            evidence.push((Reason::ListedAddress, self.listed_address));
        }
        if !hidden && !facts.listed && facts.kind != Unknown {
            evidence.push((Reason::CleanNetwork, self.clean_network));
        }
    }

    fn travel(&self, profile: &RiskProfile, seen: &Seen<'_>) -> Option<(Reason, f64)> {
        const SPEED: f64 = 900.0;
        const FAR: f64 = 500.0;
        let LastSeen(at, latitude, longitude, vague) = profile.last?;
        let facts = seen.facts?;
        let here = facts.coordinates?;
        let degrees = |hundredths: i32| f64::from(hundredths) / 100.0;
        let there = super::network::Coordinates::new(degrees(latitude), degrees(longitude));
        let distance = here.distance(there);
        #[expect(clippy::cast_precision_loss, reason = "a difference of times")]
        let hours = (seen.at.saturating_sub(at).max(60) as f64) / 3600.0;
        let impossible = distance > FAR && distance / hours > SPEED;
        let half = vague || facts.kind.is_vague();
        impossible
            .then_some((Reason::ImpossibleTravel, self.impossible_travel * if half { 0.5 } else { 1.0 }))
    }
}

/// How unusual the hour is, from eight sign-ins on.
fn hour(profile: &RiskProfile, hour: u8) -> Option<(Reason, f64)> {
    let all: u32 = profile.hours.iter().map(|count| u32::from(*count)).sum();
    if all < 8 {
        return None;
    }
    let count = |hour: u8| profile.hours.get(usize::from(hour % 24)).map_or(0, |count| u32::from(*count));
    let near = count(hour) + count(hour + 1) + count(hour + 23);
    let share = (f64::from(near) + 1.0) / (f64::from(all) + 8.0);
    let weight = (-0.5 * (share / 0.125).ln()).clamp(-0.3, 0.8);
    Some((if weight > 0.0 { Reason::UnusualHour } else { Reason::UsualHour }, weight))
}

/// The sum of the evidence, each family within its cap.
pub(super) fn total(evidence: &[(Reason, f64)]) -> f64 {
    let of = |family: Family| -> f64 {
        evidence.iter().filter(|(reason, _)| reason.family() == family).map(|(_, weight)| weight).sum()
    };
    Family::ALL.iter().map(|family| of(*family).clamp(-family.cap(), family.cap())).sum()
}

fn has<T: PartialEq>(marks: &[super::profile::Mark<T>], what: &T) -> bool {
    marks.iter().any(|mark| mark.0 == *what)
}

/// A browser that does not say what it is.
pub(super) const UNRECOGNISED: &str = "?";

#[cfg(test)]
mod tests;
