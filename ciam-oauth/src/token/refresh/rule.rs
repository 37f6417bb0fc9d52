//! The rule of refresh tokens, without I/O: which generation may be used, and what a use does to the family.
//!
//! A family has one live generation, [`Generations::current`]. [`Generations::base`] is the newest one that was *used up*:
//! presented, and answered with a successor. The generations between the two were issued to retries of the base's use and
//! superseded before anybody presented them.
//!
//! ```text
//! 1 ─ … ─ base ─ (superseded retries) ─ current
//!  replay   │        refused              live
//!           └ may be retried while the current one was never presented, for a short time
//! ```
//!
//! There is no state with two live generations, so however many requests race, of all the tokens that they are answered
//! with exactly one can be used ([RFC 9700, section 4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)).

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// Where a refresh-token family stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Generations {
    /// The live generation, counted from 1.
    pub current: u32,
    /// The generation whose use made the current one; 0 while the first one is live.
    pub base: u32,
    /// When the base was first presented; retries do not move it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub base_used_at: Option<OffsetDateTime>,
}

impl Generations {
    /// The first generation, live and never used.
    #[must_use]
    pub const fn first() -> Self {
        Self { current: 1, base: 0, base_used_at: None }
    }

    /// Decides what the presentation of an authentic token of a generation means.
    ///
    /// `rotates` is the rule of the family, `retry_window` how long a lost answer may be asked for again; zero for not at
    /// all.
    #[must_use]
    pub fn present(
        self,
        presented: u32,
        rotates: bool,
        retry_window: Duration,
        now: OffsetDateTime,
    ) -> Presentation {
        let in_window = self.base_used_at.is_some_and(|used| now - used < retry_window);
        if presented == 0 || presented > self.current {
            // Authentic, but of a family that was never moved so far: the store has lost a write.
            return Presentation::Unknown;
        }
        if presented == self.current {
            if !rotates {
                return Presentation::Keep;
            }
            return match self.current.checked_add(1) {
                Some(next) => {
                    Presentation::Issue(Self { current: next, base: presented, base_used_at: Some(now) })
                }
                None => Presentation::Unknown,
            };
        }
        if presented < self.base || !in_window {
            return Presentation::Replay;
        }
        if presented > self.base {
            return Presentation::Superseded;
        }
        // The base again, and its successor was never seen: the answer was lost, or requests ran side by side.
        match self.current.checked_add(1) {
            Some(next) => Presentation::Issue(Self { current: next, ..self }),
            None => Presentation::Unknown,
        }
    }
}

/// What the presentation of a refresh token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presentation {
    /// It is the live one, and stays it.
    Keep,
    /// It is used up, or being retried: the family moves here and the token of the new current generation is issued.
    Issue(Generations),
    /// It was issued to one of several requests that ran side by side, and another one's is live: refused. It cannot be told
    /// yet from a client's own concurrency, so nothing is revoked within the retry window; after it, this is replay.
    Superseded,
    /// It was used up before: somebody has a copy. Everything that came of the grant is revoked.
    Replay,
    /// It is of no generation that this family had: refused, and nothing is revoked.
    Unknown,
}

#[cfg(test)]
mod tests;
