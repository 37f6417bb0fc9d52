//! Invitations into organizations.

use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::event::EventType;
use ciam_core::id::{AccountId, InvitationId};
use ciam_core::notify::MessageCode;
use ciam_core::organization::{
    DomainName, InvitationError, Membership, OrganizationError, OrganizationPolicy, OrganizationStatus,
};
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, PageRequest, StoredRecord as _, Write};
use futures_util::future::join_all;
use time::Duration;

use crate::organizations::{TENANT, Town, account, names, person};

const GRACE: &str = "grace@example.com";

impl Town {
    async fn invited(&self, email: &str, roles: &[&str]) -> Secret {
        let olga = person(self.olga);
        self.organizations.invite(&olga, self.acme, email, names(roles), Vec::new()).await.unwrap();
        self.token_for(email).await
    }

    /// The token of the newest mail to an address.
    async fn token_for(&self, email: &str) -> Secret {
        let mail = self.world.mail_to(email).await.unwrap();
        assert_eq!(mail.code, MessageCode::Invitation);
        assert_eq!(mail.parameters["organization"], "Acme Ltd");
        Secret::from(mail.parameters["token"].as_str())
    }

    async fn accept(&self, token: &Secret, account: AccountId) -> Result<Membership, InvitationError> {
        self.organizations.accept_invitation(token, account).await
    }

    async fn pending(&self) -> Vec<(InvitationId, String)> {
        let olga = person(self.olga);
        let page = self.organizations.invitations(&olga, self.acme, PageRequest::first(50)).await.unwrap();
        page.items.iter().map(|it| (it.invitation.id, it.email.as_str().to_owned())).collect()
    }
}

