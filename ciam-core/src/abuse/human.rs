//! A check that costs a machine something.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use serde_json::{Value, json};
use time::Duration;

use crate::crypto::sha256;
use crate::encoding::base64url;
use crate::error::PortError;
use crate::ports::Ports;

/// Asks for something that is cheap once and dear a thousand times: a captcha, a proof of work.
///
/// # Contract
///
/// - What [`challenge`](Self::challenge) gives is for one check, and so is its answer. The journey asks for each answer once,
///   keeps the state (as JSON), and counts wrong answers.
/// - [`verify`](Self::verify) says whether the answer is right, and changes nothing here. A state that this check did not
///   make is passed by nobody.
///
/// Its suite is [`testkit::human_check`](crate::testkit::human_check).
///
/// # Cancel safety
///
/// A question or an answer that is dropped has not been asked or given.
///
/// # Errors
///
/// A check that cannot be made is not passed: it fails, and so does the step.
#[async_trait]
pub trait HumanCheck: fmt::Debug + Send + Sync {
    /// The stable name, by which a page knows what to show: `proof_of_work`, `turnstile`.
    fn name(&self) -> &'static str;

    /// Makes a challenge.
    async fn challenge(&self, ports: &Ports) -> Result<HumanChallenge, PortError>;

    /// Whether the answer is right.
    async fn verify(
        &self,
        ports: &Ports,
        state: &Value,
        answer: &str,
        address: IpAddr,
    ) -> Result<bool, PortError>;
}

/// A challenge of a check.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HumanChallenge {
    /// What the page needs.
    pub public: Value,
    /// What is needed again to verify the answer; never shown.
    pub state: Value,
}

impl HumanChallenge {
    /// A challenge.
    #[must_use]
    pub const fn new(public: Value, state: Value) -> Self {
        Self { public, state }
    }
}

/// A check that nobody has to make: for hosts that want none. Whoever is asked has passed.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoHumanCheck;

impl NoHumanCheck {
    /// A check that nobody has to make.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl HumanCheck for NoHumanCheck {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn challenge(&self, _ports: &Ports) -> Result<HumanChallenge, PortError> {
        Ok(HumanChallenge::default())
    }

    async fn verify(&self, _: &Ports, _: &Value, _: &str, _: IpAddr) -> Result<bool, PortError> {
        Ok(true)
    }
}

/// A proof of work: a number is to be found with which the SHA-256 digest of `challenge:number` begins with so many zero
/// bits.
///
/// It needs nobody else's service and tells nobody who visits. It does not find out who is human; it makes each attempt
/// cost a second of a browser instead of nothing. With 18 bits a browser tries a quarter of a million numbers on average.
///
/// Who cannot work, because their browser runs no scripts or they do without, may [wait](Self::WAIT) instead: the answer
/// [`WAITED`](Self::WAITED) is right once that time has passed since the question. For a machine that is dearer than the work.
///
/// ```
/// use ciam_core::abuse::ProofOfWork;
///
/// let answer = ProofOfWork::solve("a challenge", 8);
/// assert!(ProofOfWork::is_solved("a challenge", 8, &answer));
/// assert!(!ProofOfWork::is_solved("another", 20, &answer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofOfWork {
    bits: u32,
    wait: Option<Duration>,
}

impl ProofOfWork {
    /// The default number of bits: 18.
    pub const DEFAULT_BITS: u32 = 18;
    /// More is asked of nobody: hours on a phone.
    pub const MAX_BITS: u32 = 28;

    /// How long one may wait instead, by default: 30 seconds.
    pub const WAIT: Duration = Duration::seconds(30);
    /// The answer of those who have waited.
    pub const WAITED: &'static str = "waited";

    /// A proof of work of the default size.
    #[must_use]
    pub const fn new() -> Self {
        Self { bits: Self::DEFAULT_BITS, wait: Some(Self::WAIT) }
    }

    /// Sets how long one may wait instead; `None`: one may not. Then nobody passes without a script.
    #[must_use]
    pub const fn with_wait(mut self, wait: Option<Duration>) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how many zero bits are asked for, at most [`MAX_BITS`](Self::MAX_BITS).
    #[must_use]
    pub fn with_bits(mut self, bits: u32) -> Self {
        self.bits = bits.min(Self::MAX_BITS);
        self
    }

