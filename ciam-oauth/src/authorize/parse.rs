//! Reading an authorization request: first where an answer may go, then everything else.
//!
//! The two steps have different errors by design. What fails in [`locate`] is shown to the person ([`SafeError`]), because
//! there is no address yet that may be trusted with a redirect; what fails in [`parse`] goes to the redirect URI.

use std::collections::BTreeSet;
use std::str::FromStr;

use ciam_core::assurance::Acr;
use ciam_core::http::Params;
use ciam_core::interaction::languages;
use serde_json::Map;

use super::request::{AuthorizeRequest, Display, PromptSet, ResponseMode};
use super::response_type::ResponseType;
use crate::authorization_details::{self, AuthorizationDetail};
use crate::client::{Client, ClientId};
use crate::confirmation::JwkThumbprint;
use crate::error::{AuthorizeError, RequestProblem, SafeError};
use crate::organization::ORGANIZATION;
use crate::pkce::CodeChallenge;
use crate::redirect_uri::RedirectUri;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::server::Config;

/// The parameters that may be there more than once.
const REPEATABLE: [&str; 1] = ["resource"];
const MAX_ACR_VALUES: usize = 16;
const MAX_LOGIN_HINT: usize = 512;
/// An id has 36 characters, a slug 63.
const MAX_ORGANIZATION: usize = 64;

/// The client that a request names.
pub(crate) fn client_id(params: &Params) -> Result<ClientId, SafeError> {
    let named = params.one("client_id").map_err(|error| SafeError::Malformed(error.into()))?;
    named.and_then(|text| text.parse().ok()).ok_or(SafeError::UnknownClient)
}

/// Where the answer to a request goes: a registered redirect URI, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnAddress {
    pub(crate) redirect_uri: RedirectUri,
    /// Whether the request named it; otherwise it is the client's only one.
    pub(crate) named: bool,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<String>,
}

/// Finds where the answer goes. A request that is wrong in other ways still has a return address, so that the client hears
/// of it: an unknown response mode falls back to the query, a repeated `state` is not returned.
pub(crate) fn locate(client: &Client, config: &Config, params: &Params) -> Result<ReturnAddress, SafeError> {
    let requested = params.one("redirect_uri").map_err(|error| SafeError::Malformed(error.into()))?;
    let (redirect_uri, named) = match (requested, client.redirect_uris.as_slice()) {
        (Some(requested), _) => (client.redirect_uri(requested).ok_or(SafeError::RedirectUri)?, true),
        (None, [only]) => (only.clone(), false),
        (None, _) => return Err(SafeError::RedirectUri),
    };
    let kind = response_type(config, params).unwrap_or_default();
    let mode = response_mode(client, &redirect_uri, params, kind).unwrap_or_else(|_| kind.default_mode());
    let state = params.one("state").ok().flatten().map(str::to_owned);
    Ok(ReturnAddress { redirect_uri, named, mode, state })
}

/// Reads everything else. What the [`Extension`](crate::extension::Extension) reads is still missing.
pub(crate) fn parse(
    client: &Client,
    config: &Config,
    params: &Params,
    address: &ReturnAddress,
) -> Result<AuthorizeRequest, AuthorizeError> {
    params.refuse_duplicates(&REPEATABLE).map_err(RequestProblem::from)?;
    if params.pairs().iter().any(|(_, value)| value.len() > config.limits.max_value) {
        return Err(RequestProblem::TooLarge.into());
    }
    refuse_unsupported(params)?;
    let response_type = response_type(config, params)?;
    let (resources, resources_named) = resources(client, config, params)?;
    let details = details(client, config, params)?;
    let scopes = scopes(client, config, params, !details.is_empty())?;
    Ok(AuthorizeRequest {
        client: client.id.clone(),
        redirect_uri: address.redirect_uri.clone(),
        redirect_uri_named: address.named,
        response_mode: response_mode(client, &address.redirect_uri, params, response_type)?,
        response_type,
        state: address.state.clone(),
        challenge: challenge(client, config, params, response_type)?,
        organization: organization(config, &scopes, params)?,
        scopes,
        resources,
        resources_named,
        prompt: prompt(config, params)?,
        max_age: max_age(params)?.or(client.default_max_age),
        acr_values: acr_values(client, params)?,
        login_hint: login_hint(params)?,
        ui_locales: ui_locales(params)?,
        display: display(params)?,
        dpop_key: dpop_key(config, params)?,
        instance: None,
        device: None,
        details,
        signed: false,
        extension: Map::new(),
    })
}

