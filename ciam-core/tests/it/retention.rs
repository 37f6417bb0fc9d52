//! What is closed and erased by itself, and what is not.

use std::sync::Arc;

use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey, NewAccount};
use ciam_core::audit::{AUDIT_TRIMMED, AuditLog, AuditVerdict, Expected};
use ciam_core::event::{Event, EventType};
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::journey::{Answer, Challenge, Step};
use ciam_core::notify::MessageCode;
use ciam_core::organization::{Membership, Organization, RoleName, Slug};
use ciam_core::privacy::{
    Erasure, InactivityPolicy, InactivityRecord, PersonalKinds, Retention, RetentionPolicy, RetentionReport,
};
use ciam_core::relay::Relay;
use ciam_core::store::{Batch, PageRequest, Write, load};
use time::Duration;

use crate::world::{World, done, visitor};

const EMAIL: &str = "ada@example.com";

fn policy() -> RetentionPolicy {
    let mut policy = RetentionPolicy::default();
    policy.inactive = Some(InactivityPolicy::after(Duration::days(365)));
    policy
}

fn erasure(world: &World) -> Erasure {
    Erasure::new(world.ports.clone(), world.sessions.clone(), PersonalKinds::core())
}

/// One look at every account, as there is one each day.
async fn look(world: &World) -> RetentionReport {
    Retention::new(erasure(world), policy()).step(None, 100).await.unwrap()
}

/// A look on each of so many days.
async fn days(world: &World, number: i64) -> RetentionReport {
    let mut all = RetentionReport::default();
    for _ in 0..number {
        world.clock.advance(Duration::DAY);
        let report = look(world).await;
        all.warned += report.warned;
        all.closed += report.closed;
        all.kept += report.kept;
        all.erased += report.erased;
    }
    all
}

async fn stored(world: &World, id: AccountId) -> Account {
    world.ports.store().account(id).await.unwrap().unwrap().value
}

async fn known(world: &World, id: AccountId) -> Option<InactivityRecord> {
    load(world.ports.store(), &id.to_string()).await.unwrap().map(|found| found.value)
}

#[tokio::test]
async fn an_account_that_nobody_uses_is_warned_of_closed_and_erased_and_each_time_told() {
    let world = World::new().await;
    let id = world.registered(EMAIL).await.account.id;
    world.mail_to(EMAIL).await;
    // Seven days of grace before anything is written down, and then 335.
    assert_eq!(days(&world, 7 + 334).await, RetentionReport::default());
    assert_eq!(days(&world, 1).await.warned, 1);
    let warning = world.mail_to(EMAIL).await.unwrap();
    assert_eq!(warning.code, MessageCode::AccountInactive);
    let told = world.ports.now() + Duration::days(30);
    assert!(warning.parameters["date"].starts_with(&told.date().to_string()), "{:?}", warning.parameters);
    assert_eq!(days(&world, 29).await, RetentionReport::default(), "nobody is closed before they were told");
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
    assert_eq!(days(&world, 1).await.closed, 1);
    assert_eq!(stored(&world, id).await.status, AccountStatus::Deactivated);
    assert_eq!(world.mail_to(EMAIL).await.unwrap().code, MessageCode::AccountClosed);
    assert!(known(&world, id).await.is_none());
    world.clock.advance(Duration::days(29));
    assert_eq!(erasure(&world).run(10).await.unwrap().erased, 0);
    world.clock.advance(Duration::DAY);
    assert_eq!(erasure(&world).run(10).await.unwrap().erased, 1);
    assert_eq!(stored(&world, id).await.status, AccountStatus::Erased);
}

#[tokio::test]
async fn who_is_told_and_signs_in_keeps_the_account() {
    let world = World::new().await;
    let id = world.registered(EMAIL).await.account.id;
    assert_eq!(days(&world, 7 + 335).await.warned, 1);
    world.clock.advance(Duration::days(29));
    done(world.sign_in(&world.browser(), EMAIL, crate::world::PASSWORD).await);
    assert_eq!(days(&world, 2).await, RetentionReport::default());
    assert!(known(&world, id).await.is_none(), "what was written down is void");
    assert_eq!(days(&world, 5 + 334).await, RetentionReport::default(), "it begins again");
    assert_eq!(days(&world, 8).await.warned, 1);
}

#[tokio::test]
async fn what_was_closed_because_nobody_used_it_comes_back_when_its_owner_signs_in() {
    let world = World::new().await;
    let id = world.registered(EMAIL).await.account.id;
    assert_eq!(days(&world, 7 + 365).await.closed, 1);
    world.clock.advance(Duration::days(29));
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Default::default()).await.unwrap();
    let answer = Answer::credentials(EMAIL, crate::world::PASSWORD);
    let step = world.journeys.answer(&handle, &visitor, answer).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::TakeBack { .. })), "{step:?}");
    done(world.journeys.answer(&handle, &visitor, Answer::TakeBack).await.unwrap());
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
}

