//! The exchange of an authorization code
//! ([RFC 6749, section 4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)).

use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use ciam_core::ratelimit::{RateLimitError, RateLimiter};
use ciam_core::secret::Secret;
use ciam_core::session::Session;
use ciam_core::store::{Batch, EntityRef};
use serde_json::Map;
use time::OffsetDateTime;

use super::{TokenGrant, TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::access_token::{Holder, Minted, Plan};
use crate::client::{Client, GrantType};
use crate::confirmation::Confirmation;
use crate::error::{GrantProblem, TokenError};
use crate::event;
use crate::extension::Issued;
use crate::grant::{AuthorizationCode, CodeState, Grant, RefreshFamily};
use crate::pkce::CodeVerifier;

/// What a client shows to exchange a code.
#[derive(Clone, Copy, Debug)]
pub(super) struct PresentedCode<'a> {
    pub(super) code: &'a Secret,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a CodeVerifier>,
}

/// Tokens that are made and not yet anybody's.
pub(crate) struct Prepared {
    pub(super) grant: Grant,
    pub(super) minted: Minted,
    pub(super) refresh_token: Option<Secret>,
    pub(super) members: Map<String, serde_json::Value>,
}

impl AuthorizationServer {
    pub(super) async fn exchange_code(
        &self,
        client: &Client,
        presented: PresentedCode<'_>,
        request: &TokenRequest,
        peer: &Peer,
        bound: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        self.count_presentation(client, presented.code, peer).await?;
        let key = CodeState::key(presented.code);
        let stored = self.ports().ephemeral().get(&key).await?.ok_or(GrantProblem::Unknown)?;
        let (code, spent) = match ephemeral::decode::<CodeState>(&stored)? {
            CodeState::Live(code) => (code, false),
            CodeState::Spent(code) => (code, true),
        };
        check_binding(&code, client, presented, bound)?;
        if code.instance.is_some() && code.instance != request.instance {
            return Err(GrantProblem::OtherSender.into());
        }
        if spent {
            return self.refuse_replay(&code).await;
        }
        let now = self.ports().now();
        if now >= code.expires_at {
            return Err(GrantProblem::Expired.into());
        }
        let prepared = self.prepare_exchange(client, &code, request, bound, now).await?;

        // From here on the code is used up, whatever happens.
        let spent = ephemeral::encode(&CodeState::Spent(code.clone()))?;
        let keep = self.config().lifetimes.spent_code;
        if !self.ports().ephemeral().compare_and_swap(&key, &stored, spent, keep).await? {
            return self.refuse_replay(&code).await;
        }
        self.commit_exchange(prepared).await
    }

    /// Counted before anything is looked at. The address is part of the key, so that somebody who saw a code and has no
    /// verifier cannot use up the tries of the client that it belongs to.
    async fn count_presentation(
        &self,
        client: &Client,
        code: &Secret,
        peer: &Peer,
    ) -> Result<(), TokenError> {
        let key = format!("{}\n{}\n{}", client.id, peer.address, code.digest().to_text());
        match RateLimiter::new(self.ports().clone())
            .attempt(&self.config().limits.code_presentations, &key)
            .await
        {
            Ok(()) => Ok(()),
            Err(RateLimitError::Port(error)) => Err(error.into()),
            Err(_) => Err(GrantProblem::TooManyAttempts.into()),
        }
    }

    /// Somebody showed everything that the exchange demands, again: the code has leaked with all that protects it, so what
    /// it made is revoked ([RFC 6749, section 4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)).
    pub(super) async fn refuse_replay(&self, code: &AuthorizationCode) -> Result<TokenResponse, TokenError> {
        self.revoke_replayed(code).await?;
        Err(GrantProblem::Replayed.into())
    }

