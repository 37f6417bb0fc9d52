//! The token request, parsed.

use ciam_core::http::Params;
use ciam_core::secret::Secret;

use crate::authorization_details::{self, AuthorizationDetail};
use crate::client::GrantType;
use crate::confirmation::JwkThumbprint;
use crate::dpop::ProvenKey;
use crate::error::{RequestProblem, TokenError};
use crate::exchange::TokenKind;
use crate::pkce::CodeVerifier;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::token::TokenExchange;
#[cfg(feature = "draft-transaction-tokens")]
use crate::token::TransactionRequest;
#[cfg(feature = "draft-native-sso")]
use crate::token::native_sso::{DEVICE_SECRET, ID_TOKEN, NativeSso};
#[cfg(feature = "draft-transaction-tokens")]
use crate::transaction_token::TXN_TOKEN;

/// A token request ([RFC 6749, section 4](https://www.rfc-editor.org/rfc/rfc6749#section-4)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenRequest {
    /// What is exchanged for tokens.
    pub grant: TokenGrant,
    /// The scope that is asked for; `None` for all that was granted.
    pub scopes: Option<ScopeSet>,
    /// The resource that the access token is for ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)); `None` for the
    /// only or default one. An access token is for one resource: one for several could be replayed by each at the others.
    pub resource: Option<ResourceIndicator>,
    /// The key that the sender proved to have with a DPoP proof for the token endpoint; the access token is bound to it.
    pub key: Option<ProvenKey>,
    /// The attested key of the instance of the client that asks.
    pub instance: Option<JwkThumbprint>,
    /// The authorization details that are asked for ([RFC 9396, section 6](https://www.rfc-editor.org/rfc/rfc9396#section-6));
    /// `None` for all that were granted.
    pub details: Option<Vec<AuthorizationDetail>>,
}

/// What is exchanged for tokens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenGrant {
    /// An authorization code
    /// ([RFC 6749, section 4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)).
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The redirect URI of the authorization request, if it had one.
        redirect_uri: Option<String>,
        /// The answer to the code challenge.
        verifier: Option<CodeVerifier>,
    },
    /// A refresh token ([RFC 6749, section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
    RefreshToken {
        /// The token.
        token: Secret,
    },
    /// The client's own right
    /// ([RFC 6749, section 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)).
    ClientCredentials,
    /// A device that asks whether its person has answered
    /// ([RFC 8628, section 3.4](https://www.rfc-editor.org/rfc/rfc8628#section-3.4)).
    DeviceCode {
        /// The device code.
        code: Secret,
    },
    /// A token for which another one is wanted
    /// ([RFC 8693, section 2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1)).
    TokenExchange(Box<TokenExchange>),
    /// A token for which one of a transaction is wanted.
    #[cfg(feature = "draft-transaction-tokens")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-transaction-tokens")))]
    Transaction(Box<TransactionRequest>),
    /// What an issuer said that is trusted
    /// ([RFC 7523, section 2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
    JwtBearer {
        /// The JWT.
        assertion: Secret,
    },
    /// The end of a [backchannel authentication](crate::backchannel), for a client that polls or was pinged.
    Ciba {
        /// The name of the request.
        auth_req_id: Secret,
        /// Whether the tokens are pushed, not asked for. Never so in a request.
        pushed: bool,
    },
    /// What another app of the same maker on the same device has.
    #[cfg(feature = "draft-native-sso")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-native-sso")))]
    NativeSso(Box<NativeSso>),
    /// A [grant of the host's own](crate::custom_grant).
    Custom {
        /// Its type.
        name: String,
        /// The parameters of the form.
        params: Params,
    },
}

impl TokenGrant {
    /// The grant type; `None` for one of the host's own.
    #[must_use]
    pub const fn grant_type(&self) -> Option<GrantType> {
        Some(match self {
            Self::AuthorizationCode { .. } => GrantType::AuthorizationCode,
            Self::RefreshToken { .. } => GrantType::RefreshToken,
            Self::ClientCredentials => GrantType::ClientCredentials,
            Self::DeviceCode { .. } => GrantType::DeviceCode,
            Self::TokenExchange(_) => GrantType::TokenExchange,
            #[cfg(feature = "draft-transaction-tokens")]
            Self::Transaction(_) => GrantType::TokenExchange,
            Self::JwtBearer { .. } => GrantType::JwtBearer,
            Self::Ciba { .. } => GrantType::Ciba,
            #[cfg(feature = "draft-native-sso")]
            Self::NativeSso(_) => return None,
            Self::Custom { .. } => return None,
        })
    }
}

impl TokenRequest {
    /// A request for all that the grant allows.
    #[must_use]
    pub const fn new(grant: TokenGrant) -> Self {
        Self { grant, scopes: None, resource: None, details: None, key: None, instance: None }
    }