/// Reads a request that has no redirect URI of its own and no challenge: scope and resources, and nothing else.
pub(crate) fn parse_without_redirect(
    client: &Client,
    config: &Config,
    params: &Params,
    redirect_uri: RedirectUri,
    challenge: CodeChallenge,
) -> Result<AuthorizeRequest, AuthorizeError> {
    params.refuse_duplicates(&REPEATABLE).map_err(RequestProblem::from)?;
    if params.pairs().iter().any(|(_, value)| value.len() > config.limits.max_value) {
        return Err(RequestProblem::TooLarge.into());
    }
    let (resources, resources_named) = resources(client, config, params)?;
    let details = details(client, config, params)?;
    Ok(AuthorizeRequest {
        client: client.id.clone(),
        redirect_uri,
        redirect_uri_named: false,
        response_mode: ResponseMode::default(),
        response_type: ResponseType::Code,
        state: None,
        challenge: Some(challenge),
        organization: None,
        scopes: scopes(client, config, params, !details.is_empty())?,
        resources,
        resources_named,
        prompt: PromptSet::default(),
        max_age: client.default_max_age,
        acr_values: client.default_acr_values.clone(),
        login_hint: None,
        ui_locales: Vec::new(),
        display: None,
        dpop_key: None,
        instance: None,
        device: None,
        details,
        signed: false,
        extension: Map::new(),
    })
}

fn one<'a>(params: &'a Params, name: &str) -> Result<Option<&'a str>, RequestProblem> {
    Ok(params.one(name)?)
}

/// A request object was opened before this, and a pushed request taken: what is left is one that is not supported here.
fn refuse_unsupported(params: &Params) -> Result<(), AuthorizeError> {
    if one(params, "request")?.is_some() {
        return Err(AuthorizeError::RequestNotSupported);
    }
    if one(params, "request_uri")?.is_some() {
        return Err(AuthorizeError::RequestUriNotSupported);
    }
    if one(params, "registration")?.is_some() {
        return Err(AuthorizeError::RegistrationNotSupported);
    }
    Ok(())
}

/// A type that the profile has.
fn response_type(config: &Config, params: &Params) -> Result<ResponseType, AuthorizeError> {
    let name = one(params, "response_type")?.ok_or(RequestProblem::Missing("response_type"))?;
    let known = ResponseType::from_name(name).filter(|known| config.profile.response_types().contains(known));
    known.ok_or(AuthorizeError::UnsupportedResponseType)
}

fn response_mode(
    client: &Client,
    redirect_uri: &RedirectUri,
    params: &Params,
    response_type: ResponseType,
) -> Result<ResponseMode, RequestProblem> {
    let Some(name) = one(params, "response_mode")? else { return Ok(response_type.default_mode()) };
    // A message goes to an origin, so it is one that the client said scripts of its own run at.
    let heard = || redirect_uri.origin().is_some_and(|origin| client.allowed_origins.contains(&origin));
    let mode = response_type.mode(name).filter(|mode| *mode != ResponseMode::WebMessage || heard());
    mode.ok_or(RequestProblem::Invalid("response_mode"))
}

/// PKCE, method `S256`: without a method it would be `plain`
/// ([RFC 7636, section 4.3](https://www.rfc-editor.org/rfc/rfc7636#section-4.3)), which is refused like any other.
fn challenge(
    client: &Client,
    config: &Config,
    params: &Params,
    response_type: ResponseType,
) -> Result<Option<CodeChallenge>, RequestProblem> {
    let Some(challenge) = one(params, "code_challenge")? else {
        let may_go_without =
            !response_type.has_code() || !config.profile.requires_pkce_of_all() && !client.is_public();
        let method = one(params, "code_challenge_method")?;
        return match (may_go_without, method) {
            (true, None) => Ok(None),
            _ => Err(RequestProblem::Missing("code_challenge")),
        };
    };
    match one(params, "code_challenge_method")? {
        Some(CodeChallenge::METHOD) => {}
        Some(_) => return Err(RequestProblem::Invalid("code_challenge_method")),
        None => return Err(RequestProblem::Missing("code_challenge_method")),
    }
    CodeChallenge::from_str(challenge).map(Some).map_err(|_| RequestProblem::Invalid("code_challenge"))
}

/// The requested scope values that the server knows. Unknown ones are left out, as
/// [OpenID Connect Core, section 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest) asks; known
/// ones that the client is not registered for refuse the request.
fn scopes(
    client: &Client,
    config: &Config,
    params: &Params,
    has_details: bool,
) -> Result<ScopeSet, AuthorizeError> {
    let Some(text) = one(params, "scope")? else {
        // Details ask for something too (RFC 9396, section 3.1).
        return if client.scopes.is_empty() || has_details {
            Ok(ScopeSet::new())
        } else {
            Err(AuthorizeError::InvalidScope)
        };
    };
    let requested: ScopeSet = text.parse().map_err(|_| AuthorizeError::InvalidScope)?;
    let known: ScopeSet =
        requested.iter().filter(|scope| config.scopes.contains_key(*scope)).cloned().collect();
    if known.is_empty() || !known.is_subset(&client.scopes) {
        return Err(AuthorizeError::InvalidScope);
    }
    Ok(known)
}