/// Between two looks a session can begin and end and be gone, and a sign-in without a password leaves nothing else.
#[tokio::test]
async fn before_anybody_is_told_the_audit_log_is_asked() {
    let world = World::new().await;
    let account =
        NewAccount::new(Identifier::verified(IdentifierKey::email(EMAIL).unwrap(), world.ports.now()));
    let id = account.create(&world.ports).await.unwrap().id;
    days(&world, 330).await;
    assert!(known(&world, id).await.is_some());
    let seen = Event::new(&world.ports, EventType::SIGNED_IN, format!("account:{id}")).unwrap();
    AuditLog::new(world.ports.clone()).append(&seen).await.unwrap();
    assert_eq!(days(&world, 30).await, RetentionReport::default());
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
}

#[tokio::test]
async fn the_last_owner_of_an_organization_in_which_others_work_stays() {
    let world = World::new().await;
    let id = world.registered(EMAIL).await.account.id;
    let other = NewAccount::new(Identifier::unverified(IdentifierKey::email("b@example.com").unwrap()));
    let other = other.create(&world.ports).await.unwrap();
    let acme = OrganizationId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
    let mut organization = Organization::new(acme, Slug::new("acme").unwrap(), "Acme", world.ports.now());
    organization.owners.insert(id);
    let member = |account, role| Membership::new(acme, account, [role].into(), world.ports.now());
    let batch = Batch::new()
        .write(Write::PutOrganization(organization))
        .write(Write::PutMembership(member(id, RoleName::owner())))
        .write(Write::PutMembership(member(other.id, RoleName::new("member").unwrap())));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    // The other one goes first, because nobody proved that address.
    let report = days(&world, 7 + 365).await;
    assert_eq!((report.erased, report.warned, report.closed), (1, 1, 1), "alone there, nobody keeps them");

    let world = World::new().await;
    let (id, other) = (world.registered(EMAIL).await.account.id, world.registered("b@example.com").await);
    let mut organization = Organization::new(acme, Slug::new("acme").unwrap(), "Acme", world.ports.now());
    organization.owners.insert(id);
    let batch = Batch::new()
        .write(Write::PutOrganization(organization))
        .write(Write::PutMembership(member(id, RoleName::owner())))
        .write(Write::PutMembership(member(other.account.id, RoleName::new("member").unwrap())));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let report = days(&world, 7 + 365).await;
    assert_eq!((report.warned, report.closed, report.kept), (2, 1, 1));
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
}

#[tokio::test]
async fn nothing_is_closed_where_there_is_no_rule_for_it() {
    let world = World::new().await;
    let id = world.registered(EMAIL).await.account.id;
    let retention = Retention::new(erasure(&world), RetentionPolicy::default());
    world.clock.advance(Duration::days(4000));
    for _ in 0..3 {
        assert_eq!(retention.step(None, 10).await.unwrap().closed, 0);
        world.clock.advance(Duration::days(400));
    }
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
    assert_eq!(retention.trim_audit(100).await.unwrap(), 0);
}

#[tokio::test]
async fn the_audit_log_loses_its_beginning_says_so_and_stays_a_chain() {
    let world = World::new().await;
    let log = AuditLog::new(world.ports.clone());
    for number in 0..200 {
        let event = Event::new(&world.ports, EventType::ACCOUNT_UPDATED, format!("account:{}", number % 3));
        log.append(&event.unwrap()).await.unwrap();
        world.clock.advance(Duration::HOUR);
    }
    let witnessed = Expected::nothing().with(log.head().await.unwrap());
    let mut policy = RetentionPolicy::default();
    policy.audit = Some(Duration::HOUR * 50);
    let retention = Retention::new(erasure(&world), policy);
    // 150 entries are older than fifty hours; more than one commit removes.
    assert_eq!(retention.trim_audit(100).await.unwrap(), 100);
    assert_eq!(retention.trim_audit(100).await.unwrap(), 50);
    assert_eq!(retention.trim_audit(100).await.unwrap(), 0);
    let relay = Relay::new(world.ports.clone(), world.notifier.clone()).with_sink(Arc::new(log.clone()));
    relay.deliver_pending().await.unwrap();
    let entries = log.entries(PageRequest::first(200)).await.unwrap().items;
    assert_eq!(entries[0].sequence, 151);
    assert!(entries.iter().any(|entry| entry.event_type == AUDIT_TRIMMED.as_str()));
    assert!(log.verify(&witnessed).await.unwrap().is_intact());
    // What was witnessed and is gone is compared with what the chain begins behind.
    let base = log.base().await.unwrap();
    assert!(log.verify(&Expected::nothing().with(base)).await.unwrap().is_intact());
    let other = ciam_core::audit::AuditHead::new(base.sequence, entries[0].digest);
    let verdict = log.verify(&Expected::nothing().with(other)).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Broken { .. }), "{verdict:?}");
    // One more entry at the beginning is missing, and nobody said so.
    let gone = Write::DeleteRecord(
        ciam_core::store::RecordKind::new("core.audit_entry", &[]),
        format!("{:020}", 151),
    );
    assert!(world.ports.store().commit(Batch::new().write(gone)).await.unwrap().is_applied());
    assert!(!log.verify(&Expected::nothing()).await.unwrap().is_intact());
}
