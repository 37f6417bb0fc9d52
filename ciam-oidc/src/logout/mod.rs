//! Sign-out at the provider, asked for by a client
//! ([OpenID Connect RP-Initiated Logout 1.0](https://openid.net/specs/openid-connect-rpinitiated-1_0.html)), and what clients
//! are told of it: by a request of their own ([Back-Channel Logout
//! 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html)), and through the browser ([Front-Channel Logout
//! 1.0](https://openid.net/specs/openid-connect-frontchannel-1_0.html)).

mod backchannel;
mod frontchannel;
mod login;

pub use self::backchannel::LOGOUT_DUE;
pub(crate) use self::frontchannel::PATH as CLIENTS_PAGE;
pub(crate) use self::login::{Login, note};

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Params, SESSION_COOKIE, cookie, expired_cookie};
use ciam_core::interaction::{
    Ask, Interaction, InteractionError, InteractionHandle, Interactions, Json, SignOutAsk, languages,
};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::Visitor;
use ciam_oauth::client::{Client, ClientId};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::http as reply;
use crate::id_token::{Hint, read_hint};
use crate::provider::OpenIdProvider;

const PROTOCOL: &str = "oidc.logout";

/// How a request to sign out goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignOut {
    /// Nobody is signed in any more; the browser goes there, and its session cookie is removed.
    Done {
        /// An absolute URL.
        location: String,
    },
    /// The person is asked, at the host's page.
    Ask {
        /// The host's page, with the handle.
        url: String,
        /// The binding secret of a browser that had none.
        new_browser: Option<BrowserId>,
    },
}

/// A request to sign out cannot be answered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignOutError {
    /// A parameter is malformed, there twice, or contradicts another.
    #[error("the request is malformed")]
    Malformed,
    /// `id_token_hint` is not an ID token of this server.
    #[error("the ID token is not one of this server")]
    Hint,
    /// `post_logout_redirect_uri` is not registered for the client.
    #[error("the return address is not registered for the application")]
    RedirectUri,
    /// A port failed.
    #[error("the request cannot be processed now")]
    Port(#[from] PortError),
}

/// A question whether to sign out, for the host's page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingSignOut {
    /// Who asks.
    pub ask: SignOutAsk,
    /// Where the browser goes when the person says yes: a page whose forms are confined by a `form-action` directive has to
    /// allow it.
    pub location: String,
}

/// What is kept while the person is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    location: String,
}

impl SignOutError {
    /// A stable code, for translations and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::Hint => "unusable_id_token_hint",
            Self::RedirectUri => "unregistered_redirect_uri",
            Self::Port(_) => "temporarily_unavailable",
        }
    }
}

impl OpenIdProvider {
    /// Answers a request of a client to sign a person out.
    ///
    /// # Errors
    ///
    /// Fails when the request is malformed, when its ID token is not one of this server, when the client did not register
    /// its `post_logout_redirect_uri`, and when a port fails. Nobody is signed out then.
    ///
    /// # Security
    ///
    /// - The browser goes to `post_logout_redirect_uri` only when the client is known (by `id_token_hint` or `client_id`) and
    ///   registered exactly this URI. Without a client it is ignored, and the browser goes to the host's own page.
    /// - Without an ID token of the very session, the person is asked first: a link on another site cannot sign anybody out,
    ///   nor can an ID token of an earlier session.
    pub async fn end_session(
        &self,
        server: &AuthorizationServer,
        params: &Params,
        visitor: &Visitor,
    ) -> Result<SignOut, SignOutError> {
        params.refuse_duplicates(&[]).map_err(|_| SignOutError::Malformed)?;
        let longest = server.config().limits.max_value;
        if params.pairs().iter().any(|(_, value)| value.len() > longest) {
            return Err(SignOutError::Malformed);
        }
        let one = |name| params.one(name).map_err(|_| SignOutError::Malformed);
        let hint = match one("id_token_hint")? {
            Some(text) => Some(read_hint(server, text).await?.ok_or(SignOutError::Hint)?),
            None => None,
        };
        let named = one("client_id")?.map(str::parse::<ClientId>).transpose();
        let client = self.client(server, hint.as_ref(), named.map_err(|_| SignOutError::Malformed)?).await?;
        let state = one("state")?;
        let location = match (&client, one("post_logout_redirect_uri")?) {
            (Some(client), Some(wanted)) => {
                after_sign_out(client, wanted, state).ok_or(SignOutError::RedirectUri)?
            }
            _ => self.config().signed_out_url.clone(),
        };

        let Some(signed_in) = &visitor.signed_in else { return Ok(SignOut::Done { location }) };
        if let (Some(hint), Some(client)) = (&hint, &client) {
            let of_session = server.session_name(client, signed_in.session.value.id);
            let of_person = server.subject(client, &signed_in.account.value);
            if hint.session.as_ref() == Some(&of_session) && hint.subject == of_person {
                let location = self.sign_out(server, signed_in.session.value.id, location).await?;
                return Ok(SignOut::Done { location });
            }
        }
        let locales = languages(one("ui_locales")?.unwrap_or_default());
        let ask = SignOutAsk::new(client.and_then(|client| client.display.name), locales);
        self.ask(server, visitor, location, ask).await
    }

