use ciam_core::id::AccountId;
use ciam_core::place::Place;
use ciam_core::risk::{Binding, RiskSignal};

use super::super::network::{Coordinates, NetworkFacts, NetworkKind};
use super::super::profile::{KnownDevice, LastSeen, Mark, RiskProfile};
use super::super::reason::Reason;
use super::{Seen, Weighed, Weights, total};

const NOON: i64 = 1_780_000_000;

/// Ten sign-ins at noon: at home in Lyon, on one phone.
fn profile() -> RiskProfile {
    let mut profile = RiskProfile::empty(AccountId::from_uuid(uuid::Uuid::from_u128(7)), 3);
    profile.sign_ins = 10;
    profile.last = Some(LastSeen(NOON - 3600, 4576, 484, false));
    profile.hours[12] = 10;
    profile.devices = vec![KnownDevice(vec![1, 2], 10, 0)];
    profile.networks = vec![Mark(77, 10, 0)];
    profile.systems = vec![Mark(3215, 10, 0)];
    profile.countries = vec![Mark("FR".to_owned(), 10, 0)];
    profile.browsers = vec![Mark("Firefox · Linux".to_owned(), 10, 0)];
    profile
}

fn lyon() -> NetworkFacts {
    NetworkFacts::new()
        .with_system(3215)
        .with_kind(NetworkKind::Home)
        .with_place(Place::country("FR").with_city("Lyon"))
        .with_coordinates(Coordinates::new(45.76, 4.84))
}

fn elsewhere(system: u32, country: &str, latitude: f64, longitude: f64) -> NetworkFacts {
    NetworkFacts::new()
        .with_system(system)
        .with_kind(NetworkKind::Home)
        .with_place(Place::country(country))
        .with_coordinates(Coordinates::new(latitude, longitude))
}

fn seen<'a>(device: &'a [u64], network: u64, facts: &'a NetworkFacts) -> Seen<'a> {
    Seen {
        at: NOON,
        hour: 12,
        device,
        epoch: Some(3),
        binding: Binding::None,
        network,
        facts: Some(facts),
        browser: Some("Firefox · Linux"),
        signals: &[],
        refused: 0,
        under_attack: false,
    }
}

fn weigh(seen: &Seen<'_>) -> Weighed {
    Weights::default().weigh(Some(&profile()), seen)
}

fn has(weighed: &Weighed, reason: Reason) -> bool {
    weighed.evidence.iter().any(|(found, _)| *found == reason)
}

#[test]
fn the_owner_at_home_is_far_below_everybody_else() {
    let facts = lyon();
    let owner = weigh(&seen(&[2], 77, &facts));
    assert!(owner.device_known && has(&owner, Reason::KnownDevice) && has(&owner, Reason::KnownNetwork));
    assert!(owner.score < -8.0, "{owner:?}");
    let stranger = weigh(&seen(&[9], 77, &facts));
    assert!(has(&stranger, Reason::NewDevice) && stranger.score > owner.score + 4.0);
}

#[test]
fn the_closest_ring_around_the_account_counts() {
    let (home, other, abroad) = (lyon(), elsewhere(9, "FR", 45.7, 4.8), elsewhere(9, "DE", 45.8, 4.9));
    for (network, facts, expected) in [
        (77, &home, Reason::KnownNetwork),
        (78, &home, Reason::KnownOperator),
        (78, &other, Reason::NewNetwork),
        (78, &abroad, Reason::NewCountry),
        (78, &NetworkFacts::new(), Reason::NewNetwork),
    ] {
        let weighed = weigh(&seen(&[1], network, facts));
        assert!(has(&weighed, expected), "{expected:?}: {weighed:?}");
    }
}

#[test]
fn a_known_device_from_another_operator_counts_for_less() {
    let other = elsewhere(9, "FR", 45.7, 4.8);
    let weighed = weigh(&seen(&[1], 78, &other));
    assert!(has(&weighed, Reason::DeviceElsewhere) && !has(&weighed, Reason::KnownDevice));
}

#[test]
fn a_device_of_another_epoch_is_none() {
    let facts = lyon();
    let weighed = weigh(&Seen { epoch: Some(4), ..seen(&[1], 77, &facts) });
    assert!(has(&weighed, Reason::NewDevice) && !weighed.device_known);
}

#[test]
fn nobody_travels_faster_than_a_plane() {
    let sydney = elsewhere(9, "AU", -33.87, 151.21);
    let weighed = weigh(&seen(&[9], 78, &sydney));
    assert!(has(&weighed, Reason::ImpossibleTravel));
    // A day later one can have flown.
    let later = weigh(&Seen { at: NOON + 86_400, ..seen(&[9], 78, &sydney) });
    assert!(!has(&later, Reason::ImpossibleTravel));
    // Where phones are, their addresses do not say.
    let vague = sydney.clone().with_kind(NetworkKind::Mobile);
    let vague = weigh(&seen(&[9], 78, &vague));
    let weight = |weighed: &Weighed| {
        weighed.evidence.iter().find(|it| it.0 == Reason::ImpossibleTravel).map(|it| it.1).unwrap()
    };
    assert!((weight(&vague) * 2.0 - weight(&weighed)).abs() < 1e-9);
    let paris = elsewhere(9, "FR", 48.86, 2.35);
    assert!(!has(&weigh(&seen(&[9], 78, &paris)), Reason::ImpossibleTravel), "400 km");
}

