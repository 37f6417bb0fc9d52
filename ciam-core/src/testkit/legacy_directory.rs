//! The contract of [`LegacyDirectory`].

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::race::poll_some;
use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::account::{Identifier, IdentifierKey};
use crate::migration::{LegacyAccount, LegacyDirectory, LegacyOutcome};
use crate::secret::Secret;

/// A [`LegacyDirectory`] under test, with people whom the old system knows.
#[async_trait]
pub trait LegacyDirectoryHarness: Send + Sync {
    /// The directory. All that are given out are on the same system.
    fn directory(&self) -> Arc<dyn LegacyDirectory>;

    /// Somebody who may sign in there: their identifier, which the old system has verified, and their password, of at least
    /// six characters with a letter among them.
    fn person(&self) -> (IdentifierKey, Secret);

    /// Somebody whom the old system does not let in any more, with their right password; `None` when it has no such state.
    fn stopped(&self) -> Option<(IdentifierKey, Secret)> {
        None
    }

    /// The directory while the old system cannot be reached.
    fn out_of_reach(&self) -> Arc<dyn LegacyDirectory>;
}

/// Runs the contract of [`LegacyDirectory`] against an implementation.
pub async fn legacy_directory(harness: &(dyn LegacyDirectoryHarness + 'static)) -> Report {
    legacy_directory_suite().run(harness).await
}

/// The contract of [`LegacyDirectory`], clause by clause.
#[must_use]
pub fn legacy_directory_suite() -> Suite<dyn LegacyDirectoryHarness> {
    Suite::new("LegacyDirectory", &[CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |harness| Box::pin($check(harness)))
    };
}

const CLAUSES: &[Clause<dyn LegacyDirectoryHarness>] = &[
    clause!("confirm.right", right, "The right password is confirmed, as often as it is asked for."),
    clause!("confirm.verified", verified, "What was typed is among the identifiers, and verified."),
    clause!("confirm.same", same, "Asked twice at once, it says the same."),
    clause!("refuse.password", password, "No other password is confirmed, however alike."),
    clause!("refuse.stranger", stranger, "Whom it does not know is refused."),
    clause!("refuse.stopped", stopped, "Whom the old system does not let in is refused."),
    clause!("fail.silence", silence, "A system that cannot be asked has not answered: it fails."),
    clause!("cancel.safe", cancelled, "A question that is dropped leaves nothing behind."),
];

type Harness = dyn LegacyDirectoryHarness;

async fn ask(harness: &Harness, key: &IdentifierKey, password: &str) -> Result<LegacyOutcome, Violation> {
    Ok(harness.directory().authenticate(key, &Secret::new(password.to_owned())).await?)
}

async fn confirmed(harness: &Harness) -> Result<LegacyAccount, Violation> {
    let (key, password) = harness.person();
    match ask(harness, &key, password.expose()).await? {
        LegacyOutcome::Confirmed(account) => Ok(*account),
        other => Err(Violation::new(format!("the right password is {other:?}"))),
    }
}

/// What makes one confirmation the same as another.
fn summary(account: &LegacyAccount) -> String {
    let id = account.external_id.as_ref().map(|id| id.as_str().to_owned());
    format!("{id:?} {:?} {:?} {:?}", account.identifiers, account.profile, account.created_at)
}

async fn right(harness: &Harness) -> Result<(), Violation> {
    for _ in 0..3 {
        confirmed(harness).await?;
    }
    Ok(())
}

async fn verified(harness: &Harness) -> Result<(), Violation> {
    let (key, password) = harness.person();
    // One that confirms nobody breaks another clause.
    let LegacyOutcome::Confirmed(account) = ask(harness, &key, password.expose()).await? else {
        return Ok(());
    };
    let typed = account.identifiers.iter().find(|known| known.key == key);
    ensure!(typed.is_some(), "what was typed is not among the identifiers");
    ensure!(typed.is_some_and(Identifier::is_verified), "what was typed is not verified");
    Ok(())
}

async fn same(harness: &Harness) -> Result<(), Violation> {
    let (key, password) = harness.person();
    let outcomes = join_all((0..8).map(|_| ask(harness, &key, password.expose()))).await;
    let mut summaries = Vec::new();
    for outcome in outcomes {
        if let LegacyOutcome::Confirmed(account) = outcome? {
            summaries.push(summary(&account));
        }
    }
    for other in &summaries {
        ensure_eq!(Some(other), summaries.first(), "what it confirms");
    }
    Ok(())
}

async fn password(harness: &Harness) -> Result<(), Violation> {
    let (key, password) = harness.person();
    let right = password.expose();
    let swapped = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let all_but_last: String = right.chars().take(right.chars().count().saturating_sub(1)).collect();
    let others = [
        String::new(),
        " ".to_owned(),
        "*".to_owned(),
        format!("{right} "),
        format!(" {right}"),
        format!("{right}{right}"),
        right.chars().map(swapped).collect(),
        all_but_last,
        "x".repeat(20_000),
        "' OR '1'='1".to_owned(),
    ];
    for other in others {
        let shown: String = other.chars().take(40).collect();
        // A system that refuses to look at some texts at all may say so.
        let outcome = harness.directory().authenticate(&key, &Secret::new(other)).await;
        let open = matches!(outcome, Ok(LegacyOutcome::Confirmed(_)));
        ensure!(!open, "{shown:?} is confirmed");
    }
    Ok(())
}

async fn stranger(harness: &Harness) -> Result<(), Violation> {
    let (key, password) = harness.person();
    let near = [
        IdentifierKey::email("nobody-at-all@no-such-domain.example"),
        IdentifierKey::email(&format!("x{}", key.as_str())),
        IdentifierKey::username("no-such-person"),
        IdentifierKey::phone("+15555550100"),
    ];
    for other in near.into_iter().flatten().filter(|other| *other != key) {
        let outcome = ask(harness, &other, password.expose()).await?;
        ensure!(matches!(outcome, LegacyOutcome::Refused), "{} is {outcome:?}", other.as_str());
    }
    Ok(())
}

async fn stopped(harness: &Harness) -> Result<(), Violation> {
    let Some((key, password)) = harness.stopped() else { return Ok(()) };
    let outcome = ask(harness, &key, password.expose()).await?;
    ensure!(matches!(outcome, LegacyOutcome::Refused), "somebody who was stopped is {outcome:?}");
    Ok(())
}

async fn silence(harness: &Harness) -> Result<(), Violation> {
    let (key, password) = harness.person();
    let outcome = harness.out_of_reach().authenticate(&key, &password).await;
    ensure!(outcome.is_err(), "a system that cannot be reached says {outcome:?}");
    Ok(())
}

async fn cancelled(harness: &Harness) -> Result<(), Violation> {
    let (key, password) = harness.person();
    let before = ask(harness, &key, password.expose()).await?;
    for polls in 1..4 {
        let directory = harness.directory();
        let _dropped = poll_some(directory.authenticate(&key, &password), polls).await;
    }
    let after = ask(harness, &key, password.expose()).await?;
    let confirms = |outcome: &LegacyOutcome| matches!(outcome, LegacyOutcome::Confirmed(_));
    ensure_eq!(confirms(&after), confirms(&before), "whether it confirms after questions that were dropped");
    Ok(())
}
