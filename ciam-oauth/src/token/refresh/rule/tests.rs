use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const T0: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
const WINDOW: Duration = Duration::seconds(30);

fn rotate(state: Generations, presented: u32, now: OffsetDateTime) -> Presentation {
    state.present(presented, true, WINDOW, now)
}

fn issued(presentation: Presentation) -> Generations {
    match presentation {
        Presentation::Issue(next) => next,
        other => panic!("nothing was issued: {other:?}"),
    }
}

#[test]
fn the_live_generation_is_replaced_by_the_next() {
    let next = issued(rotate(Generations::first(), 1, T0));
    assert_eq!(next, Generations { current: 2, base: 1, base_used_at: Some(T0) });
    let after = issued(rotate(next, 2, T0 + Duration::hours(1)));
    assert_eq!(after, Generations { current: 3, base: 2, base_used_at: Some(T0 + Duration::hours(1)) });
}

#[test]
fn a_family_that_does_not_rotate_keeps_its_token() {
    let state = Generations::first();
    assert_eq!(state.present(1, false, WINDOW, T0), Presentation::Keep);
    assert_eq!(state.present(1, false, WINDOW, T0 + Duration::days(100)), Presentation::Keep);
}

#[test]
fn a_lost_answer_may_be_asked_for_again_and_retires_the_lost_one() {
    let lost = issued(rotate(Generations::first(), 1, T0));
    let last = T0 + WINDOW - Duration::NANOSECOND;
    let again = issued(rotate(lost, 1, last));
    assert_eq!(again, Generations { current: 3, base: 1, base_used_at: Some(T0) });
    assert_eq!(rotate(again, 2, last), Presentation::Superseded);
    assert_eq!(issued(rotate(again, 3, last)).base, 3);
    assert_eq!(rotate(lost, 1, T0 + WINDOW), Presentation::Replay);
}

#[test]
fn retries_do_not_move_the_window() {
    let mut state = issued(rotate(Generations::first(), 1, T0));
    for second in 1..30 {
        state = issued(rotate(state, 1, T0 + Duration::seconds(second)));
    }
    assert_eq!(rotate(state, 1, T0 + Duration::seconds(30)), Presentation::Replay);
}

#[test]
fn no_retry_once_the_successor_was_presented() {
    let second = issued(rotate(Generations::first(), 1, T0));
    let third = issued(rotate(second, 2, T0 + Duration::seconds(1)));
    assert_eq!(rotate(third, 1, T0 + Duration::seconds(2)), Presentation::Replay);
}

#[test]
fn a_superseded_token_is_replay_once_the_window_is_over() {
    let state = issued(rotate(issued(rotate(Generations::first(), 1, T0)), 1, T0));
    assert_eq!(rotate(state, 2, T0 + Duration::seconds(30)), Presentation::Replay);
}

#[test]
fn a_superseded_token_is_replay_once_the_live_one_was_used() {
    let state = issued(rotate(issued(rotate(Generations::first(), 1, T0)), 1, T0));
    let used = issued(rotate(state, 3, T0));
    assert_eq!(rotate(used, 2, T0), Presentation::Replay);
}

#[test]
fn generations_that_were_never_issued_revoke_nothing() {
    let state = issued(rotate(Generations::first(), 1, T0));
    assert_eq!(rotate(state, 3, T0), Presentation::Unknown);
    assert_eq!(rotate(state, u32::MAX, T0), Presentation::Unknown);
    assert_eq!(rotate(state, 0, T0), Presentation::Unknown);
    let full = Generations { current: u32::MAX, base: u32::MAX - 1, base_used_at: Some(T0) };
    assert_eq!(rotate(full, u32::MAX, T0), Presentation::Unknown, "the counter does not wrap");
    assert_eq!(rotate(full, u32::MAX - 1, T0), Presentation::Unknown, "nor by a retry");
}

#[test]
fn a_family_that_stopped_rotating_still_knows_its_old_tokens() {
    let state = issued(rotate(Generations::first(), 1, T0));
    let much_later = T0 + Duration::days(1);
    assert_eq!(state.present(1, false, WINDOW, much_later), Presentation::Replay);
    assert_eq!(state.present(2, false, WINDOW, much_later), Presentation::Keep);
}

#[test]
fn a_clock_behind_the_writer_is_inside_the_window() {
    let state = issued(rotate(Generations::first(), 1, T0));
    assert!(matches!(rotate(state, 1, T0 - Duration::seconds(5)), Presentation::Issue(_)));
}

/// What a history of presentations must have done, kept by other means than the rule: the set of generations that
/// would be answered with tokens.
#[derive(Debug)]
struct Model {
    state: Generations,
    highest_presented: u32,
    revoked: bool,
}

impl Model {
    fn live(&self, now: OffsetDateTime) -> Vec<u32> {
        if self.revoked {
            return Vec::new();
        }
        (1..=self.state.current)
            .filter(|&generation| {
                generation > self.highest_presented
                    && matches!(
                        self.state.present(generation, true, WINDOW, now),
                        Presentation::Issue(_) | Presentation::Keep
                    )
            })
            .collect()
    }
}

proptest! {
    #[test]
    fn never_two_live_branches(steps in proptest::collection::vec((0_u32..40, 0_i64..40), 1..60)) {
        let mut model = Model { state: Generations::first(), highest_presented: 0, revoked: false };
        let mut now = T0;
        for (choice, seconds) in steps {
            now += Duration::seconds(seconds);
            prop_assert!(model.live(now).len() <= 1, "{model:?}");
            let presented = choice % (model.state.current + 3);
            if model.revoked {
                break;
            }
            match model.state.present(presented, true, WINDOW, now) {
                Presentation::Issue(next) => {
                    prop_assert_eq!(next.current, model.state.current + 1);
                    prop_assert!(presented == model.state.current || presented == model.state.base);
                    prop_assert!(next.base >= model.state.base);
                    model.highest_presented = model.highest_presented.max(presented);
                    model.state = next;
                    prop_assert_eq!(model.live(now), vec![next.current]);
                }
                Presentation::Replay => {
                    prop_assert!(presented < model.state.current);
                    model.revoked = true;
                }
                Presentation::Superseded => {
                    prop_assert!(presented > model.state.base && presented < model.state.current);
                }
                Presentation::Unknown => {
                    prop_assert!(presented == 0 || presented > model.state.current);
                }
                Presentation::Keep => prop_assert!(false, "a rotating family keeps nothing"),
            }
        }
    }

    #[test]
    fn any_generation_older_than_the_base_is_replay(
        base in 2_u32..1_000, ahead in 1_u32..20, older in 1_u32..1_000, seconds in 0_i64..100, rotates: bool,
    ) {
        let state = Generations { current: base + ahead, base, base_used_at: Some(T0) };
        let presented = 1 + (older - 1) % (base - 1);
        let now = T0 + Duration::seconds(seconds);
        prop_assert_eq!(state.present(presented, rotates, WINDOW, now), Presentation::Replay);
    }

    #[test]
    fn a_generation_that_was_never_issued_is_unknown(current in 1_u32..1_000, ahead in 1_u32..1_000, rotates: bool) {
        let state = Generations { current, base: current - 1, base_used_at: Some(T0) };
        prop_assert_eq!(state.present(current + ahead, rotates, WINDOW, T0), Presentation::Unknown);
    }
}
