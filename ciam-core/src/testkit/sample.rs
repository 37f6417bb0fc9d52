//! What suites store: identifiers, texts and entities with every field set.

use std::sync::{Mutex, PoisonError};

use rand::rngs::ChaCha20Rng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

use super::suite::Violation;
use crate::entropy::{Entropy as _, SystemEntropy};
use crate::id::TenantId;

/// Makes values that no earlier run has used.
pub(super) struct Samples(Mutex<ChaCha20Rng>);

impl Samples {
    pub(super) fn new() -> Result<Self, Violation> {
        let mut seed = [0; 32];
        SystemEntropy::new().fill(&mut seed)?;
        Ok(Self(Mutex::new(ChaCha20Rng::from_seed(seed))))
    }

    pub(super) fn tenant(&self) -> TenantId {
        TenantId::from_uuid(self.uuid())
    }

    /// A text of 20 lower-case letters and digits.
    pub(super) fn text(&self) -> String {
        let mut text = self.uuid().simple().to_string();
        text.truncate(20);
        text
    }

    /// A UUIDv7 of a fixed time: identifiers that are made one after the other come in no order.
    pub(super) fn uuid(&self) -> Uuid {
        const MILLIS: u64 = 1_767_268_800_000;
        let mut random = [0; 10];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(MILLIS, &random).into_uuid()
    }
}

/// Texts that have broken stores: quotes, statements, patterns, escapes, every width of UTF-8, both directions, blanks at
/// the ends, and nothing at all. No NUL: PostgreSQL has no text with one.
pub(super) const HOSTILE: &[&str] = &[
    "",
    " leading and trailing ",
    "it's \"quoted\" `back` and \\'escaped\\'",
    "'; DROP TABLE accounts; --",
    "$1 ?1 :name @p {} %s %% _%",
    "\\u0041 \\x41 \\n \\\\",
    "line\nbreak\r\n\ttab\u{7f}\u{1}",
    "na\u{ef}ve \u{df} \u{130}\u{131} \u{3a3}\u{3c2}",
    "e\u{301} is not \u{e9}",
    "\u{4f60}\u{597d} \u{e01}\u{e33} \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "\u{202e}reversed\u{202c} \u{200b}zero\u{feff}",
    "\u{1f469}\u{200d}\u{1f4bb}\u{1f3f3}\u{fe0f}\u{10ffff}",
    "null NULL true 0 -1 1e999 NaN [] <xml/> &amp;",
];
