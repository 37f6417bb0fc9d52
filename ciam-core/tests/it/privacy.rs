//! Export, erasure, retention and consent to purposes.

use std::collections::BTreeSet;
use std::sync::Arc;

use ciam_core::account::{
    Account, AccountStatus, Identifier, IdentifierKey, NewAccount, ReasonCode, Transition,
};
use ciam_core::actor::Actor;
use ciam_core::assurance::AuthenticationContext;
use ciam_core::audit::AuditLog;
use ciam_core::consent::{Consent, ConsentProof, Consents};
use ciam_core::credential::Credential;
use ciam_core::event::EventType;
use ciam_core::id::{CredentialId, DeviceId, OrganizationId, SessionId};
use ciam_core::memory::{self, MemoryNotifier};
use ciam_core::organization::{Membership, Organization, RoleName, Slug};
use ciam_core::place::Place;
use ciam_core::ports::Ports;
use ciam_core::privacy::{Erasure, Export, PersonalKinds, Retention, RetentionPolicy};
use ciam_core::relay::Relay;
use ciam_core::sealing::SealingStore;
use ciam_core::secret::TokenDigest;
use ciam_core::session::{Session, SessionManager};
use ciam_core::store::{Batch, PageRequest, StoredRecord, Write};
use ciam_core::terms::{AcceptedHow, DocumentName, Terms, TermsVersion};
use ciam_core::testkit::{Failure, ManualClock, Probe};
use serde_json::json;
use time::Duration;

const EMAIL: &str = "ada@planted.example";

struct World {
    clock: Arc<ManualClock>,
    ports: Ports,
    account: Account,
    erasure: Erasure,
}

fn erasure(ports: &Ports) -> Erasure {
    Erasure::new(ports.clone(), SessionManager::new(ports.clone()), PersonalKinds::core())
}

fn email() -> IdentifierKey {
    IdentifierKey::email(EMAIL).unwrap()
}

/// An account with something of everything.
async fn world() -> World {
    let clock = Arc::new(ManualClock::default());
    let ports = memory::ports_with(clock.clone(), Arc::new(ciam_core::entropy::SystemEntropy::new()));
    let sealing = SealingStore::open(ports.shared_store(), ports.shared_vault()).await.unwrap();
    let ports = ports.with_store(Arc::new(sealing));
    let account = NewAccount::new(Identifier::verified(email(), ports.now())).create(&ports).await.unwrap();
    let until = ports.now() + Duration::days(300);
    let mut writes = Vec::new();
    for number in 0..40 {
        let id = CredentialId::generate(ports.clock(), ports.entropy()).unwrap();
        let credential = Credential::new(id, account.id, "x", json!({ "secret": number }), ports.now());
        writes.push(Write::PutCredential(credential));
        let id = SessionId::generate(ports.clock(), ports.entropy()).unwrap();
        let (digest, context) = (TokenDigest::of("x"), AuthenticationContext::default());
        let mut session = Session::new(id, account.id, digest, context, ports.now(), until);
        session.user_agent = Some("Planted/5.0".to_owned());
        session.place = Some(Place::country("FR").with_city("Plantedtown"));
        session.device = Some(DeviceId::generate(ports.clock(), ports.entropy()).unwrap());
        writes.push(Write::PutSession(session));
    }
    let id = OrganizationId::generate(ports.clock(), ports.entropy()).unwrap();
    let mut acme = Organization::new(id, Slug::new("acme").unwrap(), "Acme", ports.now());
    acme.owners.insert(account.id);
    let roles = BTreeSet::from([RoleName::owner()]);
    writes.push(Write::PutOrganization(acme));
    writes.push(Write::PutMembership(Membership::new(id, account.id, roles, ports.now())));
    for some in writes.chunks(40) {
        let batch = some.iter().cloned().fold(Batch::new(), Batch::write);
        assert!(ports.store().commit(batch).await.unwrap().is_applied());
    }
    let consents = Consents::new(ports.clone());
    let proof = ConsentProof::new("account_page").shown("1", "en", "We write to you on Fridays.");
    consents.set(account.id, "newsletter", true, &proof).await.unwrap();
    let terms = Terms::new(ports.clone());
    let document = DocumentName::new("tos").unwrap();
    let version = TermsVersion::new(document.clone(), "1", ports.now());
    terms.publish(version, &Actor::system("test")).await.unwrap();
    terms.accept(account.id, &document, "1", &[], AcceptedHow::SignIn).await.unwrap();
    World { clock, erasure: erasure(&ports), ports, account }
}

async fn deliver(ports: &Ports) {
    let relay = Relay::new(ports.clone(), Arc::new(MemoryNotifier::new()));
    let relay = relay.with_sink(Arc::new(AuditLog::new(ports.clone())));
    for _ in 0..20 {
        relay.deliver_pending().await.unwrap();
    }
}

