//! Which passwords are accepted ([NIST SP 800-63B-4, section 3.1.1](https://pages.nist.gov/800-63-4/sp800-63b.html)).

use std::fmt::Write as _;

use futures_util::future::{Either, select};
use unicode_normalization::UnicodeNormalization as _;

use super::common::PIECES;
use crate::crypto;
use crate::error::PortError;
use crate::ports::Ports;
use crate::secret::Secret;

/// A password policy: length and lists, no composition rules and no expiry.
///
/// ```
/// use ciam_core::password::{PasswordPolicy, PasswordRejection};
/// use ciam_core::secret::Secret;
///
/// let policy = PasswordPolicy::default();
/// let judge = |text: &str| policy.check(&Secret::from(text), &["ada@example.com"]);
/// assert_eq!(judge("correct horse battery staple"), Ok(()));
/// assert_eq!(judge("Passw0rd!"), Err(PasswordRejection::TooShort { min: 15 }));
/// assert_eq!(judge("password123456!"), Err(PasswordRejection::TooCommon));
/// assert_eq!(judge("Ada@Example.com1"), Err(PasswordRejection::Personal));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordPolicy {
    /// The shortest password, in Unicode code points. Default 15, the standard's minimum for a password that may be the
    /// only factor; 8 is its minimum where a second factor is always asked for, and ours.
    pub min_length: usize,
    /// The longest password, in Unicode code points. Default 256; the standard asks for at least 64.
    pub max_length: usize,
    /// Words that may not make up a password with little added, such as the service's name.
    pub context_words: Vec<String>,
    /// How long the list of breached passwords may take. Default 2 seconds.
    pub breached_deadline: std::time::Duration,
    /// What to do when the list of breached passwords cannot be asked, or is late. Default [`Unanswered::Accept`].
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
            breached_deadline: std::time::Duration::from_secs(2),
            breached_unanswered: Unanswered::Accept,
        }
    }
}

impl PasswordPolicy {
    /// No password is longer than this in bytes of its normalised form, whatever the policy: what is hashed is bounded.
    pub const MAX_BYTES: usize = 1024;

    /// The shortest minimum length.
    pub const MIN_MIN_LENGTH: usize = 8;

    /// The shortest maximum length.
    pub const MIN_MAX_LENGTH: usize = 64;

    /// Checks that the policy is one that the standard allows.
    ///
    /// # Errors
    ///
    /// Fails when the minimum length is under 8, when the maximum is under 64 or over [`MAX_BYTES`](Self::MAX_BYTES), or
    /// when the two exclude each other.
    pub const fn validate(&self) -> Result<(), InvalidPasswordPolicy> {
        let allowed = self.min_length >= Self::MIN_MIN_LENGTH
            && self.max_length >= Self::MIN_MAX_LENGTH
            && self.max_length <= Self::MAX_BYTES
            && self.min_length <= self.max_length;
        if allowed { Ok(()) } else { Err(InvalidPasswordPolicy) }
    }

    /// Brings a password into the form in which it is judged and hashed: NFC, as typed otherwise.
    ///
    /// Of the two forms that the standard offers, NFC and not NFKC, so that no two visibly different passwords become one.
    /// A text of more than four times [`MAX_BYTES`](Self::MAX_BYTES) is no password and is given back as it is.
    #[must_use]
    pub fn normalise(password: &Secret) -> Secret {
        if password.expose().len() > 4 * Self::MAX_BYTES {
            return password.clone();
        }
        Secret::new(password.expose().nfc().collect())
    }

    /// Judges a normalised password by the rules that need no outside knowledge. `personal_words` are what others know of
    /// the person: their address, their name.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that the password breaks.
    pub fn check(&self, password: &Secret, personal_words: &[&str]) -> Result<(), PasswordRejection> {
        let text = password.expose();
        if text.len() > Self::MAX_BYTES {
            return Err(PasswordRejection::TooLong { max: self.max_length });
        }
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
        self.check_words(&text.to_lowercase(), personal_words)
    }

    /// Takes the words that others know out of a password, and wants enough of it left.
    fn check_words(&self, lower: &str, personal_words: &[&str]) -> Result<(), PasswordRejection> {
        let enough = self.min_length.div_ceil(2).max(4);
        let is_left = |text: &str| text.chars().filter(|c| !is_separator(*c)).count() >= enough;
        let context = self.context_words.iter().map(String::as_str);
        let mut rest = lower.to_owned();
        let mut words: Vec<String> = context
            .chain(personal_words.iter().copied())
            .flat_map(|word| {
                let word = word.to_lowercase();
                let parts: Vec<String> =
                    word.split(|c: char| !c.is_alphanumeric()).map(ToOwned::to_owned).collect();
                std::iter::once(word).chain(parts)
            })
            .filter(|word| word.chars().count() >= 4)
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for word in &words {
            rest = rest.replace(word.as_str(), "");
        }
        if rest.len() < lower.len() && !is_left(&rest) {
            return Err(PasswordRejection::Personal);
        }
        let before = rest.len();
        for piece in PIECES {
            rest = rest.replace(piece, "");
        }
        if rest.len() < before && !is_left(&rest) {
            return Err(PasswordRejection::TooCommon);
        }
        Ok(())
    }

    /// Whether the list of breached passwords knows a password, as typed at a sign-in. `false` when the list does not answer
    /// within `deadline`: it is one signal among others.
    pub(crate) async fn is_breached(password: &Secret, ports: &Ports, deadline: std::time::Duration) -> bool {
        let digest = sha1_hex(&Self::normalise(password));
        let answer = ports.breached_passwords().occurrences(&digest);
        matches!(select(answer, ports.runtime().sleep(deadline)).await, Either::Left((Ok(1..), _)))
    }

