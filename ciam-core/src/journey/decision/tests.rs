use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::assurance::{Acr, AcrLevel};

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
const OTP: Candidate<'_> = Candidate::new("otp", &[FactorKind::Possession]);
const PIN: Candidate<'_> = Candidate::new("pin", &[FactorKind::Knowledge]);
const PASSKEY: Candidate<'_> = Candidate::new("passkey", &[FactorKind::Possession, FactorKind::Inherence]);

fn password(at: OffsetDateTime) -> Proof {
    Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], at)
}

fn otp(at: OffsetDateTime) -> Proof {
    Proof::new(Amr::OTP, [FactorKind::Possession], at)
}

fn wanting(acr: &[&str], since: Option<OffsetDateTime>) -> Requirements {
    Requirements {
        acr_values: acr.iter().map(|acr| Acr::new(*acr)).collect(),
        authenticated_since: since,
        ..Requirements::default()
    }
}

const AAL2: &[&str] = &["urn:ciam:acr:aal2"];

#[test]
fn a_sign_in_asks_for_what_is_needed_and_no_more() {
    let (one, two) = (vec![password(NOW)], vec![password(NOW), otp(NOW)]);
    let table = [
        (&one, &[][..], RiskLevel::Low, &[OTP][..], Decision::Session),
        (&one, AAL2, RiskLevel::Low, &[OTP], Decision::Factor("otp")),
        (&one, AAL2, RiskLevel::Low, &[PIN, OTP], Decision::Factor("otp")),
        (&one, AAL2, RiskLevel::Low, &[PIN], Decision::Session),
        (&one, &["urn:unheard-of"], RiskLevel::Low, &[], Decision::Session),
        (&one, &[], RiskLevel::Medium, &[OTP], Decision::Factor("otp")),
        (&one, &[], RiskLevel::Medium, &[], Decision::Session),
        (&one, &[], RiskLevel::High, &[OTP], Decision::Factor("otp")),
        (&one, &[], RiskLevel::High, &[PIN], Decision::Refuse),
        (&two, AAL2, RiskLevel::High, &[OTP], Decision::Session),
    ];
    for (position, (proofs, acr, risk, candidates, expected)) in table.into_iter().enumerate() {
        let (requirements, ladder) = (wanting(acr, None), AcrLadder::default());
        let situation = Situation { risk, candidates, ..Situation::new(proofs, &requirements, &ladder, NOW) };
        assert_eq!(situation.decide(), expected, "row {position}");
    }
}

#[test]
fn a_step_up_goes_straight_to_the_factor_that_lifts_it_and_all_else_to_the_password() {
    let hour = Duration::hours(1);
    let fresh = AuthenticationContext::new([password(NOW - hour)]);
    let stale = AuthenticationContext::new([password(NOW - hour * 13), otp(NOW - hour * 13)]);
    let full = AuthenticationContext::new([password(NOW - hour), otp(NOW - hour)]);
    let (before, after) = (Some(NOW - hour * 2), Some(NOW));
    let low = RiskLevel::Low;
    let table = [
        (None, AAL2, None, low, &[OTP][..], Decision::Credentials, "no session"),
        (Some(&fresh), AAL2, None, low, &[OTP], Decision::Factor("otp"), "one factor lifts it"),
        (Some(&fresh), AAL2, before, low, &[PIN, OTP], Decision::Factor("otp"), "fresh enough"),
        (Some(&fresh), AAL2, after, low, &[OTP], Decision::Credentials, "not fresh enough"),
        (Some(&fresh), AAL2, None, RiskLevel::High, &[OTP], Decision::Credentials, "a stolen cookie?"),
        (Some(&fresh), AAL2, None, low, &[PIN], Decision::Credentials, "nothing lifts it"),
        (Some(&fresh), &[], None, low, &[OTP], Decision::Credentials, "only a sign-in was asked for"),
        (Some(&full), AAL2, None, low, &[OTP], Decision::Credentials, "it is there already"),
        (Some(&stale), AAL2, None, low, &[OTP], Decision::Credentials, "both proofs are old"),
        (Some(&stale), AAL2, None, low, &[PASSKEY], Decision::Factor("passkey"), "two kinds at once"),
    ];
    for (session, acr, since, risk, candidates, expected, what) in table {
        let (requirements, ladder) = (wanting(acr, since), AcrLadder::default());
        let situation =
            Situation { session, risk, candidates, ..Situation::new(&[], &requirements, &ladder, NOW) };
        assert_eq!(situation.decide(), expected, "{what}");
    }
}

#[test]
fn the_sessions_proofs_count_for_assurance_and_never_for_risk() {
    let session =
        AuthenticationContext::new([password(NOW - Duration::hours(2)), otp(NOW - Duration::hours(1))]);
    let (requirements, ladder, proofs) = (wanting(AAL2, None), AcrLadder::default(), [password(NOW)]);
    let situation = |risk| Situation {
        session: Some(&session),
        risk,
        candidates: &[OTP],
        ..Situation::new(&proofs, &requirements, &ladder, NOW)
    };
    assert_eq!(situation(RiskLevel::Low).decide(), Decision::Session);
    assert_eq!(situation(RiskLevel::High).decide(), Decision::Factor("otp"));
}

