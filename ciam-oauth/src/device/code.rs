//! The code that a person types.

use std::fmt;

use ciam_core::entropy::Entropy;
use ciam_core::ephemeral::EphemeralKey;
use ciam_core::error::PortError;
use ciam_core::secret::TokenDigest;

/// The code that a device shows and a person types: eight letters out of twenty
/// ([RFC 8628, section 6.1](https://www.rfc-editor.org/rfc/rfc8628#section-6.1)), without vowels, so that no word comes of it.
///
/// ```
/// use ciam_oauth::device::UserCode;
///
/// let typed = UserCode::parse(" wdjb mjht").expect("case, spaces and hyphens do not matter");
/// assert_eq!(typed.expose(), "WDJB-MJHT");
/// assert!(UserCode::parse("WDJB-MJH1").is_none());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    const LETTERS: &'static [u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    const LENGTH: usize = 8;
    /// What is longer is not looked at.
    const MAX_TYPED: usize = 64;

    /// Makes a random one: 34 bits.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source does.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, PortError> {
        let mut letters = String::with_capacity(Self::LENGTH);
        while letters.len() < Self::LENGTH {
            let mut bytes = [0_u8; 16];
            entropy.fill(&mut bytes)?;
            // 240 is twelve times twenty: every letter is as likely as another.
            let fair = bytes.into_iter().filter(|byte| *byte < 240);
            let drawn = fair.filter_map(|byte| Self::LETTERS.get(usize::from(byte % 20)));
            letters.extend(drawn.take(Self::LENGTH - letters.len()).map(|letter| char::from(*letter)));
        }
        Ok(Self(letters))
    }

    /// Reads what a person typed; `None` when it cannot be a code.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > Self::MAX_TYPED {
            return None;
        }
        let mut letters = String::with_capacity(Self::LENGTH);
        for letter in
            typed.chars().filter(|letter| !matches!(letter, ' ' | '-' | '\t' | '\u{2010}'..='\u{2015}'))
        {
            let letter = letter.to_ascii_uppercase();
            if !letter.is_ascii() || !Self::LETTERS.iter().any(|known| char::from(*known) == letter) {
                return None;
            }
            letters.push(letter);
        }
        (letters.len() == Self::LENGTH).then_some(Self(letters))
    }

    /// The code as it is shown: two groups of four.
    #[must_use]
    pub fn expose(&self) -> String {
        let (first, second) = self.0.split_at_checked(Self::LENGTH / 2).unwrap_or((&self.0, ""));
        format!("{first}-{second}")
    }

    /// Where the device that shows it is found.
    pub(crate) fn key(&self) -> EphemeralKey {
        EphemeralKey::new("oauth.user_code", TokenDigest::of(&self.0).to_text())
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ciam_core::entropy::SystemEntropy;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc8628_6_1_codes_are_typed_as_people_type() {
        let code = UserCode::generate(&SystemEntropy::default()).unwrap();
        let shown = code.expose();
        assert_eq!(shown.len(), 9);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('-', " "),
            shown.replace('-', "\u{2013}"),
            format!("  {shown}\t"),
        ] {
            assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed:?}");
        }
        for bad in ["", "----", "WDJB", "WDJB-MJHTT", "WDJBMJH", "WDJB-MJHA", "WDJB_MJHT", "ẆDJB-MJHT"] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
        assert_eq!(UserCode::parse(&" ".repeat(100)), None);
        assert_eq!(format!("{code:?}"), "UserCode(..)");
    }

    #[test]
    fn every_letter_is_drawn() {
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            seen.extend(UserCode::generate(&SystemEntropy::default()).unwrap().0.chars());
        }
        assert_eq!(seen.len(), 20);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_code_or_nothing(typed in "\\PC{0,80}") {
            if let Some(code) = UserCode::parse(&typed) {
                prop_assert_eq!(UserCode::parse(&code.expose()), Some(code));
            }
        }
    }
}
