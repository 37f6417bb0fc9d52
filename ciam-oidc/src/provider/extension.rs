//! Plugging into the authorization server.

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::account::Account;
use ciam_core::assurance::Acr;
use ciam_core::error::PortError;
use ciam_core::http::{Params, Peer};
use ciam_core::id::AccountId;
#[cfg(feature = "draft-native-sso")]
use ciam_core::id::SessionId;
use ciam_core::jose::Algorithm;
use ciam_core::jose::jwe::ContentEncryption;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::AuthorizeRequest;
use ciam_oauth::client::Client;
use ciam_oauth::error::{AuthorizeError, RequestProblem, TokenError};
#[cfg(feature = "draft-native-sso")]
use ciam_oauth::extension::DeviceSession;
use ciam_oauth::extension::{Asked, Demands, Extension, Issued, ResponseMembers};
use ciam_oauth::grant::Grant;
use ciam_oauth::issuer::Issuer;
use ciam_oauth::organization::OrganizationClaims;
use ciam_oauth::server::SupportedScope;
#[cfg(feature = "draft-native-sso")]
use ciam_oauth::token::DEVICE_SSO;
use serde_json::{Map, Value, json};

#[cfg(feature = "draft-native-sso")]
use super::native_sso;
use super::session_state;
use super::webfinger;
use super::{DISCOVERY, END_SESSION, Frozen, OpenIdProvider, USERINFO};
use crate::claims::{ClaimsRequest, StandardScope};
use crate::id_token::{issue, read_hint};
use crate::logout;

/// A `nonce` is at most this long, in bytes.
const MAX_NONCE: usize = 512;

#[async_trait]
impl Extension for OpenIdProvider {
    fn scopes(&self) -> Vec<SupportedScope> {
        let standard = StandardScope::ALL.into_iter().map(|scope| (scope.as_str(), scope.description()));
        #[cfg(feature = "draft-native-sso")]
        let standard =
            standard.chain(self.config().native_sso.then_some((DEVICE_SSO, native_sso::DESCRIPTION)));
        let known = |(name, text): (&str, &str)| Some(SupportedScope::new(name.parse().ok()?, text));
        standard.filter_map(known).collect()
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        self.config().id_token_algorithms.iter().copied().chain([self.config().default_algorithm]).collect()
    }

