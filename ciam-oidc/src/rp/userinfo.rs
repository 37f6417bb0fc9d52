//! What the provider tells about a person
//! ([OpenID Connect Core, section 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)).

use bytes::Bytes;
use ciam_core::jose::{CompactForm, TokenType, VerifiedJws};
use ciam_core::secret::ct_eq;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use super::RelyingParty;
use super::error::SignInError;
use super::send::read;
use super::tokens::Tokens;
use super::verify::Unverified;
use ciam_core::jose::{NumericDate, RegisteredClaims};

/// The types that signed UserInfo may have. An ID token has the same as no type, which its `nonce` gives away.
const TYPES: &[&str] = &["JWT", "userinfo+jwt"];

impl RelyingParty {
    /// Asks the provider what it tells about the person. A signed response is checked, an encrypted one opened.
    ///
    /// # Errors
    ///
    /// Fails when the provider has no UserInfo endpoint or does not answer, when a signature does not hold or one that was
    /// agreed is missing, and when the answer is about somebody else than the ID token
    /// ([OpenID Connect Core, section 5.3.2](https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse)).
    pub async fn userinfo(&self, tokens: &Tokens) -> Result<Map<String, Value>, SignInError> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.userinfo_endpoint.as_deref().ok_or(SignInError::Malformed)?;
        let request = Request::get(endpoint)
            .header(ACCEPT, "application/json, application/jwt")
            .body(Bytes::new())
            .map_err(|_| SignInError::Malformed)?;
        let response = self.call(tokens, request).await?;
        let claims = match is_jwt(&response) {
            true if response.status() == StatusCode::OK => self.signed_userinfo(response.body()).await?,
            _ if self.config().signed_userinfo && response.status() == StatusCode::OK => {
                return Err(SignInError::UserInfo);
            }
            _ => read(&response, StatusCode::OK)?,
        };
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if ct_eq(subject.as_bytes(), tokens.claims.subject.as_bytes()) {
            Ok(claims)
        } else {
            Err(SignInError::OtherPerson)
        }
    }

    async fn signed_userinfo(&self, body: &Bytes) -> Result<Map<String, Value>, SignInError> {
        let token = std::str::from_utf8(body).map_err(|_| SignInError::UserInfo)?.trim();
        if CompactForm::is_encrypted(token) && !self.config().signed_userinfo {
            // Encrypted alone, or a signed token inside.
            let decrypter = self.config().decrypter.as_ref().ok_or(SignInError::UserInfo)?;
            let opened = decrypter.decrypt(token).map_err(|_| SignInError::UserInfo)?;
            if opened.nested().is_err() {
                return serde_json::from_slice(opened.content().expose()).map_err(|_| SignInError::UserInfo);
            }
        }
        let signed = self.opened(token).ok_or(SignInError::UserInfo)?;
        let typ = TokenType::one_of(TYPES).or_absent();
        match self.verified(&signed, typ, |verified| self.checked_userinfo(verified)).await {
            Ok(claims) => claims,
            Err(Unverified::Keys | Unverified::Signature) => Err(SignInError::UserInfo),
        }
    }

    /// `iss` and `aud` are those of an ID token where they are there, and so are the times.
    fn checked_userinfo(&self, verified: &VerifiedJws<'_>) -> Result<Map<String, Value>, SignInError> {
        let (config, wrong) = (self.config(), |_| SignInError::UserInfo);
        let all: Map<String, Value> = verified.claims().map_err(wrong)?;
        let mut registered: RegisteredClaims<'_> = verified.claims().map_err(wrong)?;
        let issuer = config.issuer_for(&all).ok_or(SignInError::UserInfo)?;
        if registered.iss.as_ref().is_some_and(|iss| iss.as_str() != issuer) || all.contains_key("nonce") {
            return Err(SignInError::UserInfo);
        }
        let audience = config.in_audience();
        if registered.aud.as_ref().is_some_and(|found| !audience.accepts(found)) {
            return Err(SignInError::UserInfo);
        }
        let now = self.ports().now();
        registered.exp = registered.exp.or_else(|| Some(NumericDate::from(now + config.clock_skew)));
        let rules = config.claim_rules(&issuer, audience);
        rules.check_times(&registered, now).map_err(|_| SignInError::UserInfo)?;
        Ok(all)
    }
}

fn is_jwt(response: &Response<Bytes>) -> bool {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/jwt")
}