    /// What the person is asked, for the host's page.
    ///
    /// # Errors
    ///
    /// Fails when there is no such question in this browser, and when a port fails.
    pub async fn pending_sign_out(
        &self,
        server: &AuthorizationServer,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<PendingSignOut, InteractionError> {
        let interactions = Interactions::new(server.ports().clone());
        let (interaction, pending) = Self::pending(&interactions, handle, browser).await?;
        match interaction.ask {
            Ask::SignOut(ask) => Ok(PendingSignOut { ask, location: pending.location }),
            _ => Err(InteractionError::NotFound),
        }
    }

    async fn pending(
        interactions: &Interactions,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<(Interaction, Pending), InteractionError> {
        let interaction = interactions.load(handle, browser).await?;
        if interaction.protocol != PROTOCOL {
            return Err(InteractionError::NotFound);
        }
        let pending = interaction.request.read()?;
        Ok((interaction, pending))
    }

    /// Signs the person out who said yes on the host's page, and says where the browser goes. The host removes the session
    /// cookie.
    ///
    /// # Errors
    ///
    /// Fails when there is no such question in this browser, when it was answered already, and when a port fails.
    pub async fn confirm_sign_out(
        &self,
        server: &AuthorizationServer,
        handle: &InteractionHandle,
        visitor: &Visitor,
    ) -> Result<String, InteractionError> {
        let interactions = Interactions::new(server.ports().clone());
        let (interaction, pending) = Self::pending(&interactions, handle, visitor.browser.as_ref()).await?;
        interactions.finish(handle, &interaction).await?;
        match &visitor.signed_in {
            Some(signed_in) => {
                Ok(self.sign_out(server, signed_in.session.value.id, pending.location).await?)
            }
            None => Ok(pending.location),
        }
    }

    async fn client(
        &self,
        server: &AuthorizationServer,
        hint: Option<&Hint>,
        named: Option<ClientId>,
    ) -> Result<Option<Client>, SignOutError> {
        let id = match (hint, named) {
            (Some(hint), Some(named)) if hint.client != named => return Err(SignOutError::Malformed),
            (Some(hint), _) => hint.client.clone(),
            (None, Some(named)) => named,
            (None, None) => return Ok(None),
        };
        Ok(server.clients().get(&id).await?.map(|found| found.value))
    }

    async fn ask(
        &self,
        server: &AuthorizationServer,
        visitor: &Visitor,
        location: String,
        ask: SignOutAsk,
    ) -> Result<SignOut, SignOutError> {
        let new_browser = match &visitor.browser {
            Some(_) => None,
            None => Some(BrowserId::generate(server.ports().entropy())?),
        };
        let Some(browser) = visitor.browser.as_ref().or(new_browser.as_ref()) else {
            return Err(PortError::permanent("a browser without a binding secret").into());
        };
        let request = Json::of(&Pending { location })?;
        let interactions = Interactions::new(server.ports().clone());
        let resume = |_: &InteractionHandle| Self::end_session_url(server);
        let handle = interactions.open(browser, PROTOCOL, request, Ask::SignOut(ask), resume).await?;
        let url = format!("{}{}", self.config().sign_out_url, handle.expose());
        Ok(SignOut::Ask { url, new_browser })
    }

    pub(crate) async fn handle_end_session(
        &self,
        server: &AuthorizationServer,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        // A query beside a body would be a second place to look.
        let beside =
            request.method() == Method::POST && request.uri().query().is_some_and(|query| !query.is_empty());
        let text = match *request.method() {
            _ if beside => return reply::sign_out_refused(SignOutError::Malformed),
            Method::GET | Method::HEAD => request.uri().query().unwrap_or_default(),
            Method::POST if request.headers().get(CONTENT_TYPE).is_some_and(reply::is_form) => {
                match std::str::from_utf8(request.body()) {
                    Ok(text) => text,
                    Err(_) => return reply::sign_out_refused(SignOutError::Malformed),
                }
            }
            Method::POST => return reply::sign_out_refused(SignOutError::Malformed),
            _ => return reply::method_not_allowed("GET, POST"),
        };
        let Ok(params) = Params::parse(text, server.config().limits.params) else {
            return reply::sign_out_refused(SignOutError::Malformed);
        };
        if request.method() == Method::POST && cookie(request.headers(), SESSION_COOKIE).is_none() {
            // A form that another site posts comes without our `SameSite=Lax` cookies; as a navigation it comes with them.
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params.pairs()).finish();
            // Answered here, without cookies, it would remove the session's cookie unasked.
            if query.len() > MAX_QUERY {
                return reply::sign_out_refused(SignOutError::Malformed);
            }
            return reply::redirect(&format!("{}?{query}", Self::end_session_url(server)));
        }
        let visitor = match Visitor::from_headers(server, request.headers()).await {
            Ok(visitor) => visitor,
            Err(error) => return reply::sign_out_refused(error.into()),
        };
        match self.end_session(server, &params, &visitor).await {
            Ok(SignOut::Done { location }) => {
                with_cookie(reply::redirect(&location), expired_cookie(SESSION_COOKIE))
            }
            Ok(SignOut::Ask { url, new_browser }) => match new_browser {
                Some(browser) => with_cookie(reply::redirect(&url), browser.set_cookie()),
                None => reply::redirect(&url),
            },
            Err(error) => reply::sign_out_refused(error),
        }
    }
}

/// The longest query that a posted request is turned into.
const MAX_QUERY: usize = 16 * 1024;

/// Where a client wants the browser to go, if it registered exactly this.
fn after_sign_out(client: &Client, wanted: &str, state: Option<&str>) -> Option<String> {
    let registered = client.post_logout_redirect_uris.iter().find(|known| known.matches_exactly(wanted))?;
    let Some(state) = state else { return Some(registered.as_str().to_owned()) };
    let state: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let separator = if registered.as_str().contains('?') { '&' } else { '?' };
    Some(format!("{}{separator}state={state}", registered.as_str()))
}

fn with_cookie(
    mut response: Response<Bytes>,
    cookie: Result<http::HeaderValue, PortError>,
) -> Response<Bytes> {
    match cookie {
        Ok(cookie) => {
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(_) => reply::unavailable(),
    }
}