    /// Judges a normalised password by the list of breached passwords.
    ///
    /// # Errors
    ///
    /// Fails when the password is on the list, or when the list does not answer in time and the policy says so.
    pub async fn check_breached(&self, password: &Secret, ports: &Ports) -> Result<(), PasswordError> {
        let digest = sha1_hex(password);
        let answer = ports.breached_passwords().occurrences(&digest);
        let deadline = ports.runtime().sleep(self.breached_deadline);
        let answer = match select(answer, deadline).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(PortError::transient("the list of breached passwords is late")),
        };
        match answer {
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

/// What people put between words: adds nothing for somebody who guesses the words.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || "-_.@".contains(c)
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
    /// A repetition, a run of characters, or little more than words that every guesser begins with.
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

/// The password policy is none that the standard allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password policy demands 8 characters at least, and accepts 64 at least and 1024 at most")]
#[non_exhaustive]
pub struct InvalidPasswordPolicy;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<(), PasswordRejection> {
        PasswordPolicy::default().check(&Secret::from(text), &["ada.lovelace@example.com", "Analytical"])
    }

    #[test]
    fn length_is_counted_in_code_points_and_composition_does_not_matter() {
        assert_eq!(check("fourteen chars"), Err(PasswordRejection::TooShort { min: 15 }));
        assert_eq!(check("fifteen chars!!"), Ok(()));
        assert_eq!(check("ÄÖÜäöüß-ÄÖÜäöüß"), Ok(()));
        assert_eq!(check("only lower case letters and spaces"), Ok(()));
        let long = "correct horse ".repeat(18);
        assert_eq!(check(&format!("{long}tail")), Ok(()), "{} characters", long.len() + 4);
        assert_eq!(check(&"correct horse ".repeat(19)), Err(PasswordRejection::TooLong { max: 256 }));
        // Four bytes each: 256 of them are as many as are hashed.
        let emoji: String = (0..256).filter_map(|n| char::from_u32(0x1f600 + n * 37 % 80)).collect();
        assert_eq!(check(&emoji), Ok(()));
        assert_eq!(check(&format!("{emoji}x")), Err(PasswordRejection::TooLong { max: 256 }));
    }

    #[test]
    fn repetitions_runs_and_what_everybody_types_are_refused() {
        for text in [
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "12341234123412341234",
            "abcdefghijklmnop",
            "ponmlkjihgfedcba",
            "password12345678",
            "Passw0rdPassw0rd",
            "qwertyuiopasdfgh",
            "1q2w3e4r5t1q2w3e4r5t",
            "letmein letmein!",
            "Summer2026Winter",
            "iloveyouiloveyou",
        ] {
            assert_eq!(check(text), Err(PasswordRejection::TooCommon), "{text}");
        }
        for text in ["the summer of our winter discontent", "no password like home"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn shorter_minimums_still_know_the_common_ones() {
        let policy = PasswordPolicy { min_length: 8, ..PasswordPolicy::default() };
        for text in ["password", "Password1", "12345678", "qwerty12", "iloveyou", "trustno1", "hello123"] {
            assert_eq!(policy.check(&Secret::from(text), &[]), Err(PasswordRejection::TooCommon), "{text}");
        }
        assert_eq!(policy.check(&Secret::from("vt7#Kq2!"), &[]), Ok(()));
    }

    #[test]
    fn passwords_made_of_what_others_know_are_refused() {
        for text in ["Ada.Lovelace1234", "!analytical-2026", "lovelacelovelace", "example.example.ada"] {
            assert_eq!(check(text), Err(PasswordRejection::Personal), "{text}");
        }
        assert_eq!(check("the analytical engine weaves algebra"), Ok(()));
        let policy =
            PasswordPolicy { context_words: vec!["Difference Ltd".to_owned()], ..PasswordPolicy::default() };
        let judged = policy.check(&Secret::from("difference-ltd-26"), &[]);
        assert_eq!(judged, Err(PasswordRejection::Personal));
    }

    #[test]
    fn normalisation_unites_spellings_of_one_character_only() {
        let decomposed = PasswordPolicy::normalise(&Secret::from("cafe\u{301} au lait, toujours"));
        assert!(decomposed.ct_eq("café au lait, toujours"));
        assert!(!PasswordPolicy::normalise(&Secret::from("ﬁrst")).ct_eq("first"));
    }

    #[test]
    fn a_policy_stays_within_the_standard() {
        let with = |min_length, max_length| {
            PasswordPolicy { min_length, max_length, ..PasswordPolicy::default() }.validate().is_ok()
        };
        assert!(PasswordPolicy::default().validate().is_ok());
        for (min, max, allowed) in [
            (8, 64, true),
            (7, 64, false),
            (8, 63, false),
            (15, 1024, true),
            (15, 1025, false),
            (100, 64, false),
        ] {
            assert_eq!(with(min, max), allowed, "{min} to {max}");
        }
    }

    #[test]
    fn the_digest_is_the_one_that_lists_use() {
        assert_eq!(sha1_hex(&Secret::from("password")), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
    }

    proptest! {
        /// Whatever is accepted is within the bounds, and normalising twice changes nothing.
        #[test]
        fn what_is_accepted_is_bounded(text in ".{0,400}") {
            let password = PasswordPolicy::normalise(&Secret::new(text));
            prop_assert!(PasswordPolicy::normalise(&password).ct_eq(password.expose()));
            if PasswordPolicy::default().check(&password, &["ada@example.com"]).is_ok() {
                prop_assert!((15..=256).contains(&password.expose().chars().count()));
                prop_assert!(password.expose().len() <= PasswordPolicy::MAX_BYTES);
            }
        }
    }
}
