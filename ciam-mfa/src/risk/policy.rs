//! From a score to what happens.

use std::time::Duration as Wait;

use ciam_core::assurance::Acr;
use ciam_core::risk::{RiskAction, RiskLevel};
use time::Duration;

/// What a score leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the four things that can happen")]
pub enum Verdict {
    /// It goes on.
    Allow,
    /// The account is asked for one of its further factors, or for a code to an address of its own where it has none.
    Challenge,
    /// The same, and it is refused where it has neither.
    StepUp,
    /// It is refused, whatever is proved.
    Deny,
}

impl Verdict {
    /// What the journey is told.
    #[must_use]
    pub const fn level(self) -> RiskLevel {
        match self {
            Self::Allow => RiskLevel::Low,
            Self::Challenge => RiskLevel::Medium,
            Self::StepUp => RiskLevel::High,
            Self::Deny => RiskLevel::Blocked,
        }
    }
}

/// From which score on what happens.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Thresholds {
    /// From here on there is a challenge.
    pub challenge: f64,
    /// From here on there is none without a challenge passed.
    pub step_up: f64,
    /// From here on it is refused.
    pub deny: f64,
}

impl Thresholds {
    /// From which scores on there is a challenge, a step-up, a refusal.
    #[must_use]
    pub const fn new(challenge: f64, step_up: f64, deny: f64) -> Self {
        Self { challenge, step_up, deny }
    }

    /// What a score leads to.
    #[must_use]
    pub fn verdict(&self, score: f64) -> Verdict {
        // What is no number is no reason to let anybody in.
        if score.is_nan() || score >= self.deny {
            Verdict::Deny
        } else if score >= self.step_up {
            Verdict::StepUp
        } else if score >= self.challenge {
            Verdict::Challenge
        } else {
            Verdict::Allow
        }
    }

    /// The stricter of two, in each respect.
    fn stricter(self, other: Self) -> Self {
        Self {
            challenge: self.challenge.min(other.challenge),
            step_up: self.step_up.min(other.step_up),
            deny: self.deny.min(other.deny),
        }
    }
}

/// What happens at which score, how long is waited for what, and how much is remembered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RiskPolicy {
    /// Of sign-ins and step-ups. Default: challenge from -2.9, step-up from 1.5, refusal from 5.5.
    pub sign_in: Thresholds,
    /// Of recoveries. Default: challenge from -3.2, step-up from 0.0, refusal from 4.5.
    pub recover: Thresholds,
    /// Of registrations, which cannot be challenged: a step-up is a refusal there. Default from 3.0.
    pub register: Thresholds,
    /// Where one of these levels of assurance is asked for, these count as far as they are stricter. Default none.
    pub by_acr: Vec<(Acr, Thresholds)>,
    /// How long is waited for what is known of networks. Default 80 ms, within the 150 ms of the journey's policy.
    pub networks_deadline: Wait,
    /// How long refusals of an account are remembered. Default 15 minutes.
    pub refusals: Duration,
    /// A tenant is under attack when in this time so many sign-ins were refused, and so many of a hundred. Default 10 minutes.
    pub attack_window: Duration,
    /// So many sign-ins. Default 50.
    pub attack_refused: u64,
    /// So many of a hundred. Default 60.
    pub attack_percent: u64,
    /// Whether a device that is not known has to pass a check while the tenant is under attack. Default `true`.
    pub check_under_attack: bool,
}

impl Default for RiskPolicy {
    fn default() -> Self {
        Self {
            sign_in: Thresholds::new(-2.9, 1.5, 5.5),
            recover: Thresholds::new(-3.2, 0.0, 4.5),
            register: Thresholds::new(3.0, 3.0, 3.0),
            by_acr: Vec::new(),
            networks_deadline: Wait::from_millis(80),
            refusals: Duration::minutes(15),
            attack_window: Duration::minutes(10),
            attack_refused: 50,
            attack_percent: 60,
            check_under_attack: true,
        }
    }
}

impl RiskPolicy {
    /// Sets the thresholds of sign-ins and step-ups.
    #[must_use]
    pub const fn with_sign_in(mut self, thresholds: Thresholds) -> Self {
        self.sign_in = thresholds;
        self
    }

    /// Counts other thresholds, as far as they are stricter, where this level of assurance is asked for.
    #[must_use]
    pub fn with_acr(mut self, acr: Acr, thresholds: Thresholds) -> Self {
        self.by_acr.push((acr, thresholds));
        self
    }

    /// What a score leads to, by what is done and what is asked for.
    #[must_use]
    pub fn verdict(&self, score: f64, action: RiskAction, acr_values: &[Acr]) -> Verdict {
        let base = match action {
            RiskAction::Register => self.register,
            RiskAction::Recover => self.recover,
            _ => self.sign_in,
        };
        let asked = self.by_acr.iter().filter(|(acr, _)| acr_values.contains(acr));
        asked.fold(base, |thresholds, (_, other)| thresholds.stricter(*other)).verdict(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_leads_to_one_of_four_things() {
        let policy = RiskPolicy::default().with_sign_in(Thresholds::new(-1.0, 1.5, 4.0));
        for (score, expected) in [
            (-4.6, Verdict::Allow),
            (-1.01, Verdict::Allow),
            (-1.0, Verdict::Challenge),
            (1.5, Verdict::StepUp),
            (4.0, Verdict::Deny),
            (f64::NAN, Verdict::Deny),
            (f64::INFINITY, Verdict::Deny),
        ] {
            assert_eq!(policy.verdict(score, RiskAction::SignIn, &[]), expected, "{score}");
        }
        let levels = [Verdict::Allow, Verdict::Challenge, Verdict::StepUp, Verdict::Deny].map(Verdict::level);
        assert_eq!(levels, [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Blocked]);
    }

    #[test]
    fn each_action_has_thresholds_of_its_own() {
        let policy = RiskPolicy::default();
        for (action, score, expected) in [
            (RiskAction::SignIn, -3.0, Verdict::Allow),
            (RiskAction::StepUp, -3.0, Verdict::Allow),
            (RiskAction::Recover, -3.0, Verdict::Challenge),
            (RiskAction::Register, 2.9, Verdict::Allow),
            (RiskAction::Register, 3.0, Verdict::Deny),
            (RiskAction::SignIn, 3.0, Verdict::StepUp),
            (RiskAction::Recover, 4.5, Verdict::Deny),
        ] {
            assert_eq!(policy.verdict(score, action, &[]), expected, "{action:?} {score}");
        }
    }

    #[test]
    fn a_level_that_is_asked_for_makes_it_stricter_and_never_laxer() {
        let gold = Acr::new("gold");
        let policy = RiskPolicy::default()
            .with_sign_in(Thresholds::new(-1.0, 1.5, 4.0))
            .with_acr(gold.clone(), Thresholds::new(-3.0, 5.0, 9.0));
        let asked = [gold];
        assert_eq!(policy.verdict(-2.0, RiskAction::SignIn, &[]), Verdict::Allow);
        assert_eq!(policy.verdict(-2.0, RiskAction::SignIn, &asked), Verdict::Challenge);
        assert_eq!(policy.verdict(2.0, RiskAction::SignIn, &asked), Verdict::StepUp);
        assert_eq!(policy.verdict(4.5, RiskAction::StepUp, &asked), Verdict::Deny);
    }
}
