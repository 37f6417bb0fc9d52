//! Domains of organizations: claims, proofs, home-realm discovery, joining by domain.

use std::sync::Arc;

use ciam_core::account::{Identifier, IdentifierKey, NewAccount, ReasonCode};
use ciam_core::memory::MemoryDns;
use ciam_core::organization::{
    DomainClaim, DomainName, OrganizationError, OrganizationPolicy, OrganizationSettings, OrganizationStatus,
    Rechecked, RoleName,
};
use ciam_core::store::PageRequest;
use futures_util::future::join_all;
use time::Duration;

use crate::organizations::{TENANT, Town, account, names, person};
use crate::world::World;

pub(crate) struct Zone {
    pub(crate) town: Town,
    dns: Arc<MemoryDns>,
}

impl Zone {
    pub(crate) async fn new() -> Self {
        let dns = Arc::new(MemoryDns::new());
        let resolver = dns.clone();
        let world = World::with(|ports| ports.with_dns(resolver), Default::default()).await;
        Self { town: Town::with(world, OrganizationSettings::default()).await, dns }
    }

    fn publish(&self, claim: &DomainClaim) {
        self.dns.publish(&claim.txt_name(), claim.txt_value());
    }

    /// Acme claims a domain and proves it.
    pub(crate) async fn verified(&self, domain: &str) -> DomainClaim {
        let (town, olga) = (&self.town, person(self.town.olga));
        let claim = town.organizations.claim_domain(&olga, town.acme, domain).await.unwrap();
        self.publish(&claim);
        town.organizations.verify_domain(&olga, town.acme, &claim.domain).await.unwrap()
    }

    async fn realm(&self, email: &str) -> Option<String> {
        let email = IdentifierKey::email(email).unwrap();
        self.town.organizations.home_realm(&email).await.unwrap().map(|realm| realm.slug)
    }

    async fn recheck(&self) -> Rechecked {
        let (rechecked, next) =
            self.town.organizations.recheck_domains(PageRequest::first(100)).await.unwrap();
        assert_eq!(next, None);
        rechecked
    }
}

fn domain(text: &str) -> DomainName {
    DomainName::new(text).unwrap()
}

#[tokio::test]
async fn a_domain_is_claimed_then_proved_then_routes() {
    let zone = Zone::new().await;
    let (town, olga) = (&zone.town, person(zone.town.olga));
    let orgs = &town.organizations;
    let claim = orgs.claim_domain(&olga, town.acme, " BÜCHER.example. ").await.unwrap();
    assert_eq!(claim.txt_name(), "_ciam-challenge.xn--bcher-kva.example");
    let again = orgs.claim_domain(&olga, town.acme, "xn--bcher-kva.example").await.unwrap();
    assert_eq!(again, claim, "one claim, one token");
    let unproved = orgs.verify_domain(&olga, town.acme, &claim.domain).await.unwrap();
    assert!(!unproved.state.is_verified());
    assert_eq!(zone.realm("ada@bücher.example").await, None, "a claim alone routes nobody");
    zone.publish(&claim);
    let proved = orgs.verify_domain(&olga, town.acme, &claim.domain).await.unwrap();
    assert!(proved.state.is_verified());
    assert_eq!(zone.realm("Ada@BÜCHER.example").await.unwrap(), "acme");
    assert_eq!(zone.realm("ada@sub.bücher.example").await, None, "a subdomain is another domain");
    orgs.set_status(&TENANT, town.acme, OrganizationStatus::Suspended).await.unwrap();
    assert_eq!(zone.realm("ada@bücher.example").await, None);
    orgs.set_status(&TENANT, town.acme, OrganizationStatus::Active).await.unwrap();
    orgs.release_domain(&olga, town.acme, &claim.domain).await.unwrap();
    assert_eq!(zone.realm("ada@bücher.example").await, None);
}

#[tokio::test]
async fn of_two_organizations_that_prove_one_domain_one_holds_it() {
    let zone = Zone::new().await;
    let (town, orgs) = (&zone.town, &zone.town.organizations);
    let members = [(person(town.olga), town.acme), (person(town.oscar), town.other)];
    for (actor, organization) in &members {
        zone.publish(&orgs.claim_domain(actor, *organization, "shared.example").await.unwrap());
    }
    let shared = domain("shared.example");
    let results = join_all(members.iter().map(|(actor, it)| orgs.verify_domain(actor, *it, &shared))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().any(|it| matches!(it, Err(OrganizationError::DomainTaken))), "{results:?}");
}

