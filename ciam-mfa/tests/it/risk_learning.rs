//! What the adaptive risk engine learns of a sign-in, how long it remembers, and what it cannot read.

use std::net::IpAddr;
use std::sync::Arc;

use ciam_core::account::Account;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::id::{AccountId, DeviceId, SessionId};
use ciam_core::place::Place;
use ciam_core::privacy::{Export, PersonalKinds};
use ciam_core::risk::{Assessment, Confirmed, Observation, PresentedDevice, RiskAction, RiskLevel};
use ciam_core::secret::TokenDigest;
use ciam_core::session::{DeviceCookie, Session};
use ciam_core::store::{Batch, Record, Write};
use ciam_mfa::risk::{Coordinates, NetworkFacts, NetworkKind, NetworkTable};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::risk_world::{Browser, FIREFOX, PHONE, World, home, lyon};

fn look(account: &Account, browser: &Browser) -> Observation {
    Observation::new(RiskAction::SignIn, Some(account.id), browser.address)
        .with_user_agent(Some(browser.agent.to_owned()))
        .with_epoch(Some(0))
        .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented))
}

fn password(at: OffsetDateTime) -> Proof {
    Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], at)
}

fn text_message(at: OffsetDateTime) -> Proof {
    Proof::new(Amr::SMS, [FactorKind::Possession], at)
}

fn session(world: &World, account: &Account, proofs: impl IntoIterator<Item = Proof>) -> Session {
    let id = SessionId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
    let (now, context) = (world.ports.now(), AuthenticationContext::new(proofs));
    Session::new(id, account.id, TokenDigest::of("a session"), context, now, now + Duration::HOUR)
}

/// What is written of a sign-in, if anything.
fn learned(world: &World, confirmed: &Confirmed<'_>) -> Option<Record> {
    let batch = world.ports.risk().learn(confirmed).unwrap();
    let mut records = batch.writes().iter().map(|write| match write {
        Write::PutRecord(record) => record.clone(),
        other => panic!("{other:?}"),
    });
    let first = records.next();
    assert!(records.next().is_none());
    first
}

async fn keep(world: &World, record: Record) {
    let batch = Batch::new().write(Write::PutRecord(record));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
}

/// A sign-in with two proofs that is learned.
async fn taught(world: &World, account: &Account, observation: &Observation) {
    let (assessment, now) = (world.assess(observation).await, world.ports.now());
    let session = session(world, account, [password(now), text_message(now)]);
    keep(world, learned(world, &Confirmed::new(account, &session, &assessment)).unwrap()).await;
}

async fn stored(world: &World, account: &Account) -> Option<Record> {
    let kinds = ciam_mfa::privacy::personal_kinds();
    let kind = kinds.iter().map(|it| it.kind()).find(|kind| kind.name() == "mfa.risk_profile").unwrap();
    world.ports.store().record(kind, &account.id.to_string()).await.unwrap().map(|it| it.value)
}

/// What an export says of the profile.
async fn told(world: &World, account: &Account) -> Value {
    let kinds = PersonalKinds::core().with(ciam_mfa::privacy::personal_kinds());
    let export = Export::new(world.ports.clone(), kinds, account.id).whole().await.unwrap().unwrap();
    export["records"]["mfa.risk_profile"][0].clone()
}

fn says(assessment: &Assessment, reason: &str) -> bool {
    assessment.reasons.iter().any(|it| it == reason)
}

/// A session that goes on brings its old proofs along: they say nothing of who is there now.
#[tokio::test]
async fn a_doubtful_sign_in_is_confirmed_by_what_was_proved_in_it_and_not_before() {
    let world = World::new().await;
    let account = world.account().await;
    world.at_home(5).await;
    let phone = world.browser(lyon(), PHONE);
    let assessment = world.assess(&look(&account, &phone)).await;
    assert_eq!(assessment.level, RiskLevel::Medium);
    for (ago, confirmed) in [(0, true), (1, false), (3_600, false)] {
        let at = world.ports.now() - Duration::seconds(ago);
        let session = session(&world, &account, [password(at), text_message(at)]);
        let learned = learned(&world, &Confirmed::new(&account, &session, &assessment));
        assert_eq!(learned.is_some(), confirmed, "{ago} seconds before");
    }
}

/// Else whoever got in once would be known from then on, in the place of the owner's own device.
#[tokio::test]
async fn what_nobody_confirmed_keeps_a_known_device_known_and_makes_no_other_one_known() {
    let world = World::new().await;
    let account = world.account().await;
    let owner = world.at_home(5).await;
    let stranger = world.browser(home(), FIREFOX);
    let next = PresentedDevice::new(
        DeviceId::generate(world.ports.clock(), world.ports.entropy()).unwrap(),
        TokenDigest::of("the next secret"),
    );
    for (browser, known) in [(&stranger, false), (&owner, true)] {
        let mut assessment = world.assess(&look(&account, browser)).await;
        assessment.level = RiskLevel::Medium;
        let session = session(&world, &account, [password(world.ports.now())]);
        let confirmed = Confirmed::new(&account, &session, &assessment).with_device(Some(next));
        let record = learned(&world, &confirmed);
        assert_eq!(record.is_some(), known);
        if let Some(record) = record {
            keep(&world, record).await;
        }
        let returned = look(&account, &stranger).with_browser(TokenDigest::of("opened again"), Some(next));
        assert_eq!(says(&world.assess(&returned).await, "new_device"), !known);
    }
    assert_eq!(told(&world, &account).await["sign_ins"], 5, "and nothing else is learned");
}

