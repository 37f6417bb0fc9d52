//! People who are still in another system: asked for once, denied by silence, and no way to find out who is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ciam_core::account::{Account, Identifier, IdentifierKey, NewAccount};
use ciam_core::error::PortError;
use ciam_core::migration::{
    self, ExternalAccount, ExternalId, LegacyAccount, LegacyDirectory, LegacyOutcome, LegacyPolicy,
    LegacySystem,
};
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, OutboxPayload, PageRequest, Write};
use futures_util::future::join_all;

use crate::world::{PASSWORD, World, done, refusal};

/// An old system in which everybody has the same password.
#[derive(Debug, Default)]
struct Old {
    people: BTreeMap<String, bool>,
    asked: AtomicU64,
    takes: Duration,
    fails: bool,
}

impl Old {
    fn with(people: &[&str]) -> Self {
        Self { people: people.iter().map(|email| ((*email).to_owned(), true)).collect(), ..Self::default() }
    }
}

#[async_trait]
impl LegacyDirectory for Old {
    async fn authenticate(
        &self,
        identifier: &IdentifierKey,
        password: &Secret,
    ) -> Result<LegacyOutcome, PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        if self.fails {
            return Err(PortError::transient("the old system is down"));
        }
        let Some(verified) = self.people.get(identifier.as_str()).filter(|_| password.ct_eq(PASSWORD)) else {
            return Ok(LegacyOutcome::Refused);
        };
        let known = if *verified {
            Identifier::verified(identifier.clone(), time::OffsetDateTime::UNIX_EPOCH)
        } else {
            Identifier::unverified(identifier.clone())
        };
        let account = LegacyAccount::new(vec![known]).with_external_id(ExternalId::new("old|7").unwrap());
        Ok(LegacyOutcome::Confirmed(Box::new(account)))
    }
}

const DEADLINE: Duration = Duration::from_millis(80);

async fn world(old: Old) -> (World, Arc<Old>) {
    let mut world = World::new().await;
    let old = Arc::new(old);
    let mut policy = LegacyPolicy::default();
    policy.deadline = DEADLINE;
    world.journeys =
        world.journeys.clone().with_legacy(LegacySystem::new("old", old.clone()).with_policy(policy));
    (world, old)
}

async fn sign_in(world: &World, password: &str) -> ciam_core::journey::Step {
    world.sign_in(&world.browser(), "ada@example.com", password).await
}

async fn accounts(world: &World) -> Vec<Account> {
    let page = world.ports.store().accounts(PageRequest::first(100)).await.unwrap();
    page.items.into_iter().map(|account| account.value).collect()
}

async fn marked(world: &World) -> Account {
    let email = Identifier::verified(IdentifierKey::email("ada@example.com").unwrap(), world.ports.now());
    let account = NewAccount::new(email).create(&world.ports).await.unwrap();
    let marker = migration::marker(&world.ports, account.id).unwrap();
    let batch = Batch::new().write(Write::PutCredential(marker));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    account
}

async fn events(world: &World) -> Vec<String> {
    let items = world.ports.store().claim_outbox(time::Duration::SECOND, 100).await.unwrap();
    let name = |payload: OutboxPayload| match payload {
        OutboxPayload::Event(event) => Some(event.event_type.as_str().to_owned()),
        _ => None,
    };
    items.into_iter().filter_map(|item| name(item.payload)).collect()
}

#[tokio::test]
async fn an_unknown_person_is_asked_for_once_and_has_an_account_then() {
    let (world, old) = world(Old::with(&["ada@example.com"])).await;
    assert_eq!(refusal(sign_in(&world, "a wrong password!").await), "credentials");
    let signed_in = done(sign_in(&world, PASSWORD).await);
    assert_eq!(old.asked.load(Ordering::SeqCst), 2);
    let found = ExternalAccount::find(&world.ports, "old", &ExternalId::new("old|7").unwrap()).await.unwrap();
    assert_eq!(found, Some(signed_in.account.id));
    done(sign_in(&world, PASSWORD).await);
    assert_eq!(refusal(sign_in(&world, "a wrong password!").await), "credentials");
    assert_eq!(old.asked.load(Ordering::SeqCst), 2, "whoever is here is not asked for");
    assert!(events(&world).await.contains(&"ciam.account.registered.v1".to_owned()));
}

