//! The contract of [`HumanCheck`].

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::abuse::{HumanChallenge, HumanCheck};
use crate::ports::Ports;

/// A [`HumanCheck`] under test, and somebody who can pass it.
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use ciam_core::abuse::{HumanCheck, ProofOfWork};
/// use ciam_core::ports::Ports;
/// use ciam_core::testkit::{self, HumanCheckHarness};
/// use ciam_core::{memory, testkit::ManualClock};
/// use serde_json::Value;
///
/// struct Work(Ports);
///
/// #[async_trait]
/// impl HumanCheckHarness for Work {
///     fn check(&self) -> Arc<dyn HumanCheck> {
///         Arc::new(ProofOfWork::new().with_bits(6))
///     }
///
///     fn ports(&self) -> &Ports {
///         &self.0
///     }
///
///     async fn solve(&self, public: &Value) -> String {
///         ProofOfWork::solve(public["challenge"].as_str().unwrap(), 6)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// testkit::human_check(&Work(memory::ports())).await.assert_kept();
/// # });
/// ```
#[async_trait]
pub trait HumanCheckHarness: Send + Sync {
    /// The check. All that are given out are on the same backend.
    fn check(&self) -> Arc<dyn HumanCheck>;

    /// The ports that it is called with.
    fn ports(&self) -> &Ports;

    /// The right answer to a challenge, by what its page is shown. Asked again, it is as good as the first one.
    async fn solve(&self, public: &Value) -> String;

    /// The check while what it asks cannot be reached, and its ports; `None` when it asks nobody.
    fn out_of_reach(&self) -> Option<(Arc<dyn HumanCheck>, Ports)> {
        None
    }
}

/// Runs the contract of [`HumanCheck`] against an implementation.
pub async fn human_check(harness: &(dyn HumanCheckHarness + 'static)) -> Report {
    human_check_suite().run(harness).await
}

/// The contract of [`HumanCheck`], clause by clause.
#[must_use]
pub fn human_check_suite() -> Suite<dyn HumanCheckHarness> {
    Suite::new("HumanCheck", &[CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |harness| Box::pin($check(harness)))
    };
}

const CLAUSES: &[Clause<dyn HumanCheckHarness>] = &[
    clause!("name.stable", name, "The name is stable, and of lower-case letters, digits and `_`."),
    clause!("verify.right", right, "The right answer passes, also with a state that was kept as JSON."),
    clause!("verify.wrong", wrong, "No other answer passes."),
    clause!("verify.once", once, "An answer is good for its own challenge alone."),
    clause!("verify.state", state, "A state that the check did not make is passed by nobody."),
    clause!("verify.outage", outage, "A check that cannot be made is not passed."),
];

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

type Harness = dyn HumanCheckHarness;

async fn asked(harness: &Harness) -> Result<HumanChallenge, Violation> {
    Ok(harness.check().challenge(harness.ports()).await?)
}

async fn passes(harness: &Harness, state: &Value, answer: &str) -> Result<bool, Violation> {
    Ok(harness.check().verify(harness.ports(), state, answer, HERE).await?)
}

async fn name(harness: &Harness) -> Result<(), Violation> {
    let name = harness.check().name();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    ensure!(!name.is_empty() && name.len() <= 64 && name.chars().all(plain), "{name:?} is no name");
    for _ in 0..3 {
        ensure_eq!(harness.check().name(), name, "the name");
    }
    Ok(())
}

async fn right(harness: &Harness) -> Result<(), Violation> {
    for _ in 0..4 {
        let challenge = asked(harness).await?;
        let kept: Value = serde_json::from_str(&challenge.state.to_string()).unwrap_or_default();
        let answer = harness.solve(&challenge.public).await;
        ensure!(passes(harness, &kept, &answer).await?, "the right answer {answer:?} does not pass");
    }
    Ok(())
}

async fn wrong(harness: &Harness) -> Result<(), Violation> {
    let challenge = asked(harness).await?;
    let answer = harness.solve(&challenge.public).await;
    let long = "x".repeat(20_000);
    let others = [
        String::new(),
        " ".to_owned(),
        "true".to_owned(),
        "null".to_owned(),
        "\0".to_owned(),
        long,
        format!("{answer}!"),
        answer.chars().skip(1).collect::<String>() + "!",
        challenge.public.to_string(),
        challenge.state.to_string(),
    ];
    for other in others {
        // A check may say that it cannot be made with such a thing; what counts is that nobody passes.
        let passed = harness.check().verify(harness.ports(), &challenge.state, &other, HERE).await;
        ensure!(!passed.unwrap_or_default(), "{:?} passes", other.chars().take(60).collect::<String>());
    }
    Ok(())
}

async fn once(harness: &Harness) -> Result<(), Violation> {
    let (first, second) = (asked(harness).await?, asked(harness).await?);
    let answer = harness.solve(&first.public).await;
    let _first = passes(harness, &first.state, &answer).await?;
    let again = harness.check().verify(harness.ports(), &second.state, &answer, HERE).await;
    ensure!(!again.unwrap_or_default(), "an answer passes for another challenge");
    Ok(())
}

async fn state(harness: &Harness) -> Result<(), Violation> {
    let challenge = asked(harness).await?;
    for other in [Value::Null, json!({}), json!([]), json!({ "check": "another" }), json!("state")] {
        let answer = harness.solve(&challenge.public).await;
        let passed = harness.check().verify(harness.ports(), &other, &answer, HERE).await;
        ensure!(!passed.unwrap_or_default(), "the state {other} is passed");
    }
    Ok(())
}

async fn outage(harness: &Harness) -> Result<(), Violation> {
    let Some((check, ports)) = harness.out_of_reach() else { return Ok(()) };
    let challenge = asked(harness).await?;
    let answer = harness.solve(&challenge.public).await;
    let passed = check.verify(&ports, &challenge.state, &answer, HERE).await;
    ensure!(passed.is_err(), "a check that cannot be made says {passed:?}");
    Ok(())
}