    /// Asks for these scope values.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Asks for a token for this resource.
    #[must_use]
    pub fn with_resource(mut self, resource: ResourceIndicator) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Asks for a token that is bound to this key
    /// ([RFC 9449, section 5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
    #[must_use]
    pub fn with_proven_key(mut self, key: ProvenKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Reads the parameters of a request's body. The proof of a key is in a header, and not read here.
    ///
    /// # Errors
    ///
    /// Fails when a parameter is missing, malformed or there twice, and when the grant type is not supported.
    pub fn parse(params: &Params) -> Result<Self, TokenError> {
        let exchanges = params.all("grant_type").any(|name| name == GrantType::TokenExchange.as_str());
        let repeatable: &[&str] = if exchanges { &["resource", "audience"] } else { &["resource"] };
        params.refuse_duplicates(repeatable).map_err(RequestProblem::from)?;
        let one = |name: &'static str| params.one(name).map_err(RequestProblem::from);
        let needed = |name: &'static str| one(name)?.ok_or(RequestProblem::Missing(name));
        let name = needed("grant_type")?;
        let Some(known) = GrantType::from_name(name) else {
            let grant = TokenGrant::Custom { name: custom_type(name)?, params: params.clone() };
            let scopes = one("scope")?.map(str::parse).transpose().map_err(|_| TokenError::InvalidScope)?;
            let details = details(params)?;
            return Ok(Self {
                grant,
                scopes,
                resource: resource(params)?,
                details,
                key: None,
                instance: None,
            });
        };
        let grant = match known {
            GrantType::AuthorizationCode => TokenGrant::AuthorizationCode {
                code: Secret::from(needed("code")?),
                redirect_uri: one("redirect_uri")?.map(str::to_owned),
                verifier: one("code_verifier")?
                    .map(str::parse)
                    .transpose()
                    .map_err(|_| RequestProblem::Invalid("code_verifier"))?,
            },
            GrantType::RefreshToken => {
                TokenGrant::RefreshToken { token: Secret::from(needed("refresh_token")?) }
            }
            GrantType::ClientCredentials => TokenGrant::ClientCredentials,
            GrantType::JwtBearer => TokenGrant::JwtBearer { assertion: Secret::from(needed("assertion")?) },
            #[cfg(feature = "draft-native-sso")]
            GrantType::TokenExchange if one("actor_token_type")? == Some(DEVICE_SECRET) => {
                TokenGrant::NativeSso(Box::new(native_sso(params)?))
            }
            #[cfg(feature = "draft-transaction-tokens")]
            GrantType::TokenExchange if one("requested_token_type")? == Some(TXN_TOKEN) => {
                TokenGrant::Transaction(Box::new(TransactionRequest::parse(params)?))
            }
            GrantType::TokenExchange => TokenGrant::TokenExchange(Box::new(exchange(params)?)),
            GrantType::Ciba => {
                TokenGrant::Ciba { auth_req_id: Secret::from(needed("auth_req_id")?), pushed: false }
            }
            GrantType::DeviceCode => TokenGrant::DeviceCode { code: Secret::from(needed("device_code")?) },
        };
        let scopes = one("scope")?.map(str::parse).transpose().map_err(|_| TokenError::InvalidScope)?;
        Ok(Self {
            grant,
            scopes,
            resource: resource(params)?,
            details: details(params)?,
            key: None,
            instance: None,
        })
    }
}

/// The type of a grant of the host's own is an absolute URI ([RFC 6749, section
/// 4.5](https://www.rfc-editor.org/rfc/rfc6749#section-4.5)); anything else is no type at all.
fn details(params: &Params) -> Result<Option<Vec<AuthorizationDetail>>, TokenError> {
    let text = params.one("authorization_details").map_err(RequestProblem::from)?;
    let details = text.map(authorization_details::parse).transpose();
    details.map_err(|_| TokenError::InvalidAuthorizationDetails)
}

fn custom_type(name: &str) -> Result<String, TokenError> {
    let is_uri = name.len() <= 512 && url::Url::parse(name).is_ok();
    if is_uri { Ok(name.to_owned()) } else { Err(TokenError::UnsupportedGrantType) }
}

/// The tokens of an exchange. A token goes with its type, and both are of kinds that are known here.
fn exchange(params: &Params) -> Result<TokenExchange, RequestProblem> {
    let kind = |name: &'static str| match params.one(name)? {
        Some(named) => TokenKind::from_name(named).map(Some).ok_or(RequestProblem::Invalid(name)),
        None => Ok(None),
    };
    let subject = params.one("subject_token")?.ok_or(RequestProblem::Missing("subject_token"))?;
    kind("subject_token_type")?.ok_or(RequestProblem::Missing("subject_token_type"))?;
    let mut shown = TokenExchange::new(Secret::from(subject));
    shown.actor_token = match (params.one("actor_token")?, kind("actor_token_type")?) {
        (Some(actor), Some(_)) => Some(Secret::from(actor)),
        (Some(_), None) => return Err(RequestProblem::Missing("actor_token_type")),
        (None, Some(_)) => return Err(RequestProblem::Invalid("actor_token_type")),
        (None, None) => None,
    };
    shown.requested = kind("requested_token_type")?;
    shown.audiences = params.all("audience").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(shown)
}