/// Who begins as one person and ends as another, such as with a passkey, is not taken for the first.
#[tokio::test]
async fn what_was_read_of_one_account_is_not_learned_of_another() {
    let world = World::new().await;
    let ada = world.account().await;
    let browser = world.at_home(5).await;
    let assessment = world.assess(&look(&ada, &browser)).await;
    let eve = Account::new(AccountId::from_uuid(uuid::Uuid::from_u128(99)), world.ports.now());
    let session = session(&world, &eve, [password(world.ports.now())]);
    let record = learned(&world, &Confirmed::new(&eve, &session, &assessment)).unwrap();
    assert_eq!((record.key.clone(), record.owner()), (eve.id.to_string(), Some(eve.id)));
    let profile: Value = serde_json::from_str(&record.body).unwrap();
    assert_eq!(profile["sign_ins"], 1, "the first of this account");
}

/// What a later release has written may mean something else.
#[tokio::test]
async fn a_profile_of_another_schema_is_none() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(5).await;
    assert!(!says(&world.assess(&look(&account, &browser)).await, "no_history"));
    let mut record = stored(&world, &account).await.unwrap();
    record.schema += 1;
    keep(&world, record).await;
    assert!(says(&world.assess(&look(&account, &browser)).await, "no_history"));
}

#[tokio::test]
async fn names_of_a_data_set_that_are_too_long_are_not_kept() {
    for (length, kept) in [(160, 1), (161, 0)] {
        let country = NetworkFacts::new().with_place(Place::country("x".repeat(length)));
        // It is kept as `name, FR`.
        let city = Place::country("FR").with_city("x".repeat(length - 4));
        let city = NetworkFacts::new().with_place(city);
        let table = NetworkTable::new().with(home(), 24, country).with(lyon(), 24, city);
        let world = World::with(|ports| ports, |engine| engine.with_networks(Arc::new(table))).await;
        let account = world.account().await;
        taught(&world, &account, &look(&account, &world.browser(home(), FIREFOX))).await;
        let after = told(&world, &account).await;
        assert_eq!(after["countries"].as_array().unwrap().len(), kept, "{length}");
        taught(&world, &account, &look(&account, &world.browser(lyon(), FIREFOX))).await;
        let after = told(&world, &account).await;
        assert_eq!(after["cities"].as_array().unwrap().len(), kept, "{length}");
        assert_eq!(after["sign_ins"], 2, "the rest is learned");
    }
}

#[tokio::test]
async fn an_account_that_is_not_used_for_half_a_year_is_forgotten() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.browser(home(), FIREFOX);
    taught(&world, &account, &look(&account, &browser)).await;
    let midnight = world.ports.now().replace_time(time::Time::MIDNIGHT);
    assert_eq!(stored(&world, &account).await.unwrap().expires_at, Some(midnight + Duration::days(180)));
    for (days, known) in [(179, true), (1, false)] {
        world.clock.advance(Duration::days(days));
        assert_eq!(stored(&world, &account).await.is_some(), known);
        assert_eq!(says(&world.assess(&look(&account, &browser)).await, "no_history"), !known);
    }
}

/// The counts are bytes: where one is full, all are halved, so that new habits still count.
#[tokio::test]
async fn the_hours_of_many_sign_ins_keep_their_shares() {
    let world = World::new().await;
    let account = world.account().await;
    let observation = look(&account, &world.browser(home(), FIREFOX));
    let sign_ins = async |times: usize| {
        for _ in 0..times {
            taught(&world, &account, &observation).await;
        }
        usize::from(world.ports.now().hour())
    };
    let few = sign_ins(8).await;
    world.clock.advance(Duration::hours(3));
    let many = sign_ins(255).await;
    let hours = async || told(&world, &account).await["hours_utc"].clone();
    assert_eq!((&hours().await[few], &hours().await[many]), (&Value::from(8), &Value::from(255)));
    sign_ins(1).await;
    assert_eq!((&hours().await[few], &hours().await[many]), (&Value::from(4), &Value::from(128)));
}

/// Where an address is, data sets know to some hundred kilometres: two of them at the same moment are no journey.
#[tokio::test]
async fn what_is_near_is_no_journey_however_fast() {
    let toulouse: IpAddr = [203, 0, 113, 7].into();
    let at = |latitude, longitude| {
        NetworkFacts::new()
            .with_kind(NetworkKind::Home)
            .with_coordinates(Coordinates::new(latitude, longitude))
    };
    let table = NetworkTable::new().with(home(), 24, at(48.86, 2.35)).with(lyon(), 24, at(45.76, 4.84)).with(
        toulouse,
        24,
        at(43.60, 1.44),
    );
    let world = World::with(|ports| ports, |engine| engine.with_networks(Arc::new(table))).await;
    let account = world.account().await;
    let mut browser = world.browser(home(), FIREFOX);
    taught(&world, &account, &look(&account, &browser)).await;
    // From Paris: 392 and 588 km.
    for (address, far) in [(lyon(), false), (toulouse, true)] {
        browser.address = address;
        let assessment = world.assess(&look(&account, &browser)).await;
        assert_eq!(says(&assessment, "impossible_travel"), far, "{assessment:?}");
    }
}