/// Every detail is of a type that the server knows, the client is registered for, and the type itself accepts.
fn details(
    client: &Client,
    config: &Config,
    params: &Params,
) -> Result<Vec<AuthorizationDetail>, AuthorizeError> {
    let Some(text) = one(params, "authorization_details")? else { return Ok(Vec::new()) };
    let refused = |_| AuthorizeError::InvalidAuthorizationDetails;
    let details = authorization_details::parse(text).map_err(refused)?;
    for detail in &details {
        let known = config.detail_types.get(detail.name());
        let known = known.filter(|_| client.authorization_details_types.contains(detail.name()));
        known.ok_or(AuthorizeError::InvalidAuthorizationDetails)?.check(detail, client).map_err(refused)?;
    }
    Ok(details)
}

fn resources(
    client: &Client,
    config: &Config,
    params: &Params,
) -> Result<(BTreeSet<ResourceIndicator>, bool), AuthorizeError> {
    let mut named = BTreeSet::new();
    for text in params.all("resource").filter(|text| !text.is_empty()) {
        let resource: ResourceIndicator = text.parse().map_err(|_| AuthorizeError::InvalidTarget)?;
        if !config.may_target(client, &resource) {
            return Err(AuthorizeError::InvalidTarget);
        }
        named.insert(resource);
        if named.len() > ResourceIndicator::MAX_PER_REQUEST {
            return Err(AuthorizeError::InvalidTarget);
        }
    }
    if named.is_empty() {
        Ok((BTreeSet::from([config.default_resource.clone()]), false))
    } else {
        Ok((named, true))
    }
}

/// A demand: a client that names an organization and is not told which one it got could take one for the other.
fn organization(
    config: &Config,
    scopes: &ScopeSet,
    params: &Params,
) -> Result<Option<String>, RequestProblem> {
    if !config.has_organizations() {
        return Ok(None);
    }
    let Some(text) = one(params, "organization")? else { return Ok(None) };
    let good = (1..=MAX_ORGANIZATION).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if good && scopes.contains(ORGANIZATION) {
        Ok(Some(text.to_owned()))
    } else {
        Err(RequestProblem::Invalid("organization"))
    }
}

fn prompt(config: &Config, params: &Params) -> Result<PromptSet, RequestProblem> {
    let Some(text) = one(params, "prompt")? else { return Ok(PromptSet::default()) };
    let mut values = Vec::new();
    for name in text.split(' ').filter(|name| !name.is_empty()) {
        let known = config.prompts().find(|prompt| prompt.as_str() == name);
        values.push(known.ok_or(RequestProblem::Invalid("prompt"))?);
    }
    PromptSet::new(values).ok_or(RequestProblem::Contradiction("prompt"))
}

fn max_age(params: &Params) -> Result<Option<u32>, RequestProblem> {
    let Some(text) = one(params, "max_age")? else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // More seconds than fit are no limit that anybody could pass.
    let seconds = if digits && text.len() <= 10 { text.parse::<u64>().ok() } else { None };
    let seconds = seconds.ok_or(RequestProblem::Invalid("max_age"))?;
    Ok(Some(u32::try_from(seconds).unwrap_or(u32::MAX)))
}

pub(super) fn acr_values(client: &Client, params: &Params) -> Result<Vec<Acr>, RequestProblem> {
    let Some(text) = one(params, "acr_values")? else { return Ok(client.default_acr_values.clone()) };
    let values: Vec<Acr> = text.split(' ').filter(|value| !value.is_empty()).map(Acr::new).collect();
    if values.len() > MAX_ACR_VALUES { Err(RequestProblem::Invalid("acr_values")) } else { Ok(values) }
}

fn login_hint(params: &Params) -> Result<Option<String>, RequestProblem> {
    let Some(text) = one(params, "login_hint")? else { return Ok(None) };
    if text.len() > MAX_LOGIN_HINT || text.chars().any(char::is_control) {
        return Err(RequestProblem::Invalid("login_hint"));
    }
    Ok(Some(text.to_owned()))
}

fn dpop_key(config: &Config, params: &Params) -> Result<Option<JwkThumbprint>, RequestProblem> {
    let named = one(params, "dpop_jkt")?.filter(|_| config.dpop.is_some());
    named.map(str::parse).transpose().map_err(|_| RequestProblem::Invalid("dpop_jkt"))
}

fn ui_locales(params: &Params) -> Result<Vec<String>, RequestProblem> {
    Ok(one(params, "ui_locales")?.map(languages).unwrap_or_default())
}

/// A wish, not a demand: an unknown one is no error.
fn display(params: &Params) -> Result<Option<Display>, RequestProblem> {
    let name = one(params, "display")?;
    Ok(Display::ALL.into_iter().find(|display| name == Some(display.as_str())))
}

#[cfg(test)]
mod tests;
