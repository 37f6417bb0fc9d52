//! The use of a refresh token ([RFC 6749, section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).

use ciam_core::error::PortError;
use ciam_core::secret::Secret;
use ciam_core::store::{self, Batch, EntityRef, Versioned};
use serde_json::Map;
use time::OffsetDateTime;

use super::{Generations, Presentation, RefreshTokenText};
use crate::AuthorizationServer;
use crate::access_token::{Holder, Minted, Plan};
use crate::client::{Client, RefreshRotation};
use crate::confirmation::Confirmation;
use crate::error::{GrantProblem, TokenError};
use crate::extension::Issued;
use crate::grant::{Grant, GrantState, RefreshFamily, RevocationReason};
use crate::token::code::no_later;
use crate::token::sender::check_grant;
use crate::token::{TokenRequest, TokenResponse};

/// How often a use that lost the race for the grant's record is decided again, on what is there then. Every lost race is
/// somebody else's success.
const ATTEMPTS: usize = 16;

/// The end of idleness is moved when this part of the idle time has passed since it was last moved: a client that
/// refreshes every few minutes and does not rotate causes a handful of writes a day.
const IDLE_STEPS: i32 = 32;

/// What a use is answered with, whichever generation it ends up with.
struct Prepared {
    /// The account's session epoch.
    epoch: u32,
    minted: Minted,
    members: Map<String, serde_json::Value>,
}

/// What a use does to the family.
enum Use {
    /// The token stays.
    Keep,
    /// The token of another generation is issued.
    Issue(Generations),
}

impl AuthorizationServer {
    pub(in crate::token) async fn refresh(
        &self,
        client: &Client,
        token: &Secret,
        request: &TokenRequest,
        bound: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        let shown = self.refresh_secrets().read(token.expose()).await?.ok_or(GrantProblem::Unknown)?;
        let mut prepared = None;
        for _ in 0..ATTEMPTS {
            let now = self.ports().now();
            let found = self.grant_of(&shown, client).await?;
            check_grant(&found.value, bound)?;
            if found.value.instance.is_some() && found.value.instance != request.instance {
                return Err(GrantProblem::OtherSender.into());
            }
            let Some(family) = &found.value.refresh else { return Err(GrantProblem::Unknown.into()) };
            let used = match self.decide(client, &found.value, family, &shown, now)? {
                Decision::Use(used) => used,
                Decision::Replay => {
                    if self.revoke_loaded(found, RevocationReason::RefreshReplay).await? {
                        return Err(GrantProblem::Replayed.into());
                    }
                    continue;
                }
            };
            // The tokens do not depend on who wins, so they are made once.
            let ready = match prepared.take() {
                Some(ready) => ready,
                None => self.prepare_refresh(client, &found.value, family, request, bound, now).await?,
            };
            let refresh_token = match used {
                Use::Keep => token.clone(),
                Use::Issue(next) => self.refresh_secrets().make(found.value.id, next.current)?,
            };
            if self.commit_refresh(&found, family, used, &ready, now).await? {
                let (members, refresh_token) = (ready.members, Some(refresh_token));
                return Ok(TokenResponse { refresh_token, members, ..TokenResponse::of(ready.minted) });
            }
            prepared = Some(ready);
        }
        Err(PortError::transient("the grant is being changed by others").into())
    }

    /// The grant of a token, if it is the client's.
    async fn grant_of(
        &self,
        shown: &RefreshTokenText,
        client: &Client,
    ) -> Result<Versioned<Grant>, TokenError> {
        let key = Grant::record_key(shown.grant);
        let found = store::load::<Grant>(self.ports().store(), &key).await?.ok_or(GrantProblem::Unknown)?;
        // Another client's token is refused and nothing more: whoever can read a token must not be able to end what it
        // is of by presenting it as somebody else.
        if found.value.client == client.id { Ok(found) } else { Err(GrantProblem::OtherClient.into()) }
    }

