//! A sign-in that somebody else starts
//! ([OpenID Connect Core, section 4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)): the
//! provider's own list of applications, or a portal.

use ciam_core::http::{BrowserId, Params};
use url::Url;

use super::error::SignInError;
use super::{RelyingParty, SignInOptions};

/// A request to start a sign-in, as it arrives at the registered `initiate_login_uri` by GET or POST.
///
/// ```
/// use ciam_core::http::{Params, ParamsLimits};
/// use ciam_oidc::rp::InitiatedLogin;
///
/// let params = Params::parse("iss=https%3A%2F%2Fid.example&login_hint=ada", ParamsLimits::default())?;
/// assert_eq!(InitiatedLogin::parse(&params)?.login_hint.as_deref(), Some("ada"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InitiatedLogin {
    /// The provider to sign in with. Nothing proves that it sent the request.
    pub issuer: String,
    /// Which identifier to sign in with.
    pub login_hint: Option<String>,
    /// Where to go after the sign-in; not trusted.
    pub target: Option<String>,
}

impl InitiatedLogin {
    /// Reads the request.
    ///
    /// # Errors
    ///
    /// Fails when `iss` is missing, or a parameter is there twice.
    pub fn parse(params: &Params) -> Result<Self, SignInError> {
        params.refuse_duplicates(&[]).map_err(|_| SignInError::Malformed)?;
        let one = |name| params.one(name).map_err(|_| SignInError::Malformed);
        Ok(Self {
            issuer: one("iss")?.ok_or(SignInError::Malformed)?.to_owned(),
            login_hint: one("login_hint")?.map(str::to_owned),
            target: one("target_link_uri")?.map(str::to_owned),
        })
    }
}

impl RelyingParty {
    /// Begins the sign-in that somebody else asked for: the URL to send the browser to.
    ///
    /// # Errors
    ///
    /// Fails when another provider is named than this party's, and as [`begin`](Self::begin).
    ///
    /// # Security
    ///
    /// Anybody can send a browser here. What comes of it is an ordinary sign-in, with `state`, `nonce` and PKCE of its own. A
    /// target is followed only at the origin of this party's redirect URI, so that nobody is led elsewhere; another is left out.
    pub async fn begin_initiated(
        &self,
        browser: &BrowserId,
        login: &InitiatedLogin,
    ) -> Result<String, SignInError> {
        if login.issuer != self.config().issuer {
            return Err(SignInError::OtherIssuer);
        }
        let mut options = SignInOptions::new();
        options.login_hint.clone_from(&login.login_hint);
        let target = login.target.clone().filter(|target| self.is_own(target));
        self.begin(browser, &options, target).await
    }

    fn is_own(&self, target: &str) -> bool {
        let own = Url::parse(&self.config().redirect_uri).map(|url| url.origin());
        // The parser forgives what a browser reads in another way.
        let plain = target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        match (own, Url::parse(target)) {
            (Ok(own), Ok(target)) => {
                plain && own.is_tuple() && target.origin() == own && target.username().is_empty()
            }
            _ => false,
        }
    }
}
