//! Whether a proof names the address that it came to.

use url::Url;

/// Whether `htu` names the address of a request: equal after the normalisation of
/// [RFC 3986, sections 6.2.2 and 6.2.3](https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2), without query and fragment
/// ([RFC 9449, section 4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), step 9).
pub(super) fn names(htu: &str, url: &str) -> bool {
    match (normal(htu), normal(url)) {
        (Some(named), Some(actual)) => named == actual,
        _ => false,
    }
}

fn normal(text: &str) -> Option<String> {
    if text.len() > MAX_URL || !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
        return None;
    }
    let mut url = Url::parse(text).ok()?;
    if !url.has_host() || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    // The parser knows scheme, host, port and dot segments; escapes it leaves as they are.
    let path = unescaped(url.path());
    Some(format!("{}{path}", &url.origin().ascii_serialization()))
}

/// Decodes the escapes of characters that need none, and writes the others in upper case.
fn unescaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((plain, escape)) = rest.split_once('%') {
        out.push_str(plain);
        let code = escape.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(digits) = code else {
            out.push('%');
            rest = escape;
            continue;
        };
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = escape.get(2..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The longest address that is compared, in bytes.
const MAX_URL: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_4_3_step_9_one_address_in_other_spellings() {
        let url = "https://api.example/orders/~a?page=2";
        for htu in [
            "https://api.example/orders/~a",
            "HTTPS://API.example/orders/~a",
            "https://api.example:443/orders/~a",
            "https://api.example/orders/%7Ea",
            "https://api.example/orders/%7ea",
            "https://api.example/orders/./x/../~a",
            "https://api.example/orders/~a?page=3",
            "https://api.example/orders/~a#top",
        ] {
            assert!(names(htu, url), "{htu}");
        }
        assert!(names("https://api.example", "https://api.example/"));
        assert!(names("https://api.example/a%2fb", "https://api.example/a%2Fb"));
    }

    #[test]
    fn rfc9449_4_3_step_9_other_addresses() {
        let url = "https://api.example/orders/a";
        for htu in [
            "",
            "orders/a",
            "/orders/a",
            "http://api.example/orders/a",
            "https://api.example:8443/orders/a",
            "https://api.example.evil.example/orders/a",
            "https://stock.example/orders/a",
            "https://api.example/orders/A",
            "https://api.example/orders/a/",
            "https://api.example/orders%2Fa",
            "https://api.example/orders/a%",
            "https://api.example/orders/",
            "https://me@api.example/orders/a",
            "https://api.example/orders\\a",
            "https://api.example/orders/a ",
            "urn:api:orders",
            "data:,x",
        ] {
            assert!(!names(htu, url), "{htu}");
        }
    }
}