    /// Makes everything that the exchange will answer with, and changes nothing.
    pub(crate) async fn prepare_exchange(
        &self,
        client: &Client,
        code: &AuthorizationCode,
        request: &TokenRequest,
        bound: Option<Confirmation>,
        now: OffsetDateTime,
    ) -> Result<Prepared, TokenError> {
        // Until it is known better, the grant lasts as long as it takes to look at it.
        let mut grant = Grant::of_code(code, now, now + self.config().lifetimes.refresh_absolute);
        let holder = self.grant_holder(&grant, now).await??;
        let resource = self.target(client, &grant.resources, request.resource.as_ref())?;
        let scopes = self.scope_at(client, resource, &grant.scopes, request.scopes.as_ref())?;
        let details = self.details_at(client, resource, &grant.details, request.details.as_deref())?;

        let second = now.truncate_to_second();
        let session = holder.session.as_ref();
        let expires_at = no_later(second + self.access_token_lifetime(client, resource), session);
        // A confidential client proves at each refresh who it is, and may have another key by then.
        grant.confirmation = bound.filter(|_| client.is_public());
        grant.instance = request.instance;
        grant.refresh = self.first_family(client, now, session);
        grant.expires_at =
            grant.refresh.as_ref().map_or(expires_at, |family| family.expires_at.max(expires_at));

        let account = &holder.account;
        let plan = Plan {
            client,
            holder: Holder::Account { account, grant: &grant, organization: holder.organization.as_ref() },
            resource,
            scopes,
            details,
            now: second,
            expires_at,
            confirmation: bound,
            on_behalf: None,
        };
        let minted = self.mint(plan).await?;
        let refresh_token = grant
            .refresh
            .as_ref()
            .map(|family| self.refresh_secrets().make(grant.id, family.generations.current))
            .transpose()?;
        let issued = Issued::new(client, &grant, account, minted.token.expose(), now)
            .for_organization(holder.organization.as_ref());
        let shown = refresh_token.as_ref().map(Secret::expose);
        let members = self.members_of_code(issued, request, shown).await?;
        Ok(Prepared { grant, minted, refresh_token, members })
    }

    /// The refresh tokens of a new grant, if the client may have any.
    fn first_family(
        &self,
        client: &Client,
        now: OffsetDateTime,
        session: Option<&Session>,
    ) -> Option<RefreshFamily> {
        if !client.allows(GrantType::RefreshToken) {
            return None;
        }
        let lifetimes = &self.config().lifetimes;
        let end = no_later(now + lifetimes.refresh_absolute, session);
        Some(RefreshFamily::first(end.min(now + lifetimes.refresh_idle), end))
    }

    async fn members_of_code(
        &self,
        issued: Issued<'_>,
        request: &TokenRequest,
        refresh_token: Option<&str>,
    ) -> Result<Map<String, serde_json::Value>, TokenError> {
        let issued = match &request.grant {
            TokenGrant::Ciba { auth_req_id, pushed: true } => {
                issued.pushed(auth_req_id.expose(), refresh_token)
            }
            _ => issued,
        };
        let mut members = Map::new();
        self.extension().token_members(self, &issued, &mut members).await?;
        Ok(members)
    }

    /// Stores the grant with everything of it, unless a replayer has put the revoked grant there first.
    pub(crate) async fn commit_exchange(&self, prepared: Prepared) -> Result<TokenResponse, TokenError> {
        let Prepared { grant, minted, refresh_token, members } = prepared;
        let entity = EntityRef::record::<Grant>(Grant::record_key(grant.id));
        let batch = Batch::new().require_absent(entity).put(&grant).map_err(PortError::from)?;
        let batch = minted.store_in(batch)?;
        let batch = batch.event(self.grant_event(event::GRANT_CREATED, &grant)?);
        if !self.ports().store().commit(batch).await?.is_applied() {
            return Err(GrantProblem::Replayed.into());
        }
        Ok(TokenResponse { refresh_token, members, ..TokenResponse::of(minted) })
    }
}

/// Whether the request shows everything that the code is bound to. Asked of spent codes as well: who does not show it
/// holds no more than the code, and must not be able to revoke anything with it.
fn check_binding(
    code: &AuthorizationCode,
    client: &Client,
    presented: PresentedCode<'_>,
    bound: Option<Confirmation>,
) -> Result<(), GrantProblem> {
    if code.client != client.id {
        return Err(GrantProblem::OtherClient);
    }
    let redirect_uri_fits = match presented.redirect_uri {
        Some(shown) => shown == code.redirect_uri.as_str(),
        None => !code.redirect_uri_named,
    };
    if !redirect_uri_fits {
        return Err(GrantProblem::RedirectUri);
    }
    if code.dpop_key.is_some() && code.dpop_key != bound.and_then(|bound| bound.key) {
        return Err(GrantProblem::OtherSender);
    }
    match (&code.challenge, presented.verifier) {
        (Some(challenge), Some(verifier)) if challenge.matches(verifier) => Ok(()),
        // A verifier of which the authorization request knew nothing means that somebody took its challenge away (RFC 9700,
        // section 2.1.1).
        (None, None) => Ok(()),
        _ => Err(GrantProblem::Pkce),
    }
}

/// A time, but not after the end of the session that it hangs on.
pub(super) fn no_later(time: OffsetDateTime, session: Option<&Session>) -> OffsetDateTime {
    session.map_or(time, |session| time.min(session.expires_at.truncate_to_second()))
}