fn refused(result: Result<Membership, InvitationError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn who_is_invited_joins_once() {
    let town = Town::new().await;
    let grace = account(&town.world, GRACE).await.id;
    town.events().await;
    let olga = person(town.olga);
    let typed = " Grace@Example.com ";
    town.organizations.invite(&olga, town.acme, typed, names(&["admin"]), Vec::new()).await.unwrap();
    let token = town.token_for(GRACE).await;
    assert_eq!(town.pending().await[0].1, GRACE);
    let open = town.organizations.invitation(&token).await.unwrap().unwrap();
    assert_eq!((open.organization().id, open.email.as_str()), (town.acme, GRACE));
    let membership = town.accept(&token, grace).await.unwrap();
    assert_eq!(membership.roles, names(&["admin"]));
    assert!(town.pending().await.is_empty());
    assert_eq!(refused(town.accept(&token, grace).await), "invitation_refused");
    let types: Vec<_> = town.events().await.into_iter().map(|(event_type, _)| event_type).collect();
    assert!(types.contains(&EventType::MEMBERSHIP_JOINED) && types.contains(&EventType::INVITATION_ACCEPTED));
}

#[tokio::test]
async fn of_many_who_accept_at_once_one_joins_and_there_is_one_event() {
    let town = Town::new().await;
    let grace = account(&town.world, GRACE).await.id;
    let token = town.invited(GRACE, &["member"]).await;
    town.events().await;
    let results = join_all((0..16).map(|_| town.accept(&token, grace))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let events = town.events().await;
    let joined = events.iter().filter(|(event_type, _)| *event_type == EventType::MEMBERSHIP_JOINED);
    assert_eq!(joined.count(), 1);
}

#[tokio::test]
async fn only_an_account_with_the_verified_address_accepts_and_nothing_is_verified_by_it() {
    let town = Town::new().await;
    let eve = account(&town.world, "eve@example.com").await.id;
    let squatter = NewAccount::new(Identifier::verified(
        IdentifierKey::email("sq@example.com").unwrap(),
        town.world.ports.now(),
    ))
    .with_identifier(Identifier::unverified(IdentifierKey::email(GRACE).unwrap()))
    .create(&town.world.ports)
    .await
    .unwrap();
    let token = town.invited(GRACE, &["member"]).await;
    assert_eq!(refused(town.accept(&token, eve).await), "invitation_for_other_account");
    assert_eq!(refused(town.accept(&token, squatter.id).await), "invitation_for_other_account");
    for id in [eve, squatter.id] {
        let stored = town.world.ports.store().account(id).await.unwrap().unwrap().value;
        assert!(
            stored.identifier_with(&IdentifierKey::email(GRACE).unwrap()).is_none_or(|it| !it.is_verified())
        );
    }
    assert!(town.organizations.invitation(&token).await.unwrap().is_some(), "still good for its owner");
}

#[tokio::test]
async fn every_token_that_is_no_good_is_the_same_nothing() {
    let town = Town::new().await;
    let grace = account(&town.world, GRACE).await.id;
    let olga = person(town.olga);

    let used = town.invited(GRACE, &["member"]).await;
    town.accept(&used, grace).await.unwrap();
    town.organizations.remove_member(&TENANT, town.acme, grace).await.unwrap();
    let replaced = town.invited(GRACE, &["member"]).await;
    let resent = town.invited(GRACE, &["member"]).await;
    let (id, _) = town.pending().await[0];
    town.organizations.resend_invitation(&olga, town.acme, id).await.unwrap();
    let revoked = town.token_for(GRACE).await;
    town.organizations.revoke_invitation(&olga, town.acme, id).await.unwrap();
    let expired = town.invited(GRACE, &["member"]).await;
    town.world.clock.advance(town.organizations.settings().invitation_lifetime);
    let foreign = Secret::random(town.world.ports.entropy()).unwrap();
    for (what, token) in [
        ("used", used),
        ("replaced", replaced),
        ("resent", resent),
        ("revoked", revoked),
        ("expired", expired),
        ("foreign", foreign),
        ("empty", Secret::from("")),
        ("long", Secret::new("x".repeat(10_000))),
    ] {
        assert!(town.organizations.invitation(&token).await.unwrap().is_none(), "{what}");
        assert_eq!(refused(town.accept(&token, grace).await), "invitation_refused", "{what}");
    }
    assert_eq!(town.roles_of(grace).await, None);
}

#[tokio::test]
async fn an_invitation_is_void_when_who_invited_may_not_give_it_any_more() {
    for case in ["demoted", "removed", "suspended", "organization suspended"] {
        let town = Town::new().await;
        let grace = account(&town.world, GRACE).await.id;
        let orgs = &town.organizations;
        orgs.invite(&person(town.adam), town.acme, GRACE, names(&["admin"]), Vec::new()).await.unwrap();
        let token = town.token_for(GRACE).await;
        match case {
            "demoted" => orgs.set_roles(&TENANT, town.acme, town.adam, names(&["member"])).await.unwrap(),
            "removed" => orgs.remove_member(&TENANT, town.acme, town.adam).await.unwrap(),
            "suspended" => orgs.suspend_member(&TENANT, town.acme, town.adam).await.unwrap(),
            _ => orgs.set_status(&TENANT, town.acme, OrganizationStatus::Suspended).await.unwrap(),
        }
        assert_eq!(refused(town.accept(&token, grace).await), "invitation_refused", "{case}");
        if case == "demoted" {
            // Whoever sends it again stands for it.
            let (id, _) = town.pending().await[0];
            orgs.resend_invitation(&person(town.olga), town.acme, id).await.unwrap();
            town.accept(&town.token_for(GRACE).await, grace).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_new_account_joins_in_the_commit_that_makes_it() {
    let town = Town::new().await;
    let token = town.invited(GRACE, &["member"]).await;
    let make = || async {
        let Some(open) = town.organizations.invitation(&token).await.unwrap() else { return false };
        let ports = &town.world.ports;
        let id = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
        // Without the address, which only one could have in any case.
        let account = ciam_core::account::Account::new(id, ports.now());
        let batch = Batch::new().write(Write::PutAccount(account));
        let (batch, membership) = town.organizations.accepting(&open, id, batch).unwrap();
        assert_eq!(membership.account, id);
        ports.store().commit(batch).await.unwrap().is_applied()
    };
    let made = join_all([make(), make(), make()]).await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[tokio::test]
async fn an_invitation_adds_to_what_a_member_has_and_lifts_no_suspension() {
    let town = Town::new().await;
    let olga = person(town.olga);
    let grace = account(&town.world, GRACE).await.id;
    let token = town.invited(GRACE, &["admin"]).await;
    town.organizations.add_member(&TENANT, town.acme, grace, names(&["member"])).await.unwrap();
    assert_eq!(town.accept(&token, grace).await.unwrap().roles, names(&["admin", "member"]));

    let again = town.organizations.invite(&olga, town.acme, GRACE, names(&["admin"]), Vec::new()).await;
    assert!(matches!(again, Err(OrganizationError::AlreadyMember)), "{again:?}");
    town.organizations.remove_member(&olga, town.acme, grace).await.unwrap();
    let token = town.invited(GRACE, &["owner"]).await;
    town.organizations.add_member(&TENANT, town.acme, grace, names(&["member"])).await.unwrap();
    town.organizations.suspend_member(&olga, town.acme, grace).await.unwrap();
    assert_eq!(refused(town.accept(&token, grace).await), "invitation_refused");
    town.organizations.reactivate_member(&olga, town.acme, grace).await.unwrap();
    town.accept(&token, grace).await.unwrap();
    assert!(town.organization().await.owners.contains(&grace));
}

#[tokio::test]
async fn invitations_have_limits_and_a_place() {
    let town = Town::new().await;
    let (orgs, olga) = (&town.organizations, person(town.olga));
    for email in ["", "grace", "a@b@c", "grace@example", &format!("{}@example.com", "g".repeat(10_000))] {
        let result = orgs.invite(&olga, town.acme, email, names(&["member"]), Vec::new()).await;
        assert_eq!(result.unwrap_err().code(), "invalid", "{email}");
    }
    let nothing = orgs.invite(&olga, town.acme, GRACE, names(&[]), Vec::new()).await;
    assert_eq!(nothing.unwrap_err().code(), "invalid");
    for _ in 0..5 {
        town.invited(GRACE, &["member"]).await;
    }
    let (id, _) = town.pending().await[0];
    for result in [
        orgs.invite(&olga, town.acme, GRACE, names(&["member"]), Vec::new()).await,
        orgs.resend_invitation(&olga, town.acme, id).await,
    ] {
        assert_eq!(result.unwrap_err().code(), "too_many_attempts");
    }
    // Another organization's invitation is not there.
    let oscar = person(town.oscar);
    assert_eq!(orgs.resend_invitation(&oscar, town.other, id).await.unwrap_err().code(), "not_found");
    assert_eq!(orgs.revoke_invitation(&oscar, town.other, id).await.unwrap_err().code(), "not_found");
    let mut policy = OrganizationPolicy::default();
    policy.join_domains.insert(DomainName::new("acme.example").unwrap());
    orgs.set_policy(&olga, town.acme, &policy).await.unwrap();
    let result = orgs.invite(&olga, town.acme, "eve@example.com", names(&["member"]), Vec::new()).await;
    assert_eq!(result.unwrap_err().code(), "address_not_admitted");
}

#[tokio::test]
async fn inviting_reads_as_much_for_an_address_without_an_account() {
    let town = Town::new().await;
    account(&town.world, "known@example.com").await;
    let mut counts = Vec::new();
    for email in ["known@example.com", "unknown@example.com"] {
        town.world.probe.clear();
        let olga = person(town.olga);
        town.organizations.invite(&olga, town.acme, email, names(&["member"]), Vec::new()).await.unwrap();
        counts.push(town.world.probe.counts());
    }
    assert_eq!(counts[0], counts[1]);
}

#[tokio::test]
async fn what_is_stored_holds_neither_the_token_nor_the_address() {
    let town = Town::new().await;
    let token = town.invited(GRACE, &["member"]).await;
    let kind = ciam_core::organization::Invitation::KIND;
    let page = town.world.ports.store().records(kind, PageRequest::first(10)).await.unwrap();
    let text = format!("{:?}", page.items);
    assert!(!text.contains(token.expose()) && !text.contains("grace"), "{text}");
    town.world.clock.advance(Duration::days(8));
    assert!(town.world.ports.store().records(kind, PageRequest::first(10)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn who_has_no_account_signs_up_with_the_invitation_and_is_a_member() {
    use crate::world::{PASSWORD, done, refusal, visitor};
    use ciam_core::journey::{Acceptance, Answer, Requirements};

    let town = Town::new().await;
    let token = town.invited(GRACE, &["admin"]).await;
    let journeys = town.world.journeys.clone().with_organizations(town.organizations.clone());
    let shown = journeys.invitation(&token).await.unwrap().unwrap();
    assert_eq!((shown.email.as_str(), shown.organization.as_deref()), (GRACE, Some("Acme Ltd")));
    let browsers: Vec<_> = (0..4).map(|_| town.world.browser()).collect();
    let all = join_all(browsers.iter().map(async |browser| {
        let begun = journeys.begin_invitation(&visitor(browser), Requirements::default()).await.unwrap();
        let acceptance = Acceptance::new(token.clone()).with_password(PASSWORD);
        journeys.answer(&begun.0, &visitor(browser), Answer::AcceptInvitation(acceptance)).await.unwrap()
    }))
    .await;
    let (won, lost): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|step| matches!(step, ciam_core::journey::Step::Done(_)));
    assert_eq!((won.len(), lost.len()), (1, 3));
    for step in lost {
        // Whoever was late saw the invitation used up, or the account that it has made.
        assert!(["invitation", "already_registered"].contains(&refusal(step)));
    }
    let grace = done(won.into_iter().next().unwrap()).account;
    let key = IdentifierKey::email(GRACE).unwrap();
    assert!(grace.identifier_with(&key).unwrap().is_verified());
    let membership = town.world.ports.store().membership(town.acme, grace.id).await.unwrap().unwrap();
    assert_eq!(membership.value.roles, names(&["admin"]));

    // Who has an account signs in and accepts there.
    account(&town.world, "ada@example.com").await;
    let token = town.invited("ada@example.com", &["admin"]).await;
    let browser = town.world.browser();
    let begun = journeys.begin_invitation(&visitor(&browser), Requirements::default()).await.unwrap();
    let answer = Answer::AcceptInvitation(Acceptance::new(token));
    let step = journeys.answer(&begun.0, &visitor(&browser), answer).await.unwrap();
    assert_eq!(refusal(step), "already_registered");
}
