//! The `Basic` scheme as OAuth uses it ([RFC 6749, section 2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)):
//! identifier and secret are form-encoded, joined by a colon, and encoded as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::http::form_decode;
use ciam_core::secret::Secret;
use http::HeaderValue;

/// The identifier and the secret of a `Basic` header.
#[derive(Debug)]
pub(crate) struct BasicCredentials {
    pub(crate) client_id: String,
    pub(crate) secret: Secret,
}

/// The header is not a well-formed `Basic` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedBasic;

impl BasicCredentials {
    /// Reads an `Authorization` header; `None` when it is of another scheme.
    ///
    /// Strict: canonical padded base64, UTF-8, correct percent-encoding, one space after the scheme. A reader that
    /// guesses would give one secret several spellings.
    pub(crate) fn parse(header: &HeaderValue) -> Option<Result<Self, MalformedBasic>> {
        let bytes = header.as_bytes();
        let scheme_end = bytes.iter().position(|&byte| byte == b' ').unwrap_or(bytes.len());
        let (scheme, rest) = bytes.split_at_checked(scheme_end)?;
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        Some(Self::decode(rest.strip_prefix(b" ").unwrap_or_default()).ok_or(MalformedBasic))
    }

    fn decode(encoded: &[u8]) -> Option<Self> {
        if encoded.is_empty() || encoded.len() > MAX_ENCODED {
            return None;
        }
        let joined = Secret::new(String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?);
        // The colon is found before the parts are decoded: an encoded one belongs to its part.
        let (client_id, secret) = joined.expose().split_once(':')?;
        Some(Self { client_id: form_decode(client_id).ok()?, secret: Secret::new(form_decode(secret).ok()?) })
    }
}

/// The longest encoded pair that is looked at, in bytes.
const MAX_ENCODED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Result<(String, String), MalformedBasic>> {
        let header = HeaderValue::from_str(text).unwrap();
        BasicCredentials::parse(&header)
            .map(|parsed| parsed.map(|found| (found.client_id, found.secret.expose().to_owned())))
    }

    fn basic(joined: &str) -> String {
        format!("Basic {}", STANDARD.encode(joined))
    }

    fn pair(client_id: &str, secret: &str) -> Option<Result<(String, String), MalformedBasic>> {
        Some(Ok((client_id.to_owned(), secret.to_owned())))
    }

    #[test]
    fn rfc6749_2_3_1_example() {
        assert_eq!(
            parse("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"),
            pair("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw")
        );
    }

    #[test]
    fn rfc6749_2_3_1_parts_are_form_decoded_after_the_split() {
        assert_eq!(parse(&basic("a%3Ab:c%3Ad")), pair("a:b", "c:d"));
        assert_eq!(parse(&basic("a+b:%2B%25")), pair("a b", "+%"));
        assert_eq!(parse(&basic("app:s:t")), pair("app", "s:t"));
        assert_eq!(parse(&basic("app:")), pair("app", ""));
    }

    #[test]
    fn rfc7617_2_the_scheme_is_case_insensitive() {
        let text = basic("app:secret").replace("Basic", "bAsIc");
        assert_eq!(parse(&text), pair("app", "secret"));
    }

    #[test]
    fn other_schemes_are_left_alone() {
        for text in ["Bearer abc", "Digest a=b", "Basics abc", "", "DPoP x"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn s18_bad_encodings_are_refused() {
        for text in [
            "Basic".to_owned(),
            "Basic ".to_owned(),
            "Basic  YTpi".to_owned(),
            "Basic\tYTpi".to_owned(),
            // No padding, a non-zero trailing bit, the URL alphabet, white space inside, not base64 at all.
            "Basic YTpiYw".to_owned(),
            "Basic YTpiYx==".to_owned(),
            "Basic YTpi_w==".to_owned(),
            "Basic YTpi IA==".to_owned(),
            "Basic !!!!".to_owned(),
            basic("no colon"),
            basic("app:%"),
            basic("app:%4"),
            basic("app:%zz"),
            basic("app:%ff"),
            basic("app%00:secret"),
            format!("Basic {}", STANDARD.encode([b'a', b':', 0xff])),
            basic(&format!("app:{}", "a".repeat(4096))),
        ] {
            assert!(matches!(parse(&text), None | Some(Err(MalformedBasic))), "{text}");
            assert!(!matches!(parse(&text), Some(Ok(_))), "{text}");
        }
        assert_eq!(parse("Basic YTpiYw"), Some(Err(MalformedBasic)));
    }
}