#[tokio::test]
async fn nobody_claims_what_is_shared_and_nobody_sees_anothers_claim() {
    let zone = Zone::new().await;
    let (town, orgs, olga) = (&zone.town, &zone.town.organizations, person(zone.town.olga));
    for (text, expected) in [
        ("gmail.com", "domain_refused"),
        ("GMAIL.COM.", "domain_refused"),
        ("co.uk", "domain_refused"),
        ("com", "invalid"),
        ("", "invalid"),
        ("a b.example", "invalid"),
    ] {
        let result = orgs.claim_domain(&olga, town.acme, text).await;
        assert_eq!(result.unwrap_err().code(), expected, "{text}");
    }
    let claim = orgs.claim_domain(&olga, town.acme, "acme.example").await.unwrap();
    let oscar = person(town.oscar);
    for result in [
        orgs.release_domain(&oscar, town.other, &claim.domain).await,
        orgs.verify_domain(&oscar, town.other, &claim.domain).await.map(|_| ()),
        orgs.domains(&oscar, town.acme).await.map(|_| ()),
    ] {
        assert_eq!(result.unwrap_err().code(), "not_found");
    }
    let mia = orgs.claim_domain(&person(town.mia), town.acme, "mia.example").await;
    assert_eq!(mia.unwrap_err().code(), "denied");
}

#[tokio::test]
async fn a_proof_that_is_gone_lapses_the_domain_in_the_end() {
    let zone = Zone::new().await;
    let claim = zone.verified("acme.example").await;
    assert_eq!(zone.recheck().await.due, 0, "too early");
    zone.town.world.clock.advance(Duration::days(7));
    let seen = zone.recheck().await;
    assert_eq!((seen.due, seen.proved, seen.lapsed), (1, 1, 0));
    zone.dns.remove(&claim.txt_name());
    zone.town.world.clock.advance(Duration::days(7));
    for lapsed in [0, 0, 1] {
        assert_eq!(zone.recheck().await.lapsed, lapsed);
        assert_eq!(zone.recheck().await.due, 0, "not twice a day");
        zone.town.world.clock.advance(Duration::days(1));
    }
    assert_eq!(zone.realm("ada@acme.example").await, None);
    // It is free again, for its owner as for others.
    zone.publish(&claim);
    assert!(zone.verified("acme.example").await.state.is_verified());
}

#[tokio::test]
async fn where_people_sign_in_does_not_depend_on_whether_they_exist() {
    let zone = Zone::new().await;
    zone.verified("acme.example").await;
    account(&zone.town.world, "known@acme.example").await;
    let mut counts = Vec::new();
    for email in ["known@acme.example", "unknown@acme.example"] {
        zone.town.world.probe.clear();
        assert_eq!(zone.realm(email).await.unwrap(), "acme");
        counts.push(zone.town.world.probe.counts());
    }
    assert_eq!(counts[0], counts[1]);
    assert!(!counts[0].contains_key("store.account_by_identifier"));
}