    fn check(&self, issuer: &Issuer) -> Result<(), &'static str> {
        let is_page = |url: &String| issuer.page(url).as_ref() == Some(url);
        let config = self.config();
        if !is_page(&config.sign_out_url) || !config.sign_out_url.ends_with(['/', '=']) {
            return Err("the sign-out URL must be an absolute https URL that ends with `/` or `=`");
        }
        if !is_page(&config.signed_out_url) {
            return Err("the signed-out URL must be an absolute https URL");
        }
        Ok(())
    }

    async fn parse(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        request: &AuthorizeRequest,
        params: &Params,
    ) -> Result<Map<String, Value>, AuthorizeError> {
        let in_front = request.response_type.has_id_token();
        if !StandardScope::OpenId.is_in(&request.scopes) {
            return if in_front { Err(AuthorizeError::InvalidScope) } else { Ok(Map::new()) };
        }
        let mut frozen = Frozen::default();
        if let Some(nonce) = one(params, "nonce")? {
            if nonce.len() > MAX_NONCE {
                return Err(RequestProblem::Invalid("nonce").into());
            }
            frozen.nonce = Some(nonce.to_owned());
        }
        if in_front && frozen.nonce.is_none() {
            return Err(RequestProblem::Missing("nonce").into());
        }
        if let Some(text) = one(params, "claims")? {
            frozen.claims = ClaimsRequest::parse(text).map_err(|_| RequestProblem::Invalid("claims"))?;
        }
        if let Some((values, _)) = frozen.claims.wanted_in_id_token("sub") {
            frozen.subjects = values.into_iter().map(ToOwned::to_owned).collect();
        }
        if let Some(text) = one(params, "id_token_hint")? {
            let hint = read_hint(server, text).await?.filter(|hint| hint.client == client.id);
            let hint = hint.ok_or(RequestProblem::Invalid("id_token_hint"))?;
            if !frozen.subjects.is_empty() && !frozen.subjects.contains(&hint.subject) {
                return Err(RequestProblem::Contradiction("id_token_hint").into());
            }
            frozen.subjects = vec![hint.subject];
        }
        Ok(frozen.to_members())
    }

    async fn parse_backchannel(
        &self,
        _: &AuthorizationServer,
        _: &Client,
        request: &AuthorizeRequest,
        _: &Params,
    ) -> Result<Map<String, Value>, AuthorizeError> {
        let openid = StandardScope::OpenId.is_in(&request.scopes);
        Ok(if openid { Frozen::default().to_members() } else { Map::new() })
    }

    /// By the session that the ID token names, while it is known: a subject alone cannot be turned around.
    async fn hinted_account(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        id_token_hint: &str,
    ) -> Result<Option<AccountId>, PortError> {
        let hint = read_hint(server, id_token_hint).await?.filter(|hint| hint.client == client.id);
        let Some(hint) = hint else { return Ok(None) };
        let Some(session) = hint.session.and_then(|name| name.parse().ok()) else { return Ok(None) };
        let store = server.ports().store();
        let Some(session) = store.session(session).await? else { return Ok(None) };
        let account = store.account(session.value.account).await?.map(|found| found.value);
        let same = |account: &Account| server.subject(client, account) == hint.subject;
        Ok(account.filter(same).map(|account| account.id))
    }

    async fn demands(
        &self,
        server: &AuthorizationServer,
        asked: &Asked<'_>,
    ) -> Result<Demands, AuthorizeError> {
        let frozen = Frozen::read(&asked.request.extension)?;
        let mut demands = Demands::default();
        if let Some(account) = asked.account
            && !frozen.subjects.is_empty()
            && !frozen.subjects.contains(&server.subject(asked.client, account))
        {
            demands.other_person = Some("id_token_hint".to_owned());
        }
        if let Some((values, essential)) = frozen.claims.wanted_in_id_token("acr") {
            let levels = values.into_iter().map(Acr::new).collect();
            if essential { demands.essential_acr = levels } else { demands.wished_acr = levels }
        }
        Ok(demands)
    }

    fn response(
        &self,
        server: &AuthorizationServer,
        asked: &Asked<'_>,
    ) -> Result<ResponseMembers, PortError> {
        let wanted = self.config().session_management && StandardScope::OpenId.is_in(&asked.request.scopes);
        if wanted { session_state::response(server, asked) } else { Ok(ResponseMembers::default()) }
    }

    async fn front_channel(
        &self,
        server: &AuthorizationServer,
        issued: &Issued<'_>,
    ) -> Result<ResponseMembers, TokenError> {
        if !StandardScope::OpenId.is_in(&issued.grant.scopes) {
            return Ok(ResponseMembers::default());
        }
        if self.tells_of_logout(issued.client) {
            logout::note(server, issued).await?;
        }
        Ok(ResponseMembers::default().with_param("id_token", issue(self, server, issued).await?))
    }

    fn audiences(&self, server: &AuthorizationServer, grant: &Grant) -> Vec<String> {
        if StandardScope::OpenId.is_in(&grant.scopes) { vec![Self::userinfo_url(server)] } else { Vec::new() }
    }

    async fn token_members(
        &self,
        server: &AuthorizationServer,
        issued: &Issued<'_>,
        members: &mut Map<String, Value>,
    ) -> Result<(), TokenError> {
        if StandardScope::OpenId.is_in(&issued.grant.scopes) {
            if issued.first && self.tells_of_logout(issued.client) {
                logout::note(server, issued).await?;
            }
            members.insert("id_token".to_owned(), json!(issue(self, server, issued).await?));
            #[cfg(feature = "draft-native-sso")]
            if let Some(secret) = native_sso::secret(self, server, issued) {
                members.insert("device_secret".to_owned(), json!(secret.expose()));
            }
        }
        Ok(())
    }

    #[cfg(feature = "draft-native-sso")]
    async fn device_session(
        &self,
        server: &AuthorizationServer,
        id_token: &str,
        session: SessionId,
        secret_hash: &str,
    ) -> Result<Option<DeviceSession>, PortError> {
        native_sso::device_session(self, server, id_token, session, secret_hash).await
    }

    fn metadata(&self, server: &AuthorizationServer, members: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        let algorithms: Vec<&str> =
            self.config().id_token_algorithms.iter().map(|alg| alg.as_str()).collect();
        let claims: Vec<&str> = StandardScope::ALL
            .iter()
            .flat_map(|scope| scope.claims().iter().copied())
            .chain(PROTOCOL_CLAIMS)
            .chain(server.organizations().iter().flat_map(|_| OrganizationClaims::NAMES))
            .collect();
        put("userinfo_endpoint", json!(Self::userinfo_url(server)));
        put("end_session_endpoint", json!(Self::end_session_url(server)));
        put("subject_types_supported", json!(["public", "pairwise"]));
        put("id_token_signing_alg_values_supported", json!(algorithms));
        put("userinfo_signing_alg_values_supported", json!(algorithms));
        let ways = server.key_managements();
        if !ways.is_empty() {
            let ways: Vec<&str> = ways.iter().map(|way| way.as_str()).collect();
            let contents = ContentEncryption::ALL.map(ContentEncryption::as_str);
            put("id_token_encryption_alg_values_supported", json!(ways));
            put("id_token_encryption_enc_values_supported", json!(contents));
            put("userinfo_encryption_alg_values_supported", json!(ways));
            put("userinfo_encryption_enc_values_supported", json!(contents));
        }
        put("claims_supported", json!(claims));
        put("claim_types_supported", json!(["normal"]));
        put("claims_parameter_supported", json!(true));
        put("display_values_supported", json!(["page", "popup", "touch", "wap"]));
        if self.config().backchannel_logout {
            put("backchannel_logout_supported", json!(true));
            put("backchannel_logout_session_supported", json!(true));
        }
        if self.config().session_management {
            put("check_session_iframe", json!(server.issuer().endpoint(session_state::PATH)));
        }
        if self.config().frontchannel_logout {
            put("frontchannel_logout_supported", json!(true));
            put("frontchannel_logout_session_supported", json!(true));
        }
        #[cfg(feature = "draft-native-sso")]
        if self.config().native_sso {
            put("native_sso_supported", json!(true));
        }
        if !self.config().ui_locales.is_empty() {
            put("ui_locales_supported", json!(self.config().ui_locales));
        }
        // RFC 8705, section 5: tokens that are bound to a certificate are shown where one is asked for.
        let certificates = server.config().mutual_tls.as_ref().and_then(|it| it.base.as_deref());
        let aliases = members.get_mut("mtls_endpoint_aliases").and_then(Value::as_object_mut);
        if let (Some(base), Some(aliases)) = (certificates, aliases) {
            let url = format!("{base}{}{USERINFO}", server.issuer().path());
            aliases.insert("userinfo_endpoint".to_owned(), json!(url));
        }
    }

    async fn handle(
        &self,
        server: &AuthorizationServer,
        path: &str,
        request: &http::Request<Bytes>,
        peer: &Peer,
    ) -> Option<http::Response<Bytes>> {
        let whole = request.uri().path();
        if let Some(domains) = self.config().webfinger.as_ref().filter(|_| whole == webfinger::PATH) {
            return Some(webfinger::answer(server, domains, request));
        }
        // Where clients of RFC 8414 look, when the issuer has a path (section 5).
        if !server.issuer().path().is_empty() && whole.strip_prefix(DISCOVERY) == Some(server.issuer().path())
        {
            return Some(crate::http::discovery(server, request).await);
        }
        match path {
            DISCOVERY => Some(crate::http::discovery(server, request).await),
            USERINFO => Some(self.handle_userinfo(server, request, peer).await),
            END_SESSION => Some(self.handle_end_session(server, request).await),
            session_state::PATH if self.config().session_management => Some(session_state::frame(request)),
            _ => match path.strip_prefix(logout::CLIENTS_PAGE) {
                Some(name) if self.config().tells_browser() => {
                    Some(self.handle_clients_page(server, name, request).await)
                }
                _ => None,
            },
        }
    }
}

/// Claims of ID tokens that are not about the person.
const PROTOCOL_CLAIMS: [&str; 8] = ["iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid"];

fn one<'a>(params: &'a Params, name: &'static str) -> Result<Option<&'a str>, AuthorizeError> {
    params.one(name).map_err(|_| RequestProblem::Duplicate.into())
}
