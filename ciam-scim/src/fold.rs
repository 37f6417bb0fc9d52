//! Spellings that count as one ([RFC 7643, section 2.2]: `caseExact`).
//!
//! Two texts that differ in case, in the composition of their letters, or in compatibility forms (full-width letters) are
//! equal where an attribute is not case-exact: NFKC, then full Unicode case folding, then NFKC. It does not depend on a
//! locale or on a database.
//!
//! [RFC 7643, section 2.2]: https://www.rfc-editor.org/rfc/rfc7643#section-2.2

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// The spelling under which a text is compared where case does not matter.
///
/// ```
/// use ciam_scim::fold::fold;
///
/// assert_eq!(fold("STRASSE"), fold("Straße"));
/// assert_eq!(fold("Zoe\u{301}"), fold("zo\u{e9}"));
/// ```
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let composed: String = text.nfkc().collect();
    Cow::Owned(caseless::default_case_fold_str(&composed).nfkc().collect())
}

/// Whether a text, folded, is this folded text.
#[must_use]
pub fn is_folded(text: &str, folded: &str) -> bool {
    if text.is_ascii() { text.eq_ignore_ascii_case(folded) } else { fold(text) == folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_meet() {
        for (left, right) in [
            ("Straße", "STRASSE"),
            ("e\u{301}", "\u{c9}"),
            ("\u{ff21}da", "ADA"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "οδος"),
            ("\u{fb01}n", "FIN"),
        ] {
            assert_eq!(fold(left), fold(right), "{left} {right}");
            assert!(is_folded(left, &fold(right)), "{left} {right}");
        }
        // The dotless i is another letter, in every locale; so is a letter with a joiner.
        for (left, right) in [("\u{131}", "I"), ("a\u{200d}b", "ab"), ("a\0", "a")] {
            assert_ne!(fold(left), fold(right), "{left:?} {right:?}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["Straße", "İstanbul", "\u{1e9e}", "ΑΣ", "ﬃ", "ŉ"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }
}