#[tokio::test]
async fn who_has_an_address_in_a_verified_domain_joins_where_the_policy_says_so() {
    let zone = Zone::new().await;
    let (town, orgs, olga) = (&zone.town, &zone.town.organizations, person(zone.town.olga));
    let nia = account(&town.world, "nia@acme.example").await.id;
    let eve = account(&town.world, "eve@elsewhere.example").await.id;
    let mut policy = OrganizationPolicy::default();
    policy.auto_join_role = Some(RoleName::member());
    orgs.set_policy(&olga, town.acme, &policy).await.unwrap();
    assert!(orgs.join_by_domain(nia).await.unwrap().is_empty(), "not verified yet");
    zone.verified("acme.example").await;
    let joined = orgs.join_by_domain(nia).await.unwrap();
    assert_eq!(joined[0].roles, names(&["member"]));
    assert!(orgs.join_by_domain(nia).await.unwrap().is_empty(), "once");
    assert!(orgs.join_by_domain(eve).await.unwrap().is_empty());
    orgs.suspend_member(&olga, town.acme, nia).await.unwrap();
    assert!(orgs.join_by_domain(nia).await.unwrap().is_empty());
    assert!(orgs.standing(&person(nia), town.acme).await.is_err(), "a suspension is not walked around");
    // Who sets the role cannot give more by it than they hold, and nobody becomes an owner so.
    orgs.save_template(&TENANT, crate::organizations::role("spender", &["invoice:pay"], &[])).await.unwrap();
    let with = |role: &str| {
        let mut policy = OrganizationPolicy::default();
        policy.auto_join_role = Some(RoleName::new(role).unwrap());
        policy
    };
    let adam = person(town.adam);
    let raised = orgs.set_policy(&adam, town.acme, &with("spender")).await;
    assert_eq!(raised.unwrap_err().code(), "role_escalation");
    assert_eq!(orgs.set_policy(&olga, town.acme, &with("owner")).await.unwrap_err().code(), "invalid");
    assert_eq!(orgs.set_policy(&olga, town.acme, &with("gone")).await.unwrap_err().code(), "role_unknown");
}

/// Where people sign in hangs on the domain of what they type alone: the same answer after the same calls, whoever has an
/// account there.
#[tokio::test]
async fn a_home_realm_says_nothing_about_who_has_an_account() {
    let zone = Zone::new().await;
    zone.verified("acme.example").await;
    for domain in ["acme.example", "nowhere.example"] {
        account(&zone.town.world, &format!("somebody@{domain}")).await;
        let mut seen = Vec::new();
        for name in ["somebody", "olga", "nobody"] {
            zone.town.world.probe.clear();
            let realm = zone.realm(&format!("{name}@{domain}")).await;
            seen.push((realm, zone.town.world.probe.calls()));
        }
        assert!(seen.iter().all(|it| it == &seen[0]), "{seen:#?}");
        assert_eq!(seen[0].0.is_some(), domain == "acme.example");
        assert!(
            seen[0].1.iter().all(|call| !call.method.contains("account")),
            "no account is looked for: {seen:?}"
        );
    }
}

/// An address that nobody has proved lets nobody in, and neither does an account that may not sign in.
#[tokio::test]
async fn an_unverified_address_and_a_stopped_account_join_nothing() {
    let zone = Zone::new().await;
    let (town, orgs, olga) = (&zone.town, &zone.town.organizations, person(zone.town.olga));
    let mut policy = OrganizationPolicy::default();
    policy.auto_join_role = Some(RoleName::member());
    orgs.set_policy(&olga, town.acme, &policy).await.unwrap();
    zone.verified("acme.example").await;
    let claimed = IdentifierKey::email("ceo@acme.example").unwrap();
    let own = Identifier::verified(IdentifierKey::email("eve@evil.example").unwrap(), town.world.ports.now());
    let eve = NewAccount::new(own).with_identifier(Identifier::unverified(claimed));
    let eve = eve.create(&town.world.ports).await.unwrap().id;
    assert!(orgs.join_by_domain(eve).await.unwrap().is_empty());
    let nia = account(&town.world, "nia@acme.example").await.id;
    let reason = ReasonCode::new("left").unwrap();
    town.world.accounts.suspend(nia, &TENANT, &reason, None).await.unwrap();
    assert!(orgs.join_by_domain(nia).await.unwrap().is_empty());
    town.world.accounts.reactivate(nia, &TENANT, &reason).await.unwrap();
    assert_eq!(orgs.join_by_domain(nia).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_organization_claims_so_many_domains_and_no_more() {
    let mut settings = OrganizationSettings::default();
    settings.max_domains = 2;
    let town = Town::with(World::new().await, settings).await;
    let (orgs, olga) = (&town.organizations, person(town.olga));
    for domain in ["one.example", "two.example"] {
        orgs.claim_domain(&olga, town.acme, domain).await.unwrap();
    }
    let third = orgs.claim_domain(&olga, town.acme, "three.example").await;
    assert!(matches!(third, Err(OrganizationError::TooMany)), "{third:?}");
    orgs.claim_domain(&olga, town.acme, "two.example").await.unwrap();
}
