//! Acting for an organization in a session.

use ciam_core::assurance::{Acr, Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::event::EventType;
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::organization::{ActingError, OrganizationPolicy, OrganizationStatus, PolicyDemand};
use ciam_core::session::{Authenticated, StartedSession};
use time::Duration;

use crate::organizations::{TENANT, Town, names, person};
use crate::world::cookie_headers;

impl Town {
    fn proof(&self, amr: Amr, kind: FactorKind) -> Proof {
        Proof::new(amr, [kind], self.world.ports.now())
    }

    async fn signed_in(&self, account: AccountId) -> Authenticated {
        let found = self.world.ports.store().account(account).await.unwrap().unwrap();
        let context = AuthenticationContext::new([self.proof(Amr::PASSWORD, FactorKind::Knowledge)]);
        let started = self.world.sessions.start(&found, context, None, None).await.unwrap();
        self.of(&started).await.unwrap()
    }

    /// What the browser that holds this cookie is taken for.
    async fn of(&self, started: &StartedSession) -> Option<Authenticated> {
        let set = started.cookie.set_cookie(None).unwrap();
        let cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        self.world.sessions.authenticate(&cookie_headers(&cookie)).await.unwrap()
    }

    async fn switch(
        &self,
        current: &Authenticated,
        organization: Option<OrganizationId>,
    ) -> Result<StartedSession, ActingError> {
        self.organizations.switch(&self.world.sessions, current, organization).await
    }

    async fn demand(&self, policy: &OrganizationPolicy) {
        self.organizations.set_policy(&person(self.olga), self.acme, policy).await.unwrap();
    }
}

fn lacking<T: std::fmt::Debug>(result: Result<T, ActingError>) -> PolicyDemand {
    match result {
        Err(ActingError::Demands(demand)) => *demand,
        other => panic!("nothing is lacking: {other:?}"),
    }
}

#[tokio::test]
async fn a_member_switches_and_the_session_gets_another_secret() {
    let town = Town::new().await;
    let current = town.signed_in(town.mia).await;
    town.events().await;
    let switched = town.switch(&current, Some(town.acme)).await.unwrap();
    assert_eq!(switched.session.organization, Some(town.acme));
    assert_ne!(switched.session.token_digest, current.session.value.token_digest);
    let types: Vec<_> = town.events().await.into_iter().map(|(event_type, _)| event_type).collect();
    assert!(types.contains(&EventType::SESSION_ORGANIZATION_CHANGED), "{types:?}");
    assert!(matches!(town.switch(&current, None).await, Err(ActingError::Changed)), "an old look");
    let now = town.of(&switched).await.unwrap();
    assert_eq!(town.organizations.of_session(&now).await.unwrap().organization.value.id, town.acme);
    let back = town.switch(&now, None).await.unwrap();
    assert_eq!(back.session.organization, None);
}

#[tokio::test]
async fn nobody_switches_to_where_they_do_not_belong_and_cannot_tell_why() {
    let town = Town::new().await;
    let missing = OrganizationId::from_uuid(uuid::Uuid::from_u128(99));
    let mia = town.signed_in(town.mia).await;
    for organization in [town.other, missing] {
        assert!(matches!(town.switch(&mia, Some(organization)).await, Err(ActingError::NotAMember)));
    }
    let mia = town.of(&town.switch(&mia, Some(town.acme)).await.unwrap()).await.unwrap();
    let olga = person(town.olga);
    town.organizations.suspend_member(&olga, town.acme, town.mia).await.unwrap();
    assert!(matches!(town.organizations.of_session(&mia).await, Err(ActingError::NotAMember)));
    assert!(matches!(town.switch(&mia, Some(town.acme)).await, Err(ActingError::NotAMember)));
    town.organizations.reactivate_member(&olga, town.acme, town.mia).await.unwrap();
    assert!(town.organizations.of_session(&mia).await.is_ok());
    town.organizations.set_status(&TENANT, town.acme, OrganizationStatus::Suspended).await.unwrap();
    assert!(matches!(town.organizations.of_session(&mia).await, Err(ActingError::NotAMember)));
}

#[tokio::test]
async fn the_policy_is_met_before_anybody_acts() {
    let town = Town::new().await;
    let current = town.signed_in(town.mia).await;
    let mut policy = OrganizationPolicy::default();
    policy.acr = Some(Acr::new("urn:ciam:acr:aal2"));
    town.demand(&policy).await;
    let demand = lacking(town.switch(&current, Some(town.acme)).await);
    assert_eq!(
        (demand.reasons, demand.acr_values),
        (vec!["organization_acr"], vec![Acr::new("urn:ciam:acr:aal2")])
    );
    let otp = town.proof(Amr::OTP, FactorKind::Possession);
    let stepped = town.of(&town.world.sessions.renew(&current, [otp]).await.unwrap()).await.unwrap();
    let acting = town.of(&town.switch(&stepped, Some(town.acme)).await.unwrap()).await.unwrap();
    // A policy that is made stricter counts at once.
    policy.methods.insert("hwk".to_owned());
    town.demand(&policy).await;
    let demand = lacking(town.organizations.of_session(&acting).await);
    assert_eq!(demand.methods, ["hwk"]);
}

#[tokio::test]
async fn a_session_keeps_to_the_limits_of_its_organization() {
    let town = Town::new().await;
    let mut policy = OrganizationPolicy::default();
    policy.session_idle = Some(600);
    policy.session_absolute = Some(3600);
    town.demand(&policy).await;

    let mine = town.signed_in(town.mia).await;
    let started = town.switch(&mine, Some(town.acme)).await.unwrap();
    for _ in 0..5 {
        town.world.clock.advance(Duration::minutes(9));
        assert!(town.of(&started).await.is_some(), "in use");
    }
    town.world.clock.advance(Duration::minutes(15));
    assert!(town.of(&started).await.is_none(), "an hour has passed");

    let started = town.switch(&town.signed_in(town.mia).await, Some(town.acme)).await.unwrap();
    town.world.clock.advance(Duration::seconds(600));
    assert!(town.of(&started).await.is_none(), "ten minutes without use have passed");

    // Who signed in too long ago does so again before they act.
    let old = town.signed_in(town.mia).await;
    town.world.clock.advance(Duration::minutes(61));
    let demand = lacking(town.switch(&old, Some(town.acme)).await);
    assert_eq!(demand.reasons, ["organization_session"]);
    assert_eq!(demand.authenticated_since, Some(town.world.ports.now()));
}

/// The limit of an organization that somebody has acted for stays: neither a laxer one nor none at all takes it off.
#[tokio::test]
async fn a_session_that_goes_on_to_another_organization_keeps_the_stricter_limit() {
    let town = Town::new().await;
    let with_idle = |seconds| {
        let mut policy = OrganizationPolicy::default();
        policy.session_idle = seconds;
        policy
    };
    town.demand(&with_idle(Some(600))).await;
    town.organizations.add_member(&TENANT, town.other, town.mia, names(&["member"])).await.unwrap();
    for (of_other, expected) in [(None, 600), (Some(1200), 600), (Some(600), 600), (Some(300), 300)] {
        let policy = with_idle(of_other);
        town.organizations.set_policy(&person(town.oscar), town.other, &policy).await.unwrap();
        let mine = town.signed_in(town.mia).await;
        let strict = town.of(&town.switch(&mine, Some(town.acme)).await.unwrap()).await.unwrap();
        let lax = town.of(&town.switch(&strict, Some(town.other)).await.unwrap()).await.unwrap();
        assert_eq!(lax.session.value.organization_idle, Some(expected), "{of_other:?}");
        let none = town.switch(&lax, None).await.unwrap();
        assert_eq!(none.session.organization_idle, Some(expected), "{of_other:?}");
        let ends = none.session.idle_expires_at - town.world.ports.now();
        assert_eq!(ends, Duration::seconds(i64::from(expected)));
    }
}