#[cfg(feature = "draft-native-sso")]
fn native_sso(params: &Params) -> Result<NativeSso, RequestProblem> {
    let needed = |name: &'static str| params.one(name)?.ok_or(RequestProblem::Missing(name));
    if needed("subject_token_type")? != ID_TOKEN {
        return Err(RequestProblem::Invalid("subject_token_type"));
    }
    let mut audiences = params.all("audience");
    let audience = audiences.next().map(str::to_owned);
    if audiences.next().is_some() {
        return Err(RequestProblem::Duplicate);
    }
    Ok(NativeSso {
        id_token: Secret::from(needed("subject_token")?),
        device_secret: Secret::from(needed("actor_token")?),
        audience,
    })
}

fn resource(params: &Params) -> Result<Option<ResourceIndicator>, TokenError> {
    let mut named = params.all("resource").filter(|value| !value.is_empty());
    let Some(first) = named.next() else { return Ok(None) };
    if named.any(|other| other != first) {
        return Err(TokenError::InvalidTarget);
    }
    first.parse().map(Some).map_err(|_| TokenError::InvalidTarget)
}

#[cfg(test)]
mod tests {
    use ciam_core::http::ParamsLimits;

    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn parse(body: &str) -> Result<TokenRequest, TokenError> {
        TokenRequest::parse(&Params::parse(body, ParamsLimits::default()).unwrap())
    }

    #[test]
    fn each_grant_is_read() {
        let code =
            parse(&format!("grant_type=authorization_code&code=c&redirect_uri=x&code_verifier={VERIFIER}"));
        let TokenGrant::AuthorizationCode { code, redirect_uri, verifier } = code.unwrap().grant else {
            panic!()
        };
        assert_eq!(code.expose(), "c");
        assert_eq!(redirect_uri.as_deref(), Some("x"));
        assert_eq!(verifier.unwrap().expose(), VERIFIER);
        let refresh = parse("grant_type=refresh_token&refresh_token=r&scope=b+a").unwrap();
        assert_eq!(refresh.grant.grant_type(), Some(GrantType::RefreshToken));
        assert_eq!(refresh.scopes.unwrap().to_string(), "a b");
        let own = parse("grant_type=client_credentials&resource=https%3A%2F%2Fapi.example").unwrap();
        assert_eq!(own.grant.grant_type(), Some(GrantType::ClientCredentials));
        assert_eq!(own.resource.unwrap().as_str(), "https://api.example");
    }

    #[test]
    fn rfc6749_5_2_malformed_requests() {
        for (body, code) in [
            ("", "invalid_request"),
            ("grant_type=", "invalid_request"),
            ("grant_type=authorization_code", "invalid_request"),
            ("grant_type=authorization_code&code=", "invalid_request"),
            ("grant_type=refresh_token", "invalid_request"),
            ("grant_type=authorization_code&code=c&code_verifier=short", "invalid_request"),
            ("grant_type=refresh_token&refresh_token=r&refresh_token=r", "invalid_request"),
            ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
            ("grant_type=client_credentials&scope=a&scope=b", "invalid_request"),
            ("grant_type=client_credentials&x=1&x=2", "invalid_request"),
            ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
            ("grant_type=AUTHORIZATION_CODE&code=c", "unsupported_grant_type"),
            ("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code", "invalid_request"),
            ("grant_type=device_code&device_code=d", "unsupported_grant_type"),
            ("grant_type=client_credentials&scope=%22", "invalid_scope"),
            ("grant_type=client_credentials&resource=relative", "invalid_target"),
            ("grant_type=client_credentials&resource=https%3A%2F%2Fa.example%23x", "invalid_target"),
            ("grant_type=client_credentials&resource=urn%3Aa&resource=urn%3Ab", "invalid_target"),
        ] {
            assert_eq!(parse(body).map(|_| ()).unwrap_err().code(), code, "{body}");
        }
        assert!(parse("grant_type=client_credentials&resource=urn%3Aa&resource=urn%3Aa").is_ok());
    }

    #[test]
    fn s32_nothing_secret_is_printed() {
        let body = format!("grant_type=authorization_code&code=geheim&code_verifier={VERIFIER}");
        let text = format!("{:?}", parse(&body).unwrap());
        assert!(!text.contains("geheim") && !text.contains("dBjf"), "{text}");
    }
}