#[test]
fn strangers_attempts_move_nothing_for_a_known_device() {
    let facts = lyon();
    let quiet = seen(&[1], 77, &facts);
    let loud = Seen { refused: 1000, under_attack: true, ..quiet.clone() };
    assert_eq!(weigh(&quiet).score, weigh(&loud).score);
    let (quiet, loud) = (seen(&[9], 77, &facts), Seen { refused: 1000, ..seen(&[9], 77, &facts) });
    let difference = weigh(&loud).score - weigh(&quiet).score;
    assert!((3.0..=4.0).contains(&difference), "{difference}");
    let few = Seen { refused: 2, ..seen(&[9], 77, &facts) };
    assert_eq!(weigh(&few).score, weigh(&quiet).score);
}

#[test]
fn signals_of_core_count() {
    let facts = lyon();
    let base = weigh(&seen(&[9], 77, &facts)).score;
    for (signal, weight) in [(RiskSignal::CredentialStuffing, 3.0), (RiskSignal::BreachedPassword, 2.5)] {
        let signals = [signal];
        let weighed = weigh(&Seen { signals: &signals, ..seen(&[9], 77, &facts) });
        assert!((weighed.score - base - weight).abs() < 1e-9, "{signal:?}");
    }
}

#[test]
fn the_hour_counts_when_there_are_enough_of_them() {
    let facts = lyon();
    let night = weigh(&Seen { hour: 3, ..seen(&[9], 77, &facts) });
    assert!(has(&night, Reason::UnusualHour));
    assert!(has(&weigh(&seen(&[9], 77, &facts)), Reason::UsualHour));
    let mut young = profile();
    young.hours[12] = 7;
    let weighed = Weights::default().weigh(Some(&young), &Seen { hour: 3, ..seen(&[9], 77, &facts) });
    assert!(!has(&weighed, Reason::UnusualHour));
}

#[test]
fn hidden_and_listed_addresses_count_and_the_unknown_do_not() {
    for (facts, expected) in [
        (lyon().with_kind(NetworkKind::Anonymous), vec![Reason::AnonymousNetwork]),
        (
            lyon().with_kind(NetworkKind::Hosting).with_listed(true),
            vec![Reason::AnonymousNetwork, Reason::ListedAddress],
        ),
        (lyon(), vec![Reason::CleanNetwork]),
        (lyon().with_kind(NetworkKind::Unknown), vec![]),
    ] {
        let weighed = weigh(&seen(&[1], 77, &facts));
        let all = [Reason::AnonymousNetwork, Reason::ListedAddress, Reason::CleanNetwork];
        let found: Vec<_> = all.into_iter().filter(|reason| has(&weighed, *reason)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn without_history_nothing_is_unusual() {
    let sydney = elsewhere(9, "AU", -33.87, 151.21);
    let weighed = Weights::default().weigh(None, &seen(&[9], 78, &sydney));
    let reasons: Vec<_> = weighed.evidence.iter().map(|it| it.0).collect();
    assert_eq!(reasons, [Reason::NoHistory, Reason::CleanNetwork]);
}

#[test]
fn a_binding_decides_about_the_device() {
    let facts = lyon();
    let proved = weigh(&Seen { binding: Binding::Proved, ..seen(&[9], 77, &facts) });
    assert!(has(&proved, Reason::BoundDevice) && proved.device_known);
    let missing = weigh(&Seen { binding: Binding::Missing, ..seen(&[1], 77, &facts) });
    assert!(has(&missing, Reason::BindingMissing) && !missing.device_known, "though the cookie is known");
}

proptest::proptest! {
    /// No amount of one kind of evidence outweighs its cap, whatever is seen.
    #[test]
    fn families_are_capped(weights in proptest::collection::vec(-50.0_f64..50.0, 25)) {
        let all = [
            Reason::BoundDevice, Reason::NewDevice, Reason::NewCountry, Reason::NewSystem, Reason::ListedAddress,
            Reason::ImpossibleTravel, Reason::RefusedBefore, Reason::CredentialStuffing, Reason::UnusualHour,
            Reason::FraudService,
        ];
        let evidence: Vec<_> = all.iter().copied().cycle().zip(weights).collect();
        let sum = total(&evidence);
        proptest::prop_assert!(sum.abs() <= 4.0 * 4.0 + 3.0 * 2.0 + 2.5 + 1.5 + 1.0);
    }
}
