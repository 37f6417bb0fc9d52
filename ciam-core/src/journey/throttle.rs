//! Who may try, and how often.

use futures_util::future::{try_join, try_join3};
use time::Duration;

use super::policy::JourneyPolicy;
use super::types::Visitor;
use crate::account::IdentifierKey;
use crate::error::PortError;
use crate::id::AccountId;
use crate::ratelimit::{Limit, RateLimitError, RateLimiter, Run, source_of};

/// Whether an attempt may go on.
pub(super) enum Reserved<T> {
    /// It is counted, and may.
    Go(T),
    /// Too many, until this much later.
    Wait(Duration),
}

/// An attempt that was counted: the names of the runs that a success starts again.
pub(super) struct Attempt {
    /// What is tried, in this browser.
    pub(super) browser: String,
    /// What is tried, from this source and from everywhere; `None` in a known browser, which is counted on its own.
    strangers: Option<(String, String)>,
}

/// What is tried: an identifier with its password, or a factor of an account.
pub(super) enum Tried<'a> {
    /// An identifier, known or not.
    Identifier(&'a IdentifierKey),
    /// A further factor of an account.
    Factor(&'a str, AccountId),
}

impl Tried<'_> {
    fn name(&self) -> String {
        match self {
            Self::Identifier(key) => format!("sign_in|{}:{}", key.kind().as_str(), key.as_str()),
            Self::Factor(name, account) => format!("factor|{account}|{name}"),
        }
    }

    /// The name of its run in a browser.
    pub(super) fn in_browser(&self, visitor: &Visitor<'_>) -> String {
        format!("{}|browser:{}", self.name(), visitor.browser.digest().to_text())
    }
}

/// Counts one attempt; says `Wait` when it is over one of the limits.
pub(super) async fn reserve(
    limiter: &RateLimiter,
    policy: &JourneyPolicy,
    visitor: &Visitor<'_>,
    tried: &Tried<'_>,
) -> Result<Reserved<Attempt>, PortError> {
    let source = source_of(visitor.peer.address);
    if let Some(wait) = over(limiter.attempt(&policy.sign_in_per_peer, &source).await)? {
        return Ok(Reserved::Wait(wait));
    }
    let everywhere = tried.name();
    let browser = tried.in_browser(visitor);
    let here = format!("{everywhere}|from:{source}");
    // All three are read, known browser or not: nobody can tell from the calls.
    let (known, short, long) =
        try_join3(limiter.run(&browser), limiter.run(&here), limiter.run(&everywhere)).await?;
    let strangers = (!known.was_restarted()).then_some((here, everywhere));
    let (short, long): (&Run, &Run) = if strangers.is_some() { (&short, &long) } else { (&known, &known) };
    // The short one first: who is stopped by it does not use up the long one.
    for (limit, run) in
        [(&policy.sign_in_per_identifier_and_peer, short), (&policy.sign_in_per_identifier, long)]
    {
        if let Some(wait) = over(limiter.attempt_in(limit, run).await)? {
            return Ok(Reserved::Wait(wait));
        }
    }
    Ok(Reserved::Go(Attempt { browser, strangers }))
}

/// Starts the counts of strangers again: what was tried has succeeded, if not yet the whole sign-in.
pub(super) async fn succeeded(limiter: &RateLimiter, policy: &JourneyPolicy, attempt: &Attempt) {
    if let Some((here, everywhere)) = &attempt.strangers {
        let longest = longest_window(policy);
        // A count that is not started again is stricter than it need be, and nothing worse.
        let _stricter = try_join(limiter.restart(here, longest), limiter.restart(everywhere, longest)).await;
    }
}

/// Remembers a browser in which a sign-in came to its good end, by the name of its run.
pub(super) async fn remember(limiter: &RateLimiter, policy: &JourneyPolicy, browser: &str) {
    let lifetime = policy.known_browser.max(longest_window(policy));
    let _stricter = limiter.restart(browser, lifetime).await;
}

/// Counts one message with a code that is asked for with an identifier, from everywhere or from one known browser. Gives the
/// name under which its recipient is to be counted.
pub(super) async fn reserve_message(
    limiter: &RateLimiter,
    policy: &JourneyPolicy,
    visitor: &Visitor<'_>,
    key: &IdentifierKey,
) -> Result<Reserved<Option<String>>, PortError> {
    let browser = Tried::Identifier(key).in_browser(visitor);
    let known = limiter.run(&browser).await?.was_restarted().then_some(browser);
    let name = known.as_deref().unwrap_or(key.as_str());
    for limit in [&policy.messages_per_address, &policy.messages_per_address_long] {
        if let Some(wait) = count(limiter, limit, name).await? {
            return Ok(Reserved::Wait(wait));
        }
    }
    Ok(Reserved::Go(known))
}

/// Counts one message to a recipient; `false` when it is one too many, which nobody but the recipient's mailbox may know.
pub(super) async fn may_receive(
    limiter: &RateLimiter,
    policy: &JourneyPolicy,
    known: Option<&str>,
    recipient: &IdentifierKey,
) -> Result<bool, PortError> {
    let name = format!("{}|{}", recipient.as_str(), known.unwrap_or_default());
    Ok(count(limiter, &policy.messages_per_recipient, &name).await?.is_none())
}

fn longest_window(policy: &JourneyPolicy) -> Duration {
    policy.sign_in_per_identifier.window().max(policy.sign_in_per_identifier_and_peer.window())
}

/// Counts one attempt that has no runs; `Some` says how long to wait.
pub(super) async fn count(
    limiter: &RateLimiter,
    limit: &Limit,
    key: &str,
) -> Result<Option<Duration>, PortError> {
    over(limiter.attempt(limit, key).await)
}

fn over(counted: Result<(), RateLimitError>) -> Result<Option<Duration>, PortError> {
    match counted {
        Ok(()) => Ok(None),
        Err(RateLimitError::Limited { retry_after }) => Ok(Some(retry_after)),
        Err(RateLimitError::Port(error)) => Err(error),
    }
}
