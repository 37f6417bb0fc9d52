//! Making ID tokens.

use ciam_core::error::PortError;
use ciam_core::hooks::{HookDecision, TokenIssue};
use ciam_core::jose;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::error::TokenError;
use ciam_oauth::extension::Issued;
use ciam_oauth::organization::OrganizationClaims;
use serde_json::{Map, Value, json};
use time::Duration;

use super::{RESERVED, TYP, half_hash};
use crate::claims::{Release, release};
use crate::provider::{Frozen, OpenIdProvider};

/// Makes the ID token of a response. One that comes with nothing else has the claims of the scope values: there is no access token
/// to ask UserInfo with ([section 5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims)).
pub(crate) async fn issue(
    provider: &OpenIdProvider,
    server: &AuthorizationServer,
    issued: &Issued<'_>,
) -> Result<String, TokenError> {
    let frozen = Frozen::read(&issued.grant.extension)?;
    let algorithm = provider.id_token_algorithm(issued.client);
    let signer = server.keys().signer(algorithm).await.map_err(PortError::from)?;
    let alone = issued.access_token.is_none() && issued.code.is_none();
    let single = &frozen.claims.id_token;
    let target = if alone { Release::UserInfo(single) } else { Release::IdToken(single) };
    let mut claims = release(issued.account, &issued.grant.scopes, target);
    claims.extend(hook_claims(server, issued).await?);
    claims.extend(issued.organization.map(OrganizationClaims::to_members).unwrap_or_default());
    claims.extend(protocol_claims(server, issued, &frozen, provider.config().id_token_lifetime));
    for (name, bound) in [("at_hash", issued.access_token), ("c_hash", issued.code), ("s_hash", issued.state)]
    {
        if let Some(bound) = bound {
            let hash = half_hash(server.ports().crypto(), algorithm, bound);
            claims.insert(name.to_owned(), json!(hash));
        }
    }
    #[cfg(feature = "draft-native-sso")]
    if let Some(secret) = crate::provider::native_sso::secret(provider, server, issued) {
        claims.insert("ds_hash".to_owned(), json!(AuthorizationServer::device_secret_hash(&secret)));
    }
    // Pushed tokens are bound to the request that they answer (CIBA Core, section 10.3.1).
    if let Some(name) = issued.auth_req_id {
        claims.insert(AUTH_REQ_ID.to_owned(), json!(name));
    }
    if let Some(refresh_token) = issued.pushed_refresh_token {
        let hash = half_hash(server.ports().crypto(), algorithm, refresh_token);
        claims.insert(RT_HASH.to_owned(), json!(hash));
    }
    let signed = jose::sign(&*signer, TYP, &claims).await.map_err(PortError::from)?;
    match issued.client.messages.id_token_encryption {
        Some(encryption) => Ok(server.encrypt_for(issued.client, encryption, &signed).await?),
        None => Ok(signed),
    }
}

const AUTH_REQ_ID: &str = "urn:openid:params:jwt:claim:auth_req_id";
const RT_HASH: &str = "urn:openid:params:jwt:claim:rt_hash";

fn protocol_claims(
    server: &AuthorizationServer,
    issued: &Issued<'_>,
    frozen: &Frozen,
    lifetime: Duration,
) -> Map<String, Value> {
    let grant = issued.grant;
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(server.issuer().as_str()));
    put("sub", json!(server.subject(issued.client, issued.account)));
    put("aud", json!(issued.client.id.as_str()));
    put("iat", json!(issued.now.unix_timestamp()));
    put("exp", json!((issued.now + lifetime).unix_timestamp()));
    put("sid", json!(server.session_name(issued.client, grant.session)));
    if let Some(auth_time) = grant.context.auth_time() {
        put("auth_time", json!(auth_time.unix_timestamp()));
    }
    // What was reached when the person allowed it; a refresh authenticates nobody again.
    if let Some(acr) = server.config().acr.achieved(&grant.context, grant.created_at) {
        put("acr", json!(acr.as_str()));
    }
    let amr: Vec<String> = grant.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
    put("amr", json!(amr));
    // An ID token that answers a refresh has no nonce (section 12.2).
    if issued.first
        && let Some(nonce) = &frozen.nonce
    {
        put("nonce", json!(nonce));
    }
    claims
}

async fn hook_claims(
    server: &AuthorizationServer,
    issued: &Issued<'_>,
) -> Result<Map<String, Value>, TokenError> {
    let scopes = issued.grant.scopes.to_strings();
    let audience = [issued.client.id.as_str().to_owned()];
    let issue =
        TokenIssue::new("id_token", issued.client.id.as_str(), Some(issued.account), &scopes, &audience);
    let mut extra = Map::new();
    match server.ports().hooks().before_token(&issue, &mut extra).await? {
        HookDecision::Allow => {}
        _ => return Err(TokenError::Denied),
    }
    extra.retain(|name, _| !RESERVED.contains(&name.as_str()));
    Ok(extra)
}