#[tokio::test]
async fn sign_ins_at_once_make_one_account() {
    let (world, _) = world(Old { takes: Duration::from_millis(20), ..Old::with(&["ada@example.com"]) }).await;
    for step in join_all((0..4).map(|_| sign_in(&world, PASSWORD))).await {
        done(step);
    }
    assert_eq!(accounts(&world).await.len(), 1);
}

#[tokio::test]
async fn a_marked_account_gets_its_password_and_is_not_asked_for_again() {
    let (world, old) = world(Old::with(&["ada@example.com"])).await;
    let account = marked(&world).await;
    assert_eq!(refusal(sign_in(&world, "a wrong password!").await), "credentials");
    assert_eq!(done(sign_in(&world, PASSWORD).await).account.id, account.id);
    let asked = old.asked.load(Ordering::SeqCst);
    done(sign_in(&world, PASSWORD).await);
    assert_eq!(old.asked.load(Ordering::SeqCst), asked);
    assert_eq!(accounts(&world).await.len(), 1);
    assert!(events(&world).await.contains(&"ciam.credential.changed.v1".to_owned()));
}

#[tokio::test]
async fn an_account_without_the_mark_or_with_a_password_of_its_own_is_not_asked_for() {
    let (world, old) = world(Old::with(&["ada@example.com"])).await;
    let account = world.registered("ada@example.com").await.account;
    let marker = migration::marker(&world.ports, account.id).unwrap();
    let batch = Batch::new().write(Write::PutCredential(marker));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    assert_eq!(refusal(sign_in(&world, "a wrong password!").await), "credentials");
    assert_eq!(old.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn silence_and_failure_deny_and_are_told_as_events() {
    for old in [
        Old { fails: true, ..Old::with(&["ada@example.com"]) },
        Old { takes: DEADLINE * 20, ..Old::with(&["ada@example.com"]) },
    ] {
        let (world, _) = world(old).await;
        assert_eq!(refusal(sign_in(&world, PASSWORD).await), "credentials");
        assert!(accounts(&world).await.is_empty());
        assert!(events(&world).await.contains(&"ciam.migration.unanswered.v1".to_owned()));
    }
}

#[tokio::test]
async fn an_address_that_the_old_system_never_verified_makes_no_account() {
    let mut old = Old::default();
    old.people.insert("ada@example.com".to_owned(), false);
    let (world, _) = world(old).await;
    assert_eq!(refusal(sign_in(&world, PASSWORD).await), "credentials");
    assert!(accounts(&world).await.is_empty());
}

/// The directory answers at once for some and late for others: every refusal takes the same time, and makes the same calls
/// of the ports here.
#[tokio::test]
async fn nobody_learns_who_is_in_which_system() {
    let (world, old) = world(Old::with(&["old@example.com"])).await;
    world.registered("here@example.com").await;
    let mut seen = Vec::new();
    for email in ["here@example.com", "old@example.com", "nobody@example.com"] {
        let browser = world.browser();
        world.probe.clear();
        let started = Instant::now();
        let step = world.sign_in(&browser, email, "a wrong password!").await;
        assert!(started.elapsed() >= DEADLINE, "{email}: {:?}", started.elapsed());
        seen.push((refusal(step), world.probe.calls()));
    }
    assert_eq!(old.asked.load(Ordering::SeqCst), 2);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[tokio::test]
async fn the_old_system_is_not_asked_for_ever() {
    let (world, old) = world(Old::default()).await;
    for _ in 0..25 {
        let _refused = world.sign_in(&world.browser(), "ada@example.com", "a wrong password!").await;
        world.clock.advance(time::Duration::minutes(20));
    }
    assert!(old.asked.load(Ordering::SeqCst) <= 20, "{:?}", old.asked);
    assert!(old.asked.load(Ordering::SeqCst) >= 10, "{:?}", old.asked);
}