    /// Whether an answer solves a challenge.
    #[must_use]
    pub fn is_solved(challenge: &str, bits: u32, answer: &str) -> bool {
        let number = (1..=20).contains(&answer.len()) && answer.bytes().all(|byte| byte.is_ascii_digit());
        number && zeros(&sha256(format!("{challenge}:{answer}").as_bytes())) >= bits
    }

    /// Finds an answer, as a client without a browser does. Works as long as the size says.
    #[must_use]
    pub fn solve(challenge: &str, bits: u32) -> String {
        let found =
            (0_u64..).map(|number| number.to_string()).find(|it| Self::is_solved(challenge, bits, it));
        found.unwrap_or_default()
    }
}

impl Default for ProofOfWork {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl HumanCheck for ProofOfWork {
    fn name(&self) -> &'static str {
        "proof_of_work"
    }

    async fn challenge(&self, ports: &Ports) -> Result<HumanChallenge, PortError> {
        let mut random = [0; 16];
        ports.entropy().fill(&mut random)?;
        let challenge = base64url::encode(&random);
        let wait = self.wait.map(Duration::whole_seconds);
        let until = wait.map(|wait| ports.now().unix_timestamp().saturating_add(wait));
        Ok(HumanChallenge::new(
            json!({ "challenge": challenge, "bits": self.bits, "wait": wait }),
            json!({ "challenge": challenge, "bits": self.bits, "until": until }),
        ))
    }

    async fn verify(&self, ports: &Ports, state: &Value, answer: &str, _: IpAddr) -> Result<bool, PortError> {
        if answer == Self::WAITED {
            let until = state.get("until").and_then(Value::as_i64);
            return Ok(until.is_some_and(|until| ports.now().unix_timestamp() >= until));
        }
        let challenge = state.get("challenge").and_then(Value::as_str);
        let bits = state.get("bits").and_then(Value::as_u64).and_then(|bits| u32::try_from(bits).ok());
        let (Some(challenge), Some(bits)) = (challenge, bits) else { return Ok(false) };
        Ok(Self::is_solved(challenge, bits, answer))
    }
}

fn zeros(digest: &[u8]) -> u32 {
    let whole = digest.iter().take_while(|byte| **byte == 0).count();
    let rest = digest.get(whole).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(whole).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_asked_for() {
        assert_eq!(zeros(&[0, 0, 0x1f, 0]), 19);
        assert_eq!(zeros(&[0xff]), 0);
        assert_eq!(zeros(&[0, 0]), 16);
        let answer = ProofOfWork::solve("challenge", 10);
        assert!(ProofOfWork::is_solved("challenge", 10, &answer));
        assert!(!ProofOfWork::is_solved("challengf", 10, &answer));
        for wrong in ["", "-1", "1.5", "999999999999999999999", "x"] {
            assert!(!ProofOfWork::is_solved("challenge", 0, wrong), "{wrong}");
        }
        assert_eq!(ProofOfWork::new().with_bits(200).bits, ProofOfWork::MAX_BITS);
    }

    #[cfg(feature = "testkit")]
    #[tokio::test]
    async fn who_does_not_work_waits() {
        let clock = std::sync::Arc::new(crate::testkit::ManualClock::default());
        let ports = crate::memory::ports().with_clock(clock.clone());
        let check = ProofOfWork::new();
        let (asked, here) = (check.challenge(&ports).await.unwrap(), IpAddr::from([192, 0, 2, 1]));
        assert_eq!(asked.public["wait"], 30);
        let waited = |state: Value| {
            let ports = ports.clone();
            async move { check.verify(&ports, &state, ProofOfWork::WAITED, here).await.unwrap() }
        };
        assert!(!waited(asked.state.clone()).await);
        clock.advance(Duration::seconds(29));
        assert!(!waited(asked.state.clone()).await);
        clock.advance(Duration::seconds(1));
        assert!(waited(asked.state).await);
        let busy = check.with_wait(None).challenge(&ports).await.unwrap();
        clock.advance(Duration::days(1));
        assert!(!waited(busy.state).await, "where nobody may wait, nobody does");
    }
}