    fn decide(
        &self,
        client: &Client,
        grant: &Grant,
        family: &RefreshFamily,
        shown: &RefreshTokenText,
        now: OffsetDateTime,
    ) -> Result<Decision, GrantProblem> {
        if !matches!(grant.state, GrantState::Active) {
            return Err(GrantProblem::Revoked);
        }
        if !family.is_live(now) {
            return Err(GrantProblem::Expired);
        }
        let window = self.config().lifetimes.refresh_retry;
        match family.generations.present(shown.generation, rotates(client, grant), window, now) {
            Presentation::Keep => Ok(Decision::Use(Use::Keep)),
            Presentation::Issue(next) => Ok(Decision::Use(Use::Issue(next))),
            Presentation::Replay => Ok(Decision::Replay),
            Presentation::Superseded => Err(GrantProblem::Superseded),
            Presentation::Unknown => Err(GrantProblem::Unknown),
        }
    }

    /// Makes everything that the use will answer with, and changes nothing.
    async fn prepare_refresh(
        &self,
        client: &Client,
        grant: &Grant,
        family: &RefreshFamily,
        request: &TokenRequest,
        bound: Option<Confirmation>,
        now: OffsetDateTime,
    ) -> Result<Prepared, TokenError> {
        let holder = self.grant_holder(grant, now).await??;
        let resource = self.target(client, &grant.resources, request.resource.as_ref())?;
        // A narrower scope is that of this access token; the grant keeps what was granted.
        let scopes = self.scope_at(client, resource, &grant.scopes, request.scopes.as_ref())?;
        let details = self.details_at(client, resource, &grant.details, request.details.as_deref())?;
        let second = now.truncate_to_second();
        let lifetime = self.access_token_lifetime(client, resource);
        let expires_at =
            no_later(second + lifetime, holder.session.as_ref()).min(family.expires_at.truncate_to_second());
        let (account, organization) = (&holder.account, holder.organization.as_ref());
        let plan = Plan {
            client,
            holder: Holder::Account { account, grant, organization },
            resource,
            scopes,
            details,
            now: second,
            expires_at,
            confirmation: bound,
            on_behalf: None,
        };
        let minted = self.mint(plan).await?;
        let mut members = Map::new();
        let issued = Issued::new(client, grant, account, minted.token.expose(), now);
        let issued = issued.refreshed().for_organization(organization);
        self.extension().token_members(self, &issued, &mut members).await?;
        Ok(Prepared { epoch: account.session_epoch, minted, members })
    }

    /// Stores what the use did, if the grant is still as it was loaded; `false` when it is not.
    async fn commit_refresh(
        &self,
        found: &Versioned<Grant>,
        family: &RefreshFamily,
        used: Use,
        ready: &Prepared,
        now: OffsetDateTime,
    ) -> Result<bool, PortError> {
        let mut next = family.clone();
        let idle = self.config().lifetimes.refresh_idle;
        let idle_end = family.expires_at.min(now + idle);
        let moved = match used {
            Use::Issue(generations) => {
                next.generations = generations;
                true
            }
            Use::Keep => idle_end - family.idle_expires_at >= idle / IDLE_STEPS,
        };
        // The grant goes along with its session, once for each epoch.
        let moved = moved || found.value.epoch.is_some_and(|epoch| epoch != ready.epoch);
        if !moved && !ready.minted.has_records() {
            // Nothing changes, so there is nothing to race for: a revocation that comes now comes after this answer.
            return Ok(true);
        }
        let entity = EntityRef::record::<Grant>(Grant::record_key(found.value.id));
        let mut batch = Batch::new().require_version(entity, found.version);
        if moved {
            next.idle_expires_at = idle_end;
            let mut grant = found.value.clone();
            grant.refresh = Some(next);
            grant.epoch = grant.epoch.map(|_| ready.epoch);
            batch = batch.put(&grant)?;
        }
        let batch = ready.minted.store_in(batch)?;
        Ok(self.ports().store().commit(batch).await?.is_applied())
    }
}

enum Decision {
    Use(Use),
    Replay,
}

/// Whether each use of a refresh token issues a new one.
///
/// A confidential client proves who it is at each use, and a public one whose grant is bound proves its key: a stolen token
/// is useless alone, and one that stays spares the client the race with its own lost answers (FAPI 2.0 advises against
/// rotation). A public client with a bearer token proves nothing, so its tokens rotate and theft shows
/// ([RFC 9700, section 2.2.2](https://www.rfc-editor.org/rfc/rfc9700#section-2.2.2)).
fn rotates(client: &Client, grant: &Grant) -> bool {
    match client.refresh_rotation {
        RefreshRotation::Always => true,
        RefreshRotation::Default => client.is_public() && grant.confirmation.is_none(),
    }
}
