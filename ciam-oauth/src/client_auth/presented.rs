//! What a request brings along as client authentication: exactly one method, or none.

use ciam_core::http::Params;
use ciam_core::jose::{CompactJws, JwsLimits};
use ciam_core::secret::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;

use super::assertion::JWT_BEARER;
#[cfg(feature = "draft-attested-clients")]
use super::attestation::Attested;
use super::basic::BasicCredentials;
use crate::client::AuthMethod;
use crate::error::{AssertionProblem, ClientAuthError};

/// Who a request says that it is of, and how it means to prove it.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) client_id: String,
    pub(crate) proof: Proof,
}

/// The proof of one method.
#[derive(Debug)]
pub(crate) enum Proof {
    /// None: the client only names itself.
    None,
    /// A secret in the `Authorization` header.
    Basic(Secret),
    /// A secret in the body.
    Post(Secret),
    /// A JWT.
    Assertion(Secret),
    /// What somebody says of the client's instance, and what that proves.
    #[cfg(feature = "draft-attested-clients")]
    Attestation(Attested),
}

impl Proof {
    pub(crate) const fn method(&self) -> AuthMethod {
        match self {
            Self::None => AuthMethod::None,
            Self::Basic(_) => AuthMethod::ClientSecretBasic,
            Self::Post(_) => AuthMethod::ClientSecretPost,
            Self::Assertion(_) => AuthMethod::PrivateKeyJwt,
            #[cfg(feature = "draft-attested-clients")]
            Self::Attestation(_) => AuthMethod::AttestJwtClientAuth,
        }
    }
}

impl Presented {
    /// Reads the header and the parameters of the body. A request that uses two methods is refused
    /// ([RFC 6749, section 2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)): one of them would be ignored, and an
    /// attacker could choose which.
    pub(crate) fn read(headers: &HeaderMap, params: &Params) -> Result<Self, ClientAuthError> {
        let one = |name: &str| params.one(name).map_err(|_| ClientAuthError::Malformed);
        let named = one("client_id")?;
        let basic = basic(headers)?;
        let secret = one("client_secret")?;
        let assertion = assertion(one("client_assertion_type")?, one("client_assertion")?)?;
        if usize::from(basic.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some()) > 1
        {
            return Err(ClientAuthError::TwoMethods);
        }
        if let Some(basic) = basic {
            return Self::agree(named, basic.client_id, Proof::Basic(basic.secret));
        }
        if let Some(assertion) = assertion {
            let subject = unverified_subject(assertion).ok_or(AssertionProblem::Malformed)?;
            // The name of one client and the word of another: nobody is authenticated.
            if named.is_some_and(|named| named != subject) {
                return Err(AssertionProblem::Party.into());
            }
            return Self::agree(named, subject, Proof::Assertion(Secret::from(assertion)));
        }
        // Beside another method it is not looked at: no client is registered for both.
        #[cfg(feature = "draft-attested-clients")]
        if secret.is_none()
            && let Some(attested) = Attested::read(headers)?
        {
            let subject = attested.unverified_subject().ok_or(AssertionProblem::Malformed)?;
            if named.is_some_and(|named| named != subject) {
                return Err(AssertionProblem::Party.into());
            }
            return Ok(Self { client_id: subject, proof: Proof::Attestation(attested) });
        }
        let client_id = named.ok_or(ClientAuthError::Missing)?.to_owned();
        let proof = secret.map_or(Proof::None, |secret| Proof::Post(Secret::from(secret)));
        Ok(Self { client_id, proof })
    }

    /// The client id may be in the body as well as in the credentials, but then it must be the same.
    fn agree(named: Option<&str>, client_id: String, proof: Proof) -> Result<Self, ClientAuthError> {
        if named.is_some_and(|named| named != client_id) {
            return Err(ClientAuthError::Malformed);
        }
        Ok(Self { client_id, proof })
    }
}

fn basic(headers: &HeaderMap) -> Result<Option<BasicCredentials>, ClientAuthError> {
    let mut found = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(ClientAuthError::TwoMethods);
    }
    match BasicCredentials::parse(header) {
        Some(Ok(credentials)) => Ok(Some(credentials)),
        Some(Err(_)) => Err(ClientAuthError::Malformed),
        // Another scheme is a method too, and no client is registered for it.
        None => Err(ClientAuthError::WrongMethod),
    }
}

fn assertion<'a>(kind: Option<&str>, assertion: Option<&'a str>) -> Result<Option<&'a str>, ClientAuthError> {
    match (kind, assertion) {
        (None, None) => Ok(None),
        (Some(JWT_BEARER), Some(assertion)) => Ok(Some(assertion)),
        (Some(_), Some(_)) => Err(ClientAuthError::WrongMethod),
        _ => Err(ClientAuthError::Malformed),
    }
}

