//! Where a request carries its access token ([RFC 6750, section 2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::error::ValidateError;

/// The access token of a request, from its `Authorization` header.
///
/// The other two ways of RFC 6750 are not read: a token in the body depends on the body's type, and one in the URL is
/// written to logs.
///
/// ```
/// use ciam_oauth::validate::bearer_token;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("authorization", "Bearer abc.def.ghi".parse()?);
/// assert_eq!(bearer_token(&headers)?, "abc.def.ghi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Fails with [`ValidateError::Missing`] when there is no header of the scheme `Bearer`, and with
/// [`ValidateError::BadRequest`] when there is more than one header or what follows the scheme cannot be a token.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, ValidateError> {
    let mut found = headers.get_all(AUTHORIZATION).iter();
    let header = found.next().ok_or(ValidateError::Missing)?;
    if found.next().is_some() {
        return Err(ValidateError::BadRequest);
    }
    let text = header.to_str().map_err(|_| ValidateError::BadRequest)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ValidateError::Missing);
    }
    if !token.is_empty() && token.bytes().all(is_b64token) {
        Ok(token)
    } else {
        Err(ValidateError::BadRequest)
    }
}

const fn is_b64token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<String, ValidateError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        bearer_token(&headers).map(str::to_owned)
    }

    #[test]
    fn rfc6750_2_1() {
        assert_eq!(read(&["Bearer mF_9.B5f-4.1JqM"]).unwrap(), "mF_9.B5f-4.1JqM");
        assert_eq!(read(&["bEaReR abc"]).unwrap(), "abc");
        assert_eq!(read(&[]), Err(ValidateError::Missing));
        assert_eq!(read(&["Basic abc"]), Err(ValidateError::Missing));
        assert_eq!(read(&["Bearers abc"]), Err(ValidateError::Missing));
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer  abc",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a\tb",
            "Bearer ä",
            "Bearer \"a\"",
        ] {
            assert_eq!(read(&[bad]), Err(ValidateError::BadRequest), "{bad}");
        }
        assert_eq!(read(&["Bearer a", "Bearer a"]), Err(ValidateError::BadRequest));
        assert_eq!(read(&["Bearer a", "Basic b"]), Err(ValidateError::BadRequest));
    }
}