#[test]
fn a_factor_that_suffices_comes_before_one_that_only_helps() {
    let ladder = AcrLadder::new(vec![AcrLevel::new("three", 3, None)]);
    let (requirements, proofs) = (wanting(&["three"], None), [password(NOW)]);
    let candidates = [OTP, PASSKEY];
    let situation =
        Situation { candidates: &candidates, ..Situation::new(&proofs, &requirements, &ladder, NOW) };
    assert_eq!(situation.decide(), Decision::Factor("passkey"));
}

#[test]
fn an_account_without_factors_is_confirmed_on_its_own_address_where_risk_wants_more() {
    let ladder = AcrLadder::default();
    let requirements = wanting(&[], None);
    let (one, two) = ([password(NOW)], [password(NOW), Proof::new(Amr::EMAIL, [FactorKind::Knowledge], NOW)]);
    let (none, available, proved) = (OwnChannel::None, OwnChannel::Available, OwnChannel::Proved);
    let table: [(&[Proof], _, _, &[Candidate<'_>], _); 11] = [
        (&one, RiskLevel::Low, available, &[], Decision::Session),
        (&one, RiskLevel::Medium, available, &[], Decision::Confirm),
        (&one, RiskLevel::High, available, &[], Decision::Confirm),
        (&one, RiskLevel::Medium, none, &[], Decision::Session),
        (&one, RiskLevel::High, none, &[], Decision::Refuse),
        (&two, RiskLevel::Medium, proved, &[], Decision::Session),
        (&two, RiskLevel::High, proved, &[], Decision::Session),
        // Who has a factor is asked for it: a mailbox is no way around it.
        (&one, RiskLevel::High, available, &[OTP], Decision::Factor("otp")),
        (&two, RiskLevel::High, proved, &[OTP], Decision::Factor("otp")),
        (&one, RiskLevel::Blocked, available, &[OTP], Decision::Refuse),
        (&two, RiskLevel::Blocked, proved, &[], Decision::Refuse),
    ];
    for (position, (proofs, risk, channel, candidates, expected)) in table.into_iter().enumerate() {
        let situation =
            Situation { risk, channel, candidates, ..Situation::new(proofs, &requirements, &ladder, NOW) };
        assert_eq!(situation.decide(), expected, "row {position}");
    }
}

fn any_kinds() -> impl Strategy<Value = Vec<FactorKind>> {
    let kinds = [FactorKind::Knowledge, FactorKind::Possession, FactorKind::Inherence];
    proptest::sample::subsequence(kinds.to_vec(), 1..=3)
}

proptest! {
    /// Whatever is asked for, a sign-in comes to an end, asks for no factor twice, and never passes a high risk with one kind.
    #[test]
    fn every_sign_in_ends(
        factors in proptest::collection::vec(any_kinds(), 0..5),
        acr in proptest::sample::subsequence(vec!["urn:ciam:acr:aal1", "urn:ciam:acr:aal2", "three"], 0..=3),
        risk in proptest::sample::select(vec![
            RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Blocked,
        ]),
        reachable in any::<bool>(),
        session_age in proptest::option::of(0_i64..48),
    ) {
        const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        let candidates: Vec<Candidate<'_>> =
            factors.iter().zip(NAMES).map(|(kinds, name)| Candidate::new(name, kinds)).collect();
        let mut levels = AcrLadder::default().levels().to_vec();
        levels.push(AcrLevel::new("three", 3, Some(Duration::hours(1))));
        let (requirements, ladder) = (wanting(&acr, None), AcrLadder::new(levels));
        let session = session_age.map(|age| AuthenticationContext::new([password(NOW - Duration::hours(age))]));
        let mut proofs = vec![];
        let mut asked = vec![];
        let mut channel = if reachable { OwnChannel::Available } else { OwnChannel::None };
        for _ in 0..=NAMES.len() + 1 {
            let situation = Situation {
                session: session.as_ref(),
                risk,
                candidates: &candidates,
                channel,
                ..Situation::new(&proofs, &requirements, &ladder, NOW)
            };
            let decision = situation.decide();
            match decision {
                Decision::Credentials => {
                    prop_assert!(proofs.is_empty());
                    proofs.push(password(NOW));
                }
                Decision::Factor(name) => {
                    prop_assert!(!asked.contains(&name), "{name} twice");
                    asked.push(name);
                    let (position, candidate) =
                        candidates.iter().enumerate().find(|(_, candidate)| candidate.name == name).unwrap();
                    let amr = Amr::new(NAMES[position]);
                    proofs.push(Proof::new(amr, candidate.kinds.iter().copied(), NOW));
                }
                Decision::Confirm => {
                    prop_assert!(risk >= RiskLevel::Medium && candidates.is_empty());
                    prop_assert_eq!(channel, OwnChannel::Available, "asked once");
                    channel = OwnChannel::Proved;
                    proofs.push(Proof::new(Amr::EMAIL, [FactorKind::Knowledge], NOW));
                }
                Decision::Session => {
                    prop_assert!(!proofs.is_empty() && risk < RiskLevel::Blocked);
                    let confirmed = channel == OwnChannel::Proved;
                    prop_assert!(risk < RiskLevel::High || kinds_of(&proofs).len() >= 2 || confirmed);
                    return Ok(());
                }
                Decision::Refuse => {
                    let insufficient = risk == RiskLevel::High && kinds_of(&proofs).len() < 2;
                    prop_assert!(insufficient || risk == RiskLevel::Blocked);
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "no end after {asked:?}");
    }
}

#[test]
fn who_is_to_prove_all_of_it_again_begins_again() {
    let minute = Duration::minutes(1);
    let full = AuthenticationContext::new([password(NOW - minute), otp(NOW - minute)]);
    let (ladder, one) = (AcrLadder::default(), [password(NOW)]);
    for (proofs, expected) in [(&[][..], Decision::Credentials), (&one[..], Decision::Factor("otp"))] {
        let again = wanting(AAL2, None).proving_again();
        let situation = Situation {
            session: Some(&full),
            candidates: &[OTP],
            ..Situation::new(proofs, &again, &ladder, NOW)
        };
        assert_eq!(situation.decide(), expected);
    }
    // Otherwise the session's own proof would do.
    let wanting = wanting(AAL2, None);
    let situation = Situation {
        session: Some(&full),
        candidates: &[OTP],
        ..Situation::new(&one, &wanting, &ladder, NOW)
    };
    assert_eq!(situation.decide(), Decision::Session);
}

#[test]
fn who_has_a_factor_is_asked_for_it_where_the_policy_says_so() {
    let code = [Proof::new(Amr::EMAIL, [FactorKind::Possession], NOW)];
    let passkey = [Proof::new(Amr::SOFTWARE_KEY, [FactorKind::Possession, FactorKind::Inherence], NOW)];
    let both = [code[0].clone(), otp(NOW)];
    let (requirements, ladder) = (Requirements::default(), AcrLadder::default());
    let table = [
        (&[password(NOW)][..], &[OTP][..], Decision::Factor("otp")),
        (&[password(NOW)], &[], Decision::Session),
        (&code, &[OTP], Decision::Factor("otp")), // of the same kind, and no way around it
        (&both, &[OTP], Decision::Session),
        (&passkey, &[OTP], Decision::Session),
        (&[password(NOW), otp(NOW)], &[OTP, PASSKEY], Decision::Session),
    ];
    for (row, (proofs, candidates, expected)) in table.into_iter().enumerate() {
        let situation = Situation {
            candidates,
            second_factor: SecondFactor::WhenEnrolled,
            ..Situation::new(proofs, &requirements, &ladder, NOW)
        };
        assert_eq!(situation.decide(), expected, "row {row}");
        let needed = Situation { second_factor: SecondFactor::WhenNeeded, ..situation };
        assert_eq!(needed.decide(), Decision::Session, "row {row}");
    }
}

#[test]
fn a_trusted_device_spares_the_habit_and_nothing_else() {
    let (proofs, ladder) = ([password(NOW)], AcrLadder::default());
    let again = Requirements::default().proving_again();
    let table = [
        (wanting(&[], None), RiskLevel::Low, Decision::Session),
        (wanting(AAL2, None), RiskLevel::Low, Decision::Factor("otp")),
        (wanting(&[], Some(NOW)), RiskLevel::Low, Decision::Factor("otp")),
        (again, RiskLevel::Low, Decision::Factor("otp")),
        (wanting(&[], None), RiskLevel::Medium, Decision::Factor("otp")),
        (wanting(&[], None), RiskLevel::High, Decision::Factor("otp")),
    ];
    for (row, (requirements, risk, expected)) in table.into_iter().enumerate() {
        let situation = Situation {
            risk,
            candidates: &[OTP],
            second_factor: SecondFactor::WhenEnrolled,
            trusted_device: true,
            ..Situation::new(&proofs, &requirements, &ladder, NOW)
        };
        assert_eq!(situation.decide(), expected, "row {row}");
    }
}

#[test]
fn a_step_up_asks_for_its_factor_once() {
    let (proofs, ladder) = ([otp(NOW)], AcrLadder::default());
    let session = AuthenticationContext::new([password(NOW - Duration::HOUR)]);
    let requirements = wanting(AAL2, None);
    let situation = Situation {
        session: Some(&session),
        candidates: &[OTP],
        second_factor: SecondFactor::WhenEnrolled,
        step_up: true,
        ..Situation::new(&proofs, &requirements, &ladder, NOW)
    };
    assert_eq!(situation.decide(), Decision::Session);
}
