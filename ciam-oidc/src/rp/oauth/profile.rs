//! Asking the provider who an access token is for.

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose::{MemberReader, read_members};
use ciam_core::outbound::OutboundError;
use ciam_core::secret::{Secret, SecretBytes};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use serde::de::MapAccess;
use serde_json::Value;
use std::fmt::Write as _;

use super::OAuthParty;
use super::email::EmailSource;
use super::mapping::IdentityError;
use crate::rp::error::SignInError;
use crate::rp::identity::Identity;
use crate::rp::sign_in::with_query;
use crate::rp::tokens::Scheme;

/// The largest profile, in bytes.
const MAX_PROFILE: usize = 64 * 1024;

impl OAuthParty {
    /// Who an access token is for that was just issued to this client.
    pub(super) async fn identify(&self, scheme: Scheme, token: &Secret) -> Result<Identity, SignInError> {
        let (request, mapping) = (&self.provider.profile, &self.provider.mapping);
        let url = match request.secret_proof {
            true => with_query(&request.url, &[("appsecret_proof".to_owned(), self.secret_proof(token)?)]),
            false => request.url.clone(),
        };
        let response = self.ask(&request.method, &url, scheme, token).await?;
        let mut identity = mapping.read(&self.provider.issuer, &self.profile(&response)?)?;
        if let EmailSource::List(list) = &mapping.email {
            let response = self.ask(&Method::GET, &list.url, scheme, token).await?;
            identity.email = match response.status() {
                // The person has not let the application see it.
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => None,
                _ => list.read(&self.profile(&response)?),
            };
        }
        Ok(identity)
    }

    async fn ask(
        &self,
        method: &Method,
        url: &str,
        scheme: Scheme,
        token: &Secret,
    ) -> Result<Response<Bytes>, SignInError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, &self.provider.profile.accept)
            // GitHub answers nobody who has no name.
            .header(USER_AGENT, concat!("ciam/", env!("CARGO_PKG_VERSION")));
        if method == Method::POST {
            request = request.header(CONTENT_LENGTH, "0");
        }
        let request = request.body(Bytes::new()).map_err(|_| SignInError::Malformed)?;
        self.party.call_with(scheme, token, request).await
    }

    fn profile(&self, response: &Response<Bytes>) -> Result<Value, SignInError> {
        if response.status() != StatusCode::OK {
            return Err(OutboundError::Status(response.status()).into());
        }
        if !is_json(response) {
            return Err(IdentityError::ContentType.into());
        }
        Ok(parse(response.body())?)
    }

    /// `hex(HMAC-SHA256(secret, access token))`.
    fn secret_proof(&self, token: &Secret) -> Result<String, SignInError> {
        let secret = self.config().authentication.secret().ok_or(SignInError::Malformed)?;
        let key = SecretBytes::new(secret.expose().as_bytes().to_vec());
        let key = self.party.ports().crypto().mac_key(&key).map_err(PortError::permanent)?;
        let tag = key.authenticate(token.expose().as_bytes());
        Ok(tag.as_ref().iter().fold(String::new(), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        }))
    }
}

fn is_json(response: &Response<Bytes>) -> bool {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads an object or a list, in which no object has a member twice: of two, this and the provider could mean another each.
pub(super) fn parse(body: &[u8]) -> Result<Value, IdentityError> {
    struct Nothing;

    impl<'p> MemberReader<'p> for Nothing {
        fn member<A: MapAccess<'p>>(&mut self, _: &str, _: &mut A) -> Result<bool, A::Error> {
            Ok(false)
        }
    }

    if body.len() > MAX_PROFILE {
        return Err(IdentityError::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| IdentityError::Malformed)?;
    let value: Value = serde_json::from_str(text).map_err(|_| IdentityError::Malformed)?;
    match value {
        Value::Object(_) => read_members(text, &mut Nothing),
        Value::Array(_) => read_members(&format!("{{\"list\":{text}}}"), &mut Nothing),
        _ => return Err(IdentityError::Malformed),
    }
    .map_err(|_| IdentityError::Malformed)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_one_object_or_list_without_a_member_twice_and_not_too_large() {
        for good in ["{\"id\":1}", " {} ", "[{\"email\":\"a\"},{\"email\":\"b\"}]", "[]"] {
            assert!(parse(good.as_bytes()).is_ok(), "{good}");
        }
        let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
        for bad in [
            "",
            "1",
            "\"x\"",
            "null",
            "<html>",
            "{\"id\":1}{\"id\":2}",
            "{\"id\":1,\"id\":2}",
            "{\"id\":1,\"\\u0069d\":2}",
            "[{\"email\":\"a\",\"email\":\"b\"}]",
            "[],\"x\":[]",
            "{\"x\":{\"y\":1,\"y\":2}}",
            "{\"id\":NaN}",
            &deep,
        ] {
            assert_eq!(parse(bad.as_bytes()), Err(IdentityError::Malformed), "{bad}");
        }
        assert_eq!(parse(b"{\"id\":\"\xff\"}"), Err(IdentityError::Malformed));
        let of_size = |size: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(size - 8));
        assert!(parse(of_size(MAX_PROFILE).as_bytes()).is_ok());
        assert_eq!(parse(of_size(MAX_PROFILE + 1).as_bytes()), Err(IdentityError::TooLarge));
    }
}
