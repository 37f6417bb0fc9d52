//! base64 as XML carries it: with white space, and otherwise in one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Decodes `xs:base64Binary`: XML's white space is passed over, and what is left has to be canonical
/// ([RFC 4648, section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4), padding included).
pub(crate) fn decode_strict(text: &str) -> Option<Vec<u8>> {
    let spaced = text.bytes().any(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    if !spaced {
        return STANDARD.decode(text).ok();
    }
    let packed: Vec<u8> = text.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')).collect();
    STANDARD.decode(packed).ok()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
