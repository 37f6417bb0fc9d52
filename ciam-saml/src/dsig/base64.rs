//! base64 as XML carries it: with white space, and otherwise in one spelling.

use base64_simd::STANDARD;

/// Decodes `xs:base64Binary`: XML's white space is passed over, and what is left has to be canonical
/// ([RFC 4648, section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4), padding included).
pub(crate) fn decode_strict(text: &str) -> Option<Vec<u8>> {
    // Most is written in one piece; what is not fails at once.
    STANDARD.decode_to_vec(text).ok().or_else(|| {
        let packed: Vec<u8> = text.bytes().filter(|byte| !is_space(*byte)).collect();
        if packed.len() == text.len() { None } else { decode_packed(packed) }
    })
}

/// Decodes what has no white space, in its place.
pub(crate) fn decode_packed(mut text: Vec<u8>) -> Option<Vec<u8>> {
    let length = STANDARD.decode_inplace(&mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode_to_string(bytes)
}

/// White space of XML.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as OTHER;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_is_one_spelling_but_for_white_space() {
        for (text, bytes) in [
            ("", &b""[..]),
            (" \n", b""),
            ("AA==", b"\0"),
            ("A A\r\n=\t=", b"\0"),
            ("AAA=", b"\0\0"),
            ("+/8=", b"\xfb\xff"),
        ] {
            assert_eq!(decode_strict(text).as_deref(), Some(bytes), "{text:?}");
        }
        for bad in [
            "A",
            "AA",
            "AA=",
            "AAA",
            "AB==",
            "AAB=",
            "AA==A",
            "AA==AAAA",
            "====",
            "-_8=",
            "AA==\u{a0}",
            "AAé=",
        ] {
            assert_eq!(decode_strict(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_another_decoder(text in "[A-Za-z0-9+/]{0,70}[=A \n]{0,3}[= ]{0,2}") {
            let packed: String = text.split([' ', '\n']).collect();
            prop_assert_eq!(decode_strict(&text), OTHER.decode(&packed).ok());
            prop_assert_eq!(decode_packed(packed.clone().into_bytes()), OTHER.decode(&packed).ok());
        }

        #[test]
        fn what_was_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(encode(&bytes), OTHER.encode(&bytes));
            prop_assert_eq!(decode_strict(&encode(&bytes)), Some(bytes));
        }
    }
}