async fn nothing_is_left(ports: &Ports, account: &Account) {
    let (store, all) = (ports.store(), || PageRequest::first(10));
    let tombstone = store.account(account.id).await.unwrap().unwrap().value;
    assert_eq!(tombstone.status, AccountStatus::Erased);
    assert!(tombstone.identifiers.is_empty() && tombstone.profile.iter().next().is_none());
    assert!(store.account_by_identifier(&email()).await.unwrap().is_none());
    assert!(store.credentials_of(account.id).await.unwrap().is_empty());
    assert!(store.sessions_of(account.id, all()).await.unwrap().items.is_empty());
    assert!(store.memberships_of(account.id, all()).await.unwrap().items.is_empty());
    let acme = store.organization_by_slug("acme").await.unwrap().unwrap().value;
    assert!(acme.owners.is_empty(), "nobody counts as an owner who is gone");
    for kind in PersonalKinds::core().records() {
        let owner = account.id.to_string();
        let left = store.records_by(kind, "account", &owner, all()).await.unwrap().items;
        assert!(left.is_empty(), "{}", kind.name());
    }
}

#[tokio::test]
async fn an_export_has_everything_and_no_secret() {
    let world = world().await;
    deliver(&world.ports).await;
    let export = Export::new(world.ports.clone(), PersonalKinds::core(), world.account.id);
    let document = export.whole().await.unwrap().unwrap();
    assert_eq!(document["schema"], Export::SCHEMA);
    assert_eq!(document["identifiers"][0]["value"], EMAIL);
    assert_eq!(document["credentials"].as_array().unwrap().len(), 40);
    assert_eq!(document["sessions"].as_array().unwrap().len(), 40);
    assert_eq!(document["sessions"][0]["user_agent"], "Planted/5.0");
    assert_eq!(document["sessions"][0]["place"]["city"], "Plantedtown");
    assert!(document["sessions"][0]["authenticated"].is_array());
    assert!(document["sessions"][0]["device"].is_string());
    assert_eq!(document["memberships"][0]["name"], "Acme");
    assert_eq!(document["records"]["core.consent"][0]["recipient"], "purpose:newsletter");
    assert_eq!(document["records"]["core.consent_entry"].as_array().unwrap().len(), 1);
    assert_eq!(document["records"]["core.terms_acceptance"][0]["version"], "1");
    for kind in PersonalKinds::core().records() {
        assert!(document["records"][kind.name()].is_array(), "{}", kind.name());
    }
    let activity: Vec<_> = document["activity"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert!(activity.contains(&&json!(EventType::ACCOUNT_REGISTERED.as_str())), "{activity:?}");
    assert!(!document.to_string().contains("secret"));
    let nobody = ciam_core::id::AccountId::from_uuid(uuid::Uuid::nil());
    let export = Export::new(world.ports.clone(), PersonalKinds::core(), nobody);
    assert!(export.whole().await.unwrap().is_none());
}

#[tokio::test]
async fn a_closed_account_is_erased_when_its_time_has_come_and_the_chain_stays_whole() {
    let world = world().await;
    let (owner, reason) = (Actor::Account(world.account.id), ReasonCode::owner());
    let close = Transition::Deactivate { erase_after: world.ports.now() + Duration::days(30) };
    let stored = world.ports.store().account(world.account.id).await.unwrap().unwrap();
    let prepared = close.prepare(&world.ports, &stored, &owner, &reason).unwrap();
    assert!(world.ports.store().commit(prepared.batch).await.unwrap().is_applied());
    world.clock.advance(Duration::days(29));
    assert_eq!(world.erasure.run(10).await.unwrap().erased, 0);
    assert!(!world.erasure.erase_due(world.account.id).await.unwrap());
    world.clock.advance(Duration::days(1));
    assert_eq!(world.erasure.run(10).await.unwrap().erased, 1);
    nothing_is_left(&world.ports, &world.account).await;
    assert_eq!(world.erasure.run(10).await.unwrap(), Default::default(), "it is done once");

    let record = world.erasure.record(world.account.id).await.unwrap().unwrap();
    assert!(record.erased_at.is_some() && record.by == owner);
    assert!(world.erasure.was_held_before(&email()).await.unwrap());
    let other = IdentifierKey::email("bob@planted.example").unwrap();
    assert!(!world.erasure.was_held_before(&other).await.unwrap());
    deliver(&world.ports).await;
    let log = AuditLog::new(world.ports.clone());
    assert!(log.verify(&Default::default()).await.unwrap().is_intact());
    let subject = format!("account:{}", world.account.id);
    let about = log.entries_about(&subject, PageRequest::first(100)).await.unwrap().items;
    assert!(about.iter().any(|it| it.event_type == EventType::ACCOUNT_ERASED.as_str()));
    // The address can be registered again, by whoever has it now.
    NewAccount::new(Identifier::verified(email(), world.ports.now())).create(&world.ports).await.unwrap();
}

#[tokio::test]
async fn an_erasure_that_is_cut_short_anywhere_is_finished() {
    let (reason, admin) = (ReasonCode::new("legal_request").unwrap(), Actor::system("test"));
    let mut cut = 0;
    for nth in 1.. {
        let world = world().await;
        let probe = Probe::new();
        let failing = erasure(&probe.watch(&world.ports));
        probe.fail_call(nth, Failure::AnswerLost);
        if failing.erase_now(world.account.id, &admin, &reason).await.is_ok() {
            nothing_is_left(&world.ports, &world.account).await;
            break;
        }
        cut += 1;
        if world.erasure.erase_now(world.account.id, &admin, &reason).await.is_err() {
            world.erasure.run(10).await.unwrap();
        }
        nothing_is_left(&world.ports, &world.account).await;
        assert!(world.erasure.record(world.account.id).await.unwrap().unwrap().erased_at.is_some());
    }
    assert!(cut > 10, "only {cut} calls were cut");
}

#[tokio::test]
async fn accounts_that_came_back_with_an_older_copy_are_erased_again() {
    let world = world().await;
    // The key is gone, and the rows are those of before.
    world.ports.vault().shred(world.account.id).await.unwrap();
    assert_eq!(world.erasure.erase_restored().await.unwrap(), 1);
    nothing_is_left(&world.ports, &world.account).await;
    assert_eq!(world.erasure.erase_restored().await.unwrap(), 0);
    NewAccount::new(Identifier::verified(email(), world.ports.now())).create(&world.ports).await.unwrap();
}

#[tokio::test]
async fn accounts_that_nobody_proved_to_be_theirs_are_not_kept() {
    let world = world().await;
    let key = IdentifierKey::email("bob@planted.example").unwrap();
    let pending = NewAccount::new(Identifier::unverified(key)).create(&world.ports).await.unwrap();
    let retention = Retention::new(world.erasure.clone(), RetentionPolicy::default());
    world.clock.advance(Duration::days(29));
    assert_eq!(retention.step(None, 100).await.unwrap().erased, 0);
    world.clock.advance(Duration::days(1));
    let report = retention.step(None, 100).await.unwrap();
    assert_eq!((report.seen, report.erased, report.next), (2, 1, None));
    let status = |account: Option<ciam_core::store::Versioned<Account>>| account.unwrap().value.status;
    assert_eq!(status(world.ports.store().account(pending.id).await.unwrap()), AccountStatus::Erased);
    assert_eq!(status(world.ports.store().account(world.account.id).await.unwrap()), AccountStatus::Active);
}

#[tokio::test]
async fn a_withdrawn_consent_leaves_its_history() {
    let world = world().await;
    let consents = Consents::new(world.ports.clone());
    let id = world.account.id;
    assert!(consents.has(id, "newsletter").await.unwrap());
    let proof = ConsentProof::new("account_page");
    for _ in 0..2 {
        world.clock.advance(Duration::SECOND);
        consents.set(id, "newsletter", false, &proof).await.unwrap();
    }
    world.clock.advance(Duration::SECOND);
    assert!(!consents.has(id, "newsletter").await.unwrap());
    consents.set(id, "newsletter", true, &proof).await.unwrap();
    let history = consents.history(id, PageRequest::first(10)).await.unwrap().items;
    let given: Vec<bool> = history.iter().map(|entry| !entry.allowed.is_empty()).collect();
    assert_eq!(given, [true, false, true]);
    assert_eq!(history[0].proof.digest, Some(TokenDigest::of("We write to you on Fridays.")));
    let current = consents.of(id, PageRequest::first(10)).await.unwrap().items;
    assert_eq!(current.len(), 1);
    assert_eq!(Consent::KIND.name(), "core.consent");
    let proved = consents.with_proofs(id, PageRequest::first(10)).await.unwrap().items;
    assert_eq!(proved[0].1.as_ref().unwrap().id, history[2].id, "the proof is that of the last time");
    assert!(consents.withdraw(id, "purpose:newsletter", &proof).await.unwrap());
    assert!(!consents.withdraw(id, "purpose:newsletter", &proof).await.unwrap());
    assert_eq!(consents.history(id, PageRequest::first(10)).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn a_consent_to_an_older_text_is_asked_for_again_and_given_anew() {
    let world = world().await;
    let (consents, id) = (Consents::new(world.ports.clone()), world.account.id);
    assert!(consents.holds(id, "newsletter", "1").await.unwrap());
    assert!(!consents.holds(id, "newsletter", "2").await.unwrap(), "of the new text nothing was said");
    assert!(consents.has(id, "newsletter").await.unwrap(), "what was allowed before still is");
    let before = consents.to_purpose(id, "newsletter").await.unwrap().unwrap();
    world.clock.advance(Duration::DAY);
    let newer = ConsentProof::new("account_page").shown("2", "en", "We write to you on Fridays and Mondays.");
    for _ in 0..2 {
        consents.set(id, "newsletter", true, &newer).await.unwrap();
    }
    assert!(consents.holds(id, "newsletter", "2").await.unwrap());
    let after = consents.to_purpose(id, "newsletter").await.unwrap().unwrap();
    assert_eq!((after.given_at, after.updated_at), (before.given_at, world.ports.now()));
    let history = consents.history(id, PageRequest::first(10)).await.unwrap().items;
    let versions: Vec<_> = history.iter().map(|entry| entry.proof.version.as_deref()).collect();
    assert_eq!(versions, [Some("1"), Some("2")], "each text with its own proof, and once");
}
