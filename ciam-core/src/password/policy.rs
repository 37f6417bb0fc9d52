//! Which passwords are accepted ([NIST SP 800-63B-4, section 3.1.1](https://pages.nist.gov/800-63-4/sp800-63b.html)).

use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization as _;

use super::BreachedPasswords;
use crate::crypto;
use crate::error::PortError;
use crate::secret::Secret;

/// A password policy: length and lists, no composition rules and no expiry.
///
/// ```
/// use ciam_core::password::PasswordPolicy;
///
/// let policy = PasswordPolicy::default();
/// assert_eq!(policy.min_length, 15);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordPolicy {
    /// The shortest password, in Unicode code points. Default 15, the standard's minimum for a password that is the only
    /// factor; 8 is its minimum where a second factor is always asked for.
    pub min_length: usize,
    /// The longest password, in Unicode code points. Default 256; the standard asks for at least 64.
    pub max_length: usize,
    /// Words that may not make up a password with little added, such as the service's name.
    pub context_words: Vec<String>,
    /// What to do when the list of breached passwords cannot be asked. Default [`Unanswered::Accept`].
    pub breached_unanswered: Unanswered,
}

/// What to do when the list of breached passwords cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// Accept the password: the other rules hold, and sign-up keeps working.
    Accept,
    /// Fail the operation.
    Fail,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: 15,
            max_length: 256,
            context_words: Vec::new(),
            breached_unanswered: Unanswered::Accept,
        }
    }
}

impl PasswordPolicy {
    /// Brings a password into the form in which it is judged and hashed: NFC, as typed otherwise.
    ///
    /// NFC and not NFKC, so that no two visibly different passwords become one.
    #[must_use]
    pub fn normalise(password: &Secret) -> Secret {
        Secret::new(password.expose().nfc().collect())
    }

    /// Judges a normalised password by the rules that need no outside knowledge.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that the password breaks.
    pub fn check(&self, password: &Secret, personal_words: &[&str]) -> Result<(), PasswordRejection> {
        let text = password.expose();
        let length = text.chars().count();
        if length < self.min_length {
            return Err(PasswordRejection::TooShort { min: self.min_length });
        }
        if length > self.max_length {
            return Err(PasswordRejection::TooLong { max: self.max_length });
        }
        if is_repetition(text) || is_run(text) {
            return Err(PasswordRejection::TooCommon);
        }
        let lower = text.to_lowercase();
        let words = self.context_words.iter().map(String::as_str).chain(personal_words.iter().copied());
        for word in words.map(str::to_lowercase).filter(|word| word.chars().count() >= 4) {
            let rest: usize = lower.split(&word).map(|part| part.chars().count()).sum();
            if lower.contains(&word) && rest < self.min_length / 2 {
                return Err(PasswordRejection::Personal);
            }
        }
        Ok(())
    }

    /// Judges a normalised password by the list of breached passwords.
    ///
    /// # Errors
    ///
    /// Fails when the password is on the list, or when the list cannot be asked and the policy says so.
    pub async fn check_breached(
        &self,
        password: &Secret,
        list: &dyn BreachedPasswords,
    ) -> Result<(), PasswordError> {
        match list.occurrences(&sha1_hex(password)).await {
            Ok(0) => Ok(()),
            Ok(_) => Err(PasswordError::Rejected(PasswordRejection::Breached)),
            Err(error) => match self.breached_unanswered {
                Unanswered::Accept => Ok(()),
                Unanswered::Fail => Err(PasswordError::Port(error)),
            },
        }
    }
}

fn sha1_hex(password: &Secret) -> String {
    let digest = crypto::sha1_for_breach_lists(password.expose().as_bytes());
    let mut hex = String::with_capacity(40);
    for byte in digest {
        // Writing to a string cannot fail.
        let _infallible = write!(hex, "{byte:02X}");
    }
    hex
}

/// `aaaaaaaaaaaaaaa`, `abcabcabcabcabc`: a short piece over and over.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| {
        chars.len() > period && chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b)
    })
}

/// `123456789012345`, `abcdefghijklmno`: nothing but steps of one.
fn is_run(text: &str) -> bool {
    let steps: Vec<i64> = text
        .chars()
        .zip(text.chars().skip(1))
        .map(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a)))
        .collect();
    let constant = |step: i64| steps.iter().filter(|found| **found == step).count() * 10 >= steps.len() * 9;
    !steps.is_empty() && (constant(1) || constant(-1))
}

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordRejection {
    /// Shorter than the policy's minimum.
    #[error("a password has at least {min} characters")]
    TooShort {
        /// The minimum, in code points.
        min: usize,
    },
    /// Longer than the policy's maximum.
    #[error("a password has at most {max} characters")]
    TooLong {
        /// The maximum, in code points.
        max: usize,
    },
    /// A repetition or a run of characters.
    #[error("the password is too easy to guess")]
    TooCommon,
    /// Little more than the person's own name or address, or the service's.
    #[error("the password is made of words that others know")]
    Personal,
    /// Known from a breach.
    #[error("the password is known from a breach elsewhere")]
    Breached,
}

impl PasswordRejection {
    /// A stable code for pages and APIs: `too_short`, `too_long`, `too_common`, `personal`, `breached`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::TooCommon => "too_common",
            Self::Personal => "personal",
            Self::Breached => "breached",
        }
    }
}

/// A new password cannot be set.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The policy refuses it.
    #[error("the password is not accepted")]
    Rejected(#[from] PasswordRejection),
    /// A port failed.
    #[error("the password cannot be judged or hashed")]
    Port(#[from] PortError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), PasswordRejection> {
        PasswordPolicy::default().check(&Secret::from(text), &["ada.lovelace", "Analytical"])
    }

    #[test]
    fn length_is_counted_in_code_points_and_composition_does_not_matter() {
        assert_eq!(check("fourteen chars"), Err(PasswordRejection::TooShort { min: 15 }));
        assert_eq!(check("fifteen chars!!"), Ok(()));
        assert_eq!(check("ÄÖÜäöüß-ÄÖÜäöüß"), Ok(()));
        assert_eq!(check("only lower case letters and spaces"), Ok(()));
        let long: String = "hunter2 ".repeat(32);
        assert_eq!(long.chars().count(), 256);
        assert_eq!(check(&"correct horse ".repeat(19)), Err(PasswordRejection::TooLong { max: 256 }));
    }

    #[test]
    fn repetitions_runs_and_personal_words_are_refused() {
        for text in ["aaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "12341234123412341234"] {
            assert_eq!(check(text), Err(PasswordRejection::TooCommon), "{text}");
        }
        for text in ["abcdefghijklmnop", "ponmlkjihgfedcba"] {
            assert_eq!(check(text), Err(PasswordRejection::TooCommon), "{text}");
        }
        for text in ["Ada.Lovelace1234", "!analytical-2026"] {
            assert_eq!(check(text), Err(PasswordRejection::Personal), "{text}");
        }
        assert_eq!(check("the analytical engine weaves algebra"), Ok(()));
    }

    #[test]
    fn normalisation_unites_spellings_of_one_character_only() {
        let decomposed = PasswordPolicy::normalise(&Secret::from("cafe\u{301} au lait, toujours"));
        assert!(decomposed.ct_eq("café au lait, toujours"));
        assert!(!PasswordPolicy::normalise(&Secret::from("ﬁrst")).ct_eq("first"));
    }

    #[test]
    fn the_digest_is_the_one_that_lists_use() {
        assert_eq!(sha1_hex(&Secret::from("password")), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
    }
}
