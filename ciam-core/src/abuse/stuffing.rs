//! Finding out who tries stolen passwords.

use futures_util::future::try_join3;
use time::Duration;

use crate::ephemeral::EphemeralKey;
use crate::error::PortError;
use crate::ports::Ports;
use crate::secret::TokenDigest;

/// When a source of sign-ins counts as one that tries stolen passwords: so many different accounts in a window, and so
/// large a share of refusals.
///
/// What is kept of a source is 256 marks and three counters, however many accounts it tries; the number of accounts is an
/// estimate by [linear counting](https://doi.org/10.1145/78922.78925), a few per cent off. Sources and identifiers are kept
/// as digests.
///
/// An office or a mobile network has many accounts behind one address, and its people know their passwords. An attacker
/// has a list of which few fit. An attacker with as many addresses as accounts is not seen here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StuffingPolicy {
    /// The window. Default 10 minutes.
    pub window: Duration,
    /// So many different accounts. Default 20.
    pub accounts: u64,
    /// So many refusals of a hundred attempts. Default 80.
    pub refused_percent: u64,
    /// How long a source that was found out is remembered. Default an hour.
    pub remember: Duration,
}

impl Default for StuffingPolicy {
    fn default() -> Self {
        Self {
            window: Duration::minutes(10),
            accounts: 20,
            refused_percent: 80,
            remember: Duration::hours(1),
        }
    }
}

/// What an attempt showed of its source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// How many marks are set, if this attempt set one.
    marks: Option<u64>,
    /// How many attempts there were.
    attempts: u64,
    /// Whether the source was found out before.
    pub(crate) flagged: bool,
}

const MARKS: u16 = 256;

/// Notes an attempt of a source on an account. The same calls whatever the account: an attempt that sets no mark counts
/// into the void.
pub(crate) async fn note_attempt(
    ports: &Ports,
    policy: &StuffingPolicy,
    source: &str,
    account: &str,
) -> Result<Seen, PortError> {
    let [high, ..] = *TokenDigest::of(&format!("stuffing\n{account}")).as_bytes();
    let ephemeral = ports.ephemeral();
    let (mark, attempts) =
        (key(source, &format!("mark {}", u16::from(high) % MARKS)), key(source, "attempts"));
    let (times, attempts, flagged) = try_join3(
        ephemeral.increment(&mark, policy.window),
        ephemeral.increment(&attempts, policy.window),
        is_flagged(ports, source),
    )
    .await?;
    let counter = key(source, if times == 1 { "marks" } else { "void" });
    let number = ephemeral.increment(&counter, policy.window).await?;
    Ok(Seen { marks: (times == 1).then_some(number), attempts, flagged })
}

/// Notes that an attempt was refused; `true` when the source was found out by it.
pub(crate) async fn note_refusal(
    ports: &Ports,
    policy: &StuffingPolicy,
    source: &str,
    seen: Seen,
) -> Result<bool, PortError> {
    let refused = ports.ephemeral().increment(&key(source, "refused"), policy.window).await?;
    if !is_stuffing(policy, seen, refused) {
        return Ok(false);
    }
    ports.ephemeral().put_if_absent(&flag(source), vec![1], policy.remember).await
}

/// Whether a source was found out before.
pub(crate) async fn is_flagged(ports: &Ports, source: &str) -> Result<bool, PortError> {
    Ok(ports.ephemeral().get(&flag(source)).await?.is_some())
}

fn is_stuffing(policy: &StuffingPolicy, seen: Seen, refused: u64) -> bool {
    let many = seen.marks.is_some_and(|marks| estimate(marks) >= policy.accounts);
    many && refused.saturating_mul(100) >= seen.attempts.saturating_mul(policy.refused_percent)
}

/// How many different things have set so many of the marks.
fn estimate(marks: u64) -> u64 {
    let all = f64::from(MARKS);
    let set = f64::from(u16::try_from(marks).unwrap_or(MARKS).min(MARKS - 1));
    let number = -all * (1.0 - set / all).ln();
    // Between 0 and 1,420: no information is lost.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let number = number.round() as u64;
    number
}

fn key(source: &str, what: &str) -> EphemeralKey {
    EphemeralKey::new("core.stuffing", TokenDigest::of(&format!("{source}\n{what}")).to_text())
}

fn flag(source: &str) -> EphemeralKey {
    EphemeralKey::new("core.stuffing_source", TokenDigest::of(source).to_text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;

    #[test]
    fn the_estimate_is_near() {
        for (marks, at_least, at_most) in
            [(0, 0, 0), (1, 1, 1), (20, 20, 22), (128, 170, 185), (256, 1300, 1500)]
        {
            let number = estimate(marks);
            assert!((at_least..=at_most).contains(&number), "{marks}: {number}");
        }
    }

    async fn run(accounts: usize, tries_each: usize, refused_of_ten: usize) -> bool {
        let (ports, policy) = (memory::ports(), StuffingPolicy::default());
        let mut found = false;
        for n in 0..accounts * tries_each {
            let account = format!("u{}@example.com", n % accounts);
            let seen = note_attempt(&ports, &policy, "192.0.2.1", &account).await.unwrap();
            if n % 10 < refused_of_ten {
                found |= note_refusal(&ports, &policy, "192.0.2.1", seen).await.unwrap();
            }
        }
        assert_eq!(found, is_flagged(&ports, "192.0.2.1").await.unwrap());
        assert!(!is_flagged(&ports, "192.0.2.2").await.unwrap());
        found
    }

    #[tokio::test]
    async fn many_accounts_and_refusals_are_found_out_and_neither_alone() {
        assert!(run(60, 1, 10).await, "a list");
        assert!(run(60, 1, 9).await, "a list of which a tenth fits");
        assert!(!run(60, 1, 2).await, "an office");
        assert!(!run(3, 40, 10).await, "somebody who forgot a password");
    }
}
