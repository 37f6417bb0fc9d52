//! Verifying the chain.

use std::fmt;

use super::entry::{AuditEntry, AuditHead};
use super::log::AuditLog;
use crate::error::PortError;
use crate::store::{PageRequest, StoredRecord as _};

/// What became of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a chain is whole or it is not")]
pub enum AuditVerdict {
    /// Every entry is what was written, and none is missing.
    Intact(AuditHead),
    /// The chain is broken; the first place where it is.
    Broken {
        /// The place of the entry.
        sequence: u64,
        /// What is wrong with it.
        problem: Break,
    },
}

impl AuditVerdict {
    /// Whether the chain is whole.
    #[must_use]
    pub const fn is_intact(self) -> bool {
        matches!(self, Self::Intact(_))
    }
}

/// How a chain is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Break {
    /// The entry cannot be read.
    Damaged,
    /// The entry is not what was written: its hash is another.
    Changed,
    /// The entry is missing, and later ones are there.
    Missing,
    /// The entry stands at another place than it was written for.
    Moved,
    /// The entry does not follow the one before it.
    Unlinked,
    /// The log ends before it: entries were cut off the end.
    CutOff,
    /// The log goes on behind the head that is stored.
    BehindHead,
    /// The entry is not the one that was written down elsewhere for this place.
    NotAsWitnessed,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "cannot be read",
            Self::Changed => "was changed",
            Self::Missing => "is missing",
            Self::Moved => "stands at another place than it was written for",
            Self::Unlinked => "does not follow the one before it",
            Self::CutOff => "was cut off the end",
            Self::BehindHead => "is behind the end of the log",
            Self::NotAsWitnessed => "is not the one that was written down elsewhere",
        })
    }
}

/// Heads that were written down elsewhere: of checkpoints, or of an earlier verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(Vec<AuditHead>);

impl Expected {
    /// None: only what is stored with the log is believed.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Adds a head.
    #[must_use]
    pub fn with(mut self, head: AuditHead) -> Self {
        self.0.push(head);
        self
    }

    fn contradicts(&self, head: AuditHead) -> bool {
        self.0.iter().any(|expected| expected.sequence == head.sequence && expected.digest != head.digest)
    }

    fn last(&self) -> u64 {
        self.0.iter().map(|head| head.sequence).max().unwrap_or(0)
    }
}

impl AuditLog {
    /// Reads the log from its beginning to its end, a page at a time, and recomputes the chain.
    ///
    /// What is appended meanwhile is verified as far as it is seen.
    ///
    /// # Errors
    ///
    /// Fails when the store does. A broken chain is a value.
    pub async fn verify(&self, expected: &Expected) -> Result<AuditVerdict, PortError> {
        for _ in 0..RACES {
            let base = self.base().await?;
            let verdict = self.verify_behind(base, expected).await?;
            // What was trimmed while it was read is not missing.
            if verdict.is_intact() || self.base().await? == base {
                return Ok(verdict);
            }
        }
        Err(PortError::transient("the audit log was trimmed again and again"))
    }

    async fn verify_behind(&self, base: AuditHead, expected: &Expected) -> Result<AuditVerdict, PortError> {
        if expected.contradicts(base) {
            return Ok(AuditVerdict::Broken { sequence: base.sequence, problem: Break::NotAsWitnessed });
        }
        // Read first: entries that come later are behind this head, which is fine.
        let stored = self.head().await?;
        let mut head = base;
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = self.ports.store().records(AuditEntry::KIND, request).await?;
            for found in page.items {
                let decoded = found.value.decode::<AuditEntry>().ok();
                if let Err((sequence, problem)) = self.follow(&mut head, &found.value.key, decoded, expected)
                {
                    return Ok(AuditVerdict::Broken { sequence, problem });
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => break,
            }
        }
        let (end, next) = (stored.sequence.max(expected.last()), head.sequence.saturating_add(1));
        if end > head.sequence {
            return Ok(AuditVerdict::Broken { sequence: next, problem: Break::CutOff });
        }
        if stored.sequence == head.sequence && stored.digest != head.digest {
            return Ok(AuditVerdict::Broken { sequence: head.sequence, problem: Break::NotAsWitnessed });
        }
        // A head that was set back would let entries be appended twice; one that moved meanwhile is read again.
        let now = self.head().await?;
        if now.sequence < head.sequence {
            return Ok(AuditVerdict::Broken { sequence: now.sequence + 1, problem: Break::BehindHead });
        }
        Ok(AuditVerdict::Intact(head))
    }

    /// Moves the head over the next entry, if it is the next.
    fn follow(
        &self,
        head: &mut AuditHead,
        key: &str,
        entry: Option<AuditEntry>,
        expected: &Expected,
    ) -> Result<(), (u64, Break)> {
        let next = head.sequence.saturating_add(1);
        if key != AuditEntry::record_key(next) {
            let later = key.parse::<u64>().is_ok_and(|place| place > next);
            return Err((next, if later { Break::Missing } else { Break::Damaged }));
        }
        let entry = entry.ok_or((next, Break::Damaged))?;
        if entry.sequence != next {
            return Err((next, Break::Moved));
        }
        if entry.computed(self.ports.tenant()) != entry.digest {
            return Err((next, Break::Changed));
        }
        if entry.previous != head.digest {
            return Err((next, Break::Unlinked));
        }
        *head = AuditHead { sequence: next, digest: entry.digest };
        if expected.contradicts(*head) { Err((next, Break::NotAsWitnessed)) } else { Ok(()) }
    }
}

const PAGE: u32 = 500;
const RACES: usize = 8;
