//! Text encodings, strict: one spelling per value.

/// base64url without padding ([RFC 4648, section 5](https://www.rfc-editor.org/rfc/rfc4648#section-5)), refusing padding,
/// white space and non-zero trailing bits.
pub mod base64url {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    /// Encodes bytes.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decodes text.
    ///
    /// # Errors
    ///
    /// Fails when the text is not canonical base64url without padding.
    pub fn decode(text: &str) -> Result<Vec<u8>, InvalidBase64> {
        URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidBase64)
    }

    /// The text is not canonical base64url.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("not canonical base64url")]
    #[non_exhaustive]
    pub struct InvalidBase64;
}
