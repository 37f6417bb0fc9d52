//! Who may try, and how often.

use futures_util::future::{try_join, try_join3};
use time::Duration;

use super::policy::JourneyPolicy;
use super::types::Visitor;
use crate::abuse::{Flight, InFlight};
use crate::account::IdentifierKey;
use crate::error::PortError;
use crate::id::AccountId;
use crate::ratelimit::{Limit, RateLimitError, RateLimiter, Run, network_of, source_of};

/// Whether an attempt may go on.
pub(super) enum Reserved<T> {
    /// It is counted, and may.
    Go(T),
    /// Too many, until this much later.
    Wait(Duration),
}

/// An attempt that was counted: the names of the runs that a success starts again. In flight until it is dropped.
pub(super) struct Attempt {
    /// What is tried, in this browser.
    pub(super) browser: String,
    /// What is tried, from this source and from everywhere; `None` in a known browser, which is counted on its own.
    strangers: Option<(String, String)>,
    _flight: Flight,
}

impl Attempt {
    /// Whether it was made in a browser that is not known.
    pub(super) const fn is_of_a_stranger(&self) -> bool {
        self.strangers.is_some()
    }
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
    in_flight: &InFlight,
    visitor: &Visitor<'_>,
    tried: &Tried<'_>,
) -> Result<Reserved<Attempt>, PortError> {
    let address = visitor.peer.address;
    let (source, network) = (source_of(address), network_of(address));
    let everywhere = tried.name();
    let browser = tried.in_browser(visitor);
    let here = format!("{everywhere}|from:{source}");
    // Every call is made, known browser or not: nobody can tell from them.
    let by_source = over(limiter.attempt(&policy.sign_in_per_peer, &source).await)?;
    let by_network = over(limiter.attempt(&policy.sign_in_per_network, &network).await)?;
    let names = [browser.as_str(), &here, &everywhere];
    let mut runs = Runs::read(limiter, names).await?;
    if let Some(wait) = by_source.max(by_network).filter(|_| !runs.known.was_restarted()) {
        return Ok(Reserved::Wait(wait));
    }
    let name = if runs.known.was_restarted() { &browser } else { &here };
    let watching = in_flight.watch(name);
    let mut patience = policy.sign_in_patience;
    loop {
        let (_, ended) = watching.seen();
        let Some(wait) = runs.count(limiter, policy).await? else {
            let strangers = (!runs.known.was_restarted()).then_some((here.clone(), everywhere));
            let flight = in_flight.begin(name);
            return Ok(Reserved::Go(Attempt { browser: browser.clone(), strangers, _flight: flight }));
        };
        // Others of the same pair may be about to succeed, which begins another run.
        let mut ended = ended;
        runs = loop {
            let (flying, now_ended) = watching.seen();
            if now_ended != ended {
                ended = now_ended;
                let again = Runs::read(limiter, names).await?;
                if !again.are(&runs) {
                    break again;
                }
            } else if flying == 0 || patience.is_zero() {
                return Ok(Reserved::Wait(wait));
            } else {
                limiter.ports().runtime().sleep(TICK).await;
                patience = patience.saturating_sub(TICK);
            }
        };
    }
}

/// How often an attempt that waits for others looks at them.
const TICK: std::time::Duration = std::time::Duration::from_millis(25);

/// The runs that an attempt belongs to.
struct Runs {
    known: Run,
    short: Run,
    long: Run,
}

impl Runs {
    async fn read(limiter: &RateLimiter, [browser, here, everywhere]: [&str; 3]) -> Result<Self, PortError> {
        let (known, short, long) =
            try_join3(limiter.run(browser), limiter.run(here), limiter.run(everywhere)).await?;
        Ok(Self { known, short, long })
    }

    fn are(&self, others: &Self) -> bool {
        self.known.is(&others.known) && self.short.is(&others.short) && self.long.is(&others.long)
    }

    /// Counts an attempt; `Some` says how long to wait.
    async fn count(
        &self,
        limiter: &RateLimiter,
        policy: &JourneyPolicy,
    ) -> Result<Option<Duration>, PortError> {
        let known = self.known.was_restarted();
        let (short, long) = if known { (&self.known, &self.known) } else { (&self.short, &self.long) };
        // The short one first: who is stopped by it does not use up the long one.
        if let Some(wait) = over(limiter.attempt_in(&policy.sign_in_per_identifier_and_peer, short).await)? {
            return Ok(Some(wait));
        }
        if let Some(wait) = over(limiter.attempt_after_waiting(&policy.sign_in_backoff, short).await)? {
            return Ok(Some(wait));
        }
        over(limiter.attempt_in(&policy.sign_in_per_identifier, long).await)
    }
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