/// Which client an assertion says that it is of, before anything about it was verified: `sub`, which must be the client id
/// ([RFC 7523, section 3](https://www.rfc-editor.org/rfc/rfc7523#section-3)).
fn unverified_subject(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let jws = CompactJws::parse(assertion, &JwsLimits::default()).ok()?;
    jws.unverified_claims::<Subject>().ok().map(|claims| claims.sub)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use ciam_core::http::ParamsLimits;
    use http::HeaderValue;

    use super::*;

    fn read(authorization: &[&str], body: &str) -> Result<Presented, ClientAuthError> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Presented::read(&headers, &Params::parse(body, ParamsLimits::default()).unwrap())
    }

    fn basic_header() -> String {
        format!("Basic {}", STANDARD.encode("app:secret"))
    }

    fn jwt() -> String {
        format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#),
            URL_SAFE_NO_PAD.encode(r#"{"iss":"app","sub":"app"}"#)
        )
    }

    fn assertion_body(extra: &str) -> String {
        format!("client_assertion_type={JWT_BEARER}&client_assertion={}{extra}", jwt())
    }

    #[test]
    fn each_method_alone_is_read() {
        let cases: [(&[&str], String, AuthMethod); 7] = [
            (&[], "client_id=app".to_owned(), AuthMethod::None),
            (&[], "client_id=app&client_secret=".to_owned(), AuthMethod::None),
            (&[&basic_header()], String::new(), AuthMethod::ClientSecretBasic),
            (&[&basic_header()], "client_id=app".to_owned(), AuthMethod::ClientSecretBasic),
            (&[], "client_id=app&client_secret=s".to_owned(), AuthMethod::ClientSecretPost),
            (&[], assertion_body(""), AuthMethod::PrivateKeyJwt),
            (&[], assertion_body("&client_id=app"), AuthMethod::PrivateKeyJwt),
        ];
        for (authorization, body, method) in cases {
            let presented = read(authorization, &body).unwrap();
            assert_eq!(presented.client_id, "app", "{body}");
            assert_eq!(presented.proof.method(), method, "{body}");
        }
    }

    #[test]
    fn rfc6749_2_3_no_more_than_one_method() {
        let header = basic_header();
        for (authorization, body) in [
            (vec![header.as_str()], "client_secret=s&client_id=app".to_owned()),
            (vec![header.as_str()], assertion_body("")),
            (vec![], assertion_body("&client_id=app&client_secret=s")),
            (vec![header.as_str(), header.as_str()], String::new()),
            (vec![header.as_str(), "Bearer x"], String::new()),
        ] {
            assert!(matches!(read(&authorization, &body), Err(ClientAuthError::TwoMethods)), "{body}");
        }
    }

    #[test]
    fn s18_hostile_credentials() {
        let header = basic_header();
        let malformed = [
            (Some(header.as_str()), "client_id=other".to_owned()),
            (Some("Basic !"), String::new()),
            (None, "client_id=app&client_id=app".to_owned()),
            (None, "client_id=app&client_secret=a&client_secret=b".to_owned()),
            (None, "client_id=app&client_assertion=a.b.c".to_owned()),
            (None, format!("client_id=app&client_assertion_type={JWT_BEARER}")),
        ];
        for (authorization, body) in malformed {
            let result = read(&authorization.into_iter().collect::<Vec<_>>(), &body);
            assert!(matches!(result, Err(ClientAuthError::Malformed)), "{body}: {result:?}");
        }
        let other = read(&[], &assertion_body("&client_id=other"));
        assert!(matches!(other, Err(ClientAuthError::Assertion(AssertionProblem::Party))), "{other:?}");
        for authorization in ["Bearer abc", "DPoP abc", "Negotiate"] {
            assert!(matches!(read(&[authorization], "client_id=app"), Err(ClientAuthError::WrongMethod)));
        }
        let saml = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer&client_assertion=x";
        assert!(matches!(read(&[], saml), Err(ClientAuthError::WrongMethod)));
        assert!(matches!(read(&[], ""), Err(ClientAuthError::Missing)));
        assert!(matches!(read(&[], "client_secret=s"), Err(ClientAuthError::Missing)));
        for jwt in ["x", "a.b.c", "e30.e30.c2ln", "e30.e30=.c2ln", ".."] {
            let body = format!("client_assertion_type={JWT_BEARER}&client_assertion={jwt}");
            assert!(matches!(read(&[], &body), Err(ClientAuthError::Assertion(_))), "{jwt}");
        }
    }
}
