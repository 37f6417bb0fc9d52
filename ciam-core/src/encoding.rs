//! Text encodings, strict: one spelling per value.

/// base64url without padding ([RFC 4648, section 5](https://www.rfc-editor.org/rfc/rfc4648#section-5)), refusing padding,
/// white space and non-zero trailing bits.
pub mod base64url {
    use base64_simd::{Out, URL_SAFE_NO_PAD as FAST};

    /// Encodes bytes.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        FAST.encode_to_string(bytes)
    }

    /// Encodes without padding, to the end of a text.
    pub fn encode_to(bytes: &[u8], text: &mut String) {
        FAST.encode_append(bytes, text);
    }

    /// Decodes text.
    ///
    /// # Errors
    ///
    /// Fails when the text is not canonical base64url without padding.
    pub fn decode(text: &str) -> Result<Vec<u8>, InvalidBase64> {
        FAST.decode_to_vec(text).map_err(|_| InvalidBase64)
    }

    /// Decodes text into a buffer, and gives that part of it that was filled.
    ///
    /// # Errors
    ///
    /// Fails when the text is not canonical base64url without padding, or when the buffer is shorter than
    /// [`decoded_len`] of its length.
    pub fn decode_in<'b>(text: &str, buffer: &'b mut [u8]) -> Result<&'b [u8], InvalidBase64> {
        // Asked for first: the decoder takes a shorter buffer for a fault of the program.
        let room = buffer.get_mut(..decoded_len(text.len())).ok_or(InvalidBase64)?;
        FAST.decode(text.as_bytes(), Out::from_slice(room))
            .map(|decoded| &*decoded)
            .map_err(|_| InvalidBase64)
    }

    /// How many bytes a text of this length decodes to, if it decodes.
    #[must_use]
    pub const fn decoded_len(encoded: usize) -> usize {
        encoded / 4 * 3 + (encoded % 4) * 3 / 4
    }

    /// The text is not canonical base64url.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("not canonical base64url")]
    #[non_exhaustive]
    pub struct InvalidBase64;

    #[cfg(test)]
    mod tests {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        use proptest::prelude::*;

        use super::*;

        /// All ways to decode, which have to agree.
        fn decoded(text: &str) -> Option<Vec<u8>> {
            let mut buffer = vec![0xaa; decoded_len(text.len())];
            let in_place = decode_in(text, &mut buffer).ok().map(<[u8]>::to_vec);
            assert_eq!(in_place, decode(text).ok(), "{text:?}");
            in_place
        }

        #[test]
        fn there_is_one_spelling_of_each_value() {
            for (text, bytes) in [("", &b""[..]), ("AA", b"\0"), ("AAA", b"\0\0"), ("_-8", b"\xff\xef")] {
                assert_eq!(decoded(text).as_deref(), Some(bytes), "{text}");
            }
            for bad in
                ["A", "AAAAA", "AB", "AAB", "AA==", "AAA=", "A A", "AA\n", "+/8", "AAé", "A.AA", "AA\0\0"]
            {
                assert_eq!(decoded(bad), None, "{bad:?}");
            }
        }

        #[test]
        fn a_byte_that_does_not_belong_is_found_wherever_it_stands() {
            for length in 1..200 {
                let text = encode(&vec![0x5a; length]);
                for place in 0..text.len() {
                    for stranger in ['=', '+', '/', ' ', '\n', '.', '\0', '\u{7f}'] {
                        let mut bad = text.clone();
                        bad.replace_range(place..=place, stranger.encode_utf8(&mut [0; 4]));
                        assert_eq!(decoded(&bad), None, "{stranger:?} at {place} of {length}");
                    }
                }
            }
        }

        #[test]
        fn what_does_not_fit_is_refused() {
            assert_eq!(decode_in("AAAA", &mut [0; 2]), Err(InvalidBase64));
            assert_eq!(decode_in("AAAA", &mut [0; 9]), Ok(&[0; 3][..]));
        }

        proptest! {
            #[test]
            fn what_was_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
                prop_assert_eq!(decoded(&encode(&bytes)), Some(bytes));
            }

            #[test]
            fn agrees_with_another_encoder(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
                prop_assert_eq!(encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes));
                let mut text = "a.".to_owned();
                encode_to(&bytes, &mut text);
                prop_assert_eq!(text, format!("a.{}", URL_SAFE_NO_PAD.encode(&bytes)));
            }

            #[test]
            fn agrees_with_another_decoder(text in "[A-Za-z0-9_=+/-]{0,70}") {
                prop_assert_eq!(decoded(&text), URL_SAFE_NO_PAD.decode(&text).ok());
            }
        }
    }
}
