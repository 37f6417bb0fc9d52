//! Where a request carries a bearer token ([RFC 6750, section 2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).

use http::HeaderMap;

use super::error::ValidateError;
use super::presented::{Scheme, authorization};

/// The bearer token of a request, from its `Authorization` header.
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
    match authorization(headers)? {
        (Scheme::Bearer, token) => Ok(token),
        _ => Err(ValidateError::Missing),
    }
}
#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

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
