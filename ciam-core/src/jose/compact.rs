//! What a text in compact form may be.

/// Which kind of token has the form of a text ([RFC 7516, section 9](https://www.rfc-editor.org/rfc/rfc7516#section-9)). Whether it is
/// one is another question.
///
/// ```
/// use ciam_core::jose::CompactForm;
///
/// assert_eq!(CompactForm::of("header.payload.signature"), Some(CompactForm::Signed));
/// assert_eq!(CompactForm::of("header.key.iv.text.tag"), Some(CompactForm::Encrypted));
/// assert_eq!(CompactForm::of("a-random-text"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7516")]
pub enum CompactForm {
    /// Three parts: a JWS.
    Signed,
    /// Five parts: a JWE.
    Encrypted,
}

impl CompactForm {
    /// The form of a text; `None` when it is neither's.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        match text.bytes().filter(|byte| *byte == b'.').count() {
            2 => Some(Self::Signed),
            4 => Some(Self::Encrypted),
            _ => None,
        }
    }

    /// Whether a text has the form of an encrypted token.
    #[must_use]
    pub fn is_encrypted(text: &str) -> bool {
        Self::of(text) == Some(Self::Encrypted)
    }
}
