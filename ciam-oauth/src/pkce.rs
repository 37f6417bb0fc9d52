//! Proof Key for Code Exchange ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)), method `S256` only.
//!
//! The `plain` method protects against nothing that an attacker who reads the authorization request could not undo, so
//! there is no type for it.

use std::fmt;
use std::str::FromStr;

use ciam_core::encoding::base64url;
use ciam_core::secret::{Secret, TokenDigest, ct_eq};
use serde::{Deserialize, Serialize};

/// A code challenge of method `S256`: the SHA-256 digest of the client's verifier, base64url.
///
/// ```
/// use ciam_oauth::pkce::{CodeChallenge, CodeVerifier};
///
/// let verifier: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".parse()?;
/// let challenge: CodeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse()?;
/// assert!(challenge.matches(&verifier));
/// # Ok::<(), ciam_oauth::pkce::InvalidPkce>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// The name of the only method.
    pub const METHOD: &'static str = "S256";

    /// The challenge that a verifier answers.
    #[must_use]
    pub fn of(verifier: &CodeVerifier) -> Self {
        Self(*TokenDigest::of(verifier.0.expose()).as_bytes())
    }

    /// Whether the verifier is the one that the challenge was made of; in constant time.
    #[must_use]
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        ct_eq(&self.0, &Self::of(verifier).0)
    }
}

impl FromStr for CodeChallenge {
    type Err = InvalidPkce;

    fn from_str(text: &str) -> Result<Self, InvalidPkce> {
        let bytes = base64url::decode(text).map_err(|_| InvalidPkce)?;
        bytes.try_into().map(Self).map_err(|_| InvalidPkce)
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = InvalidPkce;

    fn try_from(text: String) -> Result<Self, InvalidPkce> {
        text.parse()
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.to_string()
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeChallenge({self})")
    }
}

/// A code verifier: the secret behind a challenge, 43 to 128 unreserved characters.
#[derive(Clone, Debug)]
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    /// Wraps a secret that was made for this, as a client does: [`Secret::random`] has the right form.
    ///
    /// # Errors
    ///
    /// Fails when the secret is not 43 to 128 unreserved characters.
    pub fn new(secret: Secret) -> Result<Self, InvalidPkce> {
        let text = secret.expose();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if (43..=128).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(secret))
        } else {
            Err(InvalidPkce)
        }
    }

    /// The text, to be sent to the token endpoint.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for CodeVerifier {
    type Err = InvalidPkce;

    fn from_str(text: &str) -> Result<Self, InvalidPkce> {
        Self::new(Secret::from(text))
    }
}

/// The text is not a code challenge of method `S256`, or not a code verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid code challenge or verifier")]
#[non_exhaustive]
pub struct InvalidPkce;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7636_appendix_b_example() {
        let verifier: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".parse().unwrap();
        assert_eq!(CodeChallenge::of(&verifier).to_string(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let other: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl".parse().unwrap();
        assert!(!CodeChallenge::of(&verifier).matches(&other));
    }

    #[test]
    fn refuses_other_forms() {
        for bad in
            ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="]
        {
            assert!(bad.parse::<CodeChallenge>().is_err(), "{bad:?}");
        }
        for bad in ["short", &"a".repeat(42), &"a".repeat(129), &"a+".repeat(30), &"ä".repeat(30)] {
            assert!(bad.parse::<CodeVerifier>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(43).parse::<CodeVerifier>().is_ok());
        assert!("~".repeat(128).parse::<CodeVerifier>().is_ok());
    }

    #[test]
    fn a_verifier_is_not_printed() {
        let verifier: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".parse().unwrap();
        assert!(!format!("{verifier:?}").contains("dBjf"));
    }
}
