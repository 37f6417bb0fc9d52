//! The adaptive risk engine in the journey: challenges, what is learned, what is plugged in, what is exported.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration as Wait;

use async_trait::async_trait;
use ciam_core::account::{Account, Identifier, IdentifierKey, NewAccount};
use ciam_core::assurance::Acr;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::http::{BrowserId, Peer};
use ciam_core::id::{AccountId, TenantId};
use ciam_core::journey::{
    Answer, Challenge, CodePurpose, JourneyHandle, JourneyPolicy, Journeys, Requirements, SignedIn, Step,
    Visitor,
};
use ciam_core::memory::{self, MemoryBreachedPasswords, MemoryDatabase, MemoryNotifier};
use ciam_core::notify::{Message, MessageCode, Notifier as _};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::place::{Place, PlaceTable};
use ciam_core::ports::Ports;
use ciam_core::privacy::{Export, PersonalKinds};
use ciam_core::risk::{Assessment, Binding, Observation, PresentedDevice, RiskAction, RiskEngine, RiskLevel};
use ciam_core::secret::TokenDigest;
use ciam_core::session::{DeviceCookie, DevicePolicy, SessionManager, SessionPolicy};
use ciam_core::store::OutboxPayload;
use ciam_core::testkit::{ManualClock, Probe, SeededEntropy};
use ciam_mfa::risk::{
    AdaptiveRisk, Coordinates, FraudService, NetworkFacts, NetworkKind, NetworkTable, Networks, OnSilence,
    Opinion, RiskPolicy, Thresholds,
};
use time::Duration;

const PASSWORD: &str = "correct horse battery staple";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/142";

fn home() -> IpAddr {
    [192, 0, 2, 1].into()
}

fn lyon() -> IpAddr {
    [198, 51, 100, 7].into()
}

fn networks() -> Arc<dyn Networks> {
    let of = |system, city: &str, latitude, longitude| {
        NetworkFacts::new()
            .with_system(system)
            .with_kind(NetworkKind::Home)
            .with_place(Place::country("FR").with_city(city))
            .with_coordinates(Coordinates::new(latitude, longitude))
    };
    let table = NetworkTable::new().with(home(), 24, of(1, "Paris", 48.86, 2.35)).with(
        lyon(),
        24,
        of(2, "Lyon", 45.76, 4.84).with_kind(NetworkKind::Anonymous),
    );
    Arc::new(table)
}

struct World {
    ports: Ports,
    clock: Arc<ManualClock>,
    notifier: MemoryNotifier,
    password: PasswordFactor,
    journeys: Journeys,
}

/// Somebody's browser: where it is, what it says it is, what it keeps.
struct Browser {
    id: BrowserId,
    address: IpAddr,
    agent: &'static str,
    device: Option<DeviceCookie>,
    binding: Binding,
}

impl World {
    async fn new() -> Self {
        Self::with(|ports| ports, |engine| engine).await
    }

    async fn with(
        ports: impl FnOnce(Ports) -> Ports,
        engine: impl FnOnce(AdaptiveRisk) -> AdaptiveRisk,
    ) -> Self {
        Self::judged_by(ports, |ports| Arc::new(engine(AdaptiveRisk::new(ports).with_networks(networks()))))
            .await
    }

    async fn judged_by(
        change: impl FnOnce(Ports) -> Ports,
        engine: impl FnOnce(&Ports) -> Arc<dyn RiskEngine>,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
        let (database, entropy) = (MemoryDatabase::new(), Arc::new(SeededEntropy::new(7)));
        let places = PlaceTable::new().with(home(), 24, Place::country("FR").with_city("Paris")).with(
            lyon(),
            24,
            Place::country("FR").with_city("Lyon"),
        );
        let ports =
            memory::ports_of(tenant, &database, clock.clone(), entropy).with_locator(Arc::new(places));
        let ports = change(ports);
        let engine = engine(&ports);
        let ports = ports.with_risk(engine);
        let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
        let password = PasswordFactor::new(&ports, hasher).await.unwrap();
        let mut policy = SessionPolicy::default();
        policy.devices = Some(DevicePolicy::default());
        let sessions = SessionManager::new(ports.clone()).with_policy(policy);
        let journeys = Journeys::new(ports.clone(), sessions, password.clone());
        Self { ports, clock, notifier: MemoryNotifier::new(), password, journeys }
    }

    async fn account(&self) -> Account {
        let hash = self.password.accept(&self.ports, &PASSWORD.into(), &[]).await.unwrap();
        let key = IdentifierKey::email("ada@example.com").unwrap();
        let identifier = Identifier::verified(key.clone(), self.ports.now());
        NewAccount::new(identifier).with_password(hash).create(&self.ports).await.unwrap();
        self.ports.store().account_by_identifier(&key).await.unwrap().unwrap().value
    }

    fn browser(&self, address: IpAddr, agent: &'static str) -> Browser {
        let id = BrowserId::generate(self.ports.entropy()).unwrap();
        Browser { id, address, agent, device: None, binding: Binding::None }
    }

    async fn begin(&self, browser: &Browser, email: &str, password: &str) -> (JourneyHandle, Step) {
        let (handle, _) =
            self.journeys.begin_sign_in(&browser.visitor(), Requirements::default()).await.unwrap();
        let answer = Answer::credentials(email, password);
        let step = self.journeys.answer(&handle, &browser.visitor(), answer).await.unwrap();
        (handle, step)
    }

    async fn sign_in(&self, browser: &mut Browser) -> Step {
        let (_, step) = self.begin(browser, "ada@example.com", PASSWORD).await;
        if let Step::Done(done) = &step {
            browser.device.clone_from(&done.device);
        }
        step
    }

    /// Signs in at home once a day, so often.
    async fn at_home(&self, times: usize) -> Browser {
        let mut browser = self.browser(home(), FIREFOX);
        for _ in 0..times {
            assert!(matches!(self.sign_in(&mut browser).await, Step::Done(_)), "the owner at home");
            self.clock.advance(Duration::DAY);
        }
        browser
    }

    async fn confirm(&self, browser: &mut Browser, handle: &JourneyHandle) -> Step {
        let mail = self.mail().await;
        let answer = Answer::code(mail.parameters["code"].as_str());
        let step = self.journeys.answer(handle, &browser.visitor(), answer).await.unwrap();
        if let Step::Done(done) = &step {
            browser.device.clone_from(&done.device);
        }
        step
    }

    async fn outbox(&self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let claimed = self.ports.store().claim_outbox(Duration::SECOND, 1000).await.unwrap();
            if claimed.is_empty() {
                return events;
            }
            for item in claimed {
                self.ports.store().acknowledge(&[item.id]).await.unwrap();
                match item.payload {
                    OutboxPayload::Event(event) => events.push(event),
                    OutboxPayload::Message(message) => {
                        self.notifier.send(&message.open(&self.ports).await.unwrap()).await.unwrap();
                    }
                    _ => {}
                }
            }
        }
    }

    async fn mail(&self) -> Message {
        self.outbox().await;
        self.notifier.last_to("ada@example.com").unwrap()
    }

    async fn assess(&self, observation: &Observation) -> Assessment {
        self.ports.risk().assess(observation).await.unwrap()
    }
}

impl Browser {
    fn visitor(&self) -> Visitor<'_> {
        Visitor::new(&self.id, Peer::new(self.address))
            .with_user_agent(Some(self.agent))
            .with_device(self.device.clone())
            .with_binding(self.binding)
    }
}

fn done(step: Step) -> SignedIn {
    match step {
        Step::Done(signed_in) => *signed_in,
        other => panic!("not signed in: {other:?}"),
    }
}

fn is_confirmation(step: &Step) -> bool {
    matches!(step, Step::Challenge(Challenge::Code { purpose: CodePurpose::Confirmation, .. }))
}

#[tokio::test]
async fn a_sign_in_unlike_its_owner_is_confirmed_by_a_code_to_their_own_address_and_learned() {
    let world = World::new().await;
    world.account().await;
    world.at_home(5).await;
    let mut phone = world.browser(lyon(), PHONE);
    let (handle, step) = world.begin(&phone, "ada@example.com", PASSWORD).await;
    let Step::Challenge(Challenge::Code { purpose, sent_to, .. }) = &step else { panic!("{step:?}") };
    assert_eq!((*purpose, sent_to.as_str()), (CodePurpose::Confirmation, "a…@example.com"));

    let mail = world.mail().await;
    assert_eq!(mail.code, MessageCode::ConfirmSignIn);
    assert_eq!(mail.parameters["place"], "Lyon, FR");
    assert_eq!(mail.parameters["device"], "Chrome · iPhone");
    assert!(mail.parameters["reasons"].contains("new_device"), "{:?}", mail.parameters);

    let wrong = world.journeys.answer(&handle, &phone.visitor(), Answer::code("000000")).await.unwrap();
    assert!(matches!(wrong, Step::Refused(_)), "{wrong:?}");
    let signed_in = done(world.confirm(&mut phone, &handle).await);
    let amr: Vec<_> = signed_in.session.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
    assert_eq!(amr, ["pwd", "email"]);
    assert!(signed_in.session.risk >= Some(RiskLevel::Medium));

    // The next one from there is like its owner.
    world.clock.advance(Duration::DAY);
    assert_eq!(done(world.sign_in(&mut phone).await).session.risk, Some(RiskLevel::Low));
}

#[tokio::test]
async fn the_audit_log_and_the_notice_say_why() {
    let world = World::new().await;
    world.account().await;
    world.at_home(5).await;
    world.outbox().await;
    let mut phone = world.browser(lyon(), PHONE);
    let (handle, _) = world.begin(&phone, "ada@example.com", PASSWORD).await;
    let events = world.outbox().await;
    let challenged = events.iter().find(|it| it.event_type == EventType::SIGN_IN_CHALLENGED).unwrap();
    assert_eq!(challenged.data["risk"], "medium");
    assert!(challenged.data["risk_score"].is_i64());
    assert!(challenged.data["risk_reasons"].as_array().unwrap().iter().any(|it| it == "new_device"));
    done(world.confirm(&mut phone, &handle).await);
    let notice = world.mail().await;
    assert_eq!(notice.code, MessageCode::NewDevice);
    assert!(
        notice.parameters["reasons"].starts_with("anonymous_network new_device"),
        "{:?}",
        notice.parameters
    );
    assert_eq!(notice.parameters["place"], "Lyon, FR");
}

#[tokio::test]
async fn nothing_is_learned_of_what_nobody_confirmed() {
    let world = World::new().await;
    world.account().await;
    world.at_home(5).await;
    for _ in 0..3 {
        let thief = world.browser(lyon(), PHONE);
        let (_, step) = world.begin(&thief, "ada@example.com", PASSWORD).await;
        assert!(is_confirmation(&step), "asked each time: {step:?}");
        let (_, step) = world.begin(&thief, "ada@example.com", "a wrong password").await;
        assert!(matches!(step, Step::Refused(_)));
    }
}

#[tokio::test]
async fn without_a_confirmation_by_code_medium_goes_on_and_still_teaches_nothing() {
    let mut world = World::new().await;
    let mut policy = JourneyPolicy::default();
    policy.confirm_by_code = false;
    world.journeys = world.journeys.with_policy(policy);
    world.account().await;
    world.at_home(5).await;
    for _ in 0..2 {
        let mut other = world.browser(lyon(), PHONE);
        let session = done(world.sign_in(&mut other).await).session;
        assert_eq!(session.risk, Some(RiskLevel::Medium));
    }
}

#[tokio::test]
async fn a_sign_out_everywhere_makes_every_device_a_new_one() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(5).await;
    let look = |epoch| {
        Observation::new(RiskAction::SignIn, Some(account.id), home())
            .with_user_agent(Some(FIREFOX.to_owned()))
            .with_epoch(Some(epoch))
            .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented))
    };
    let (before, after) = (world.assess(&look(0)).await, world.assess(&look(1)).await);
    assert!(after.score.unwrap() > before.score.unwrap() + 400, "{before:?} {after:?}");
    assert!(after.reasons.contains(&"new_device".to_owned()));
}

#[tokio::test]
async fn the_device_is_known_by_its_changing_secret_and_not_by_an_old_copy() {
    let world = World::new().await;
    let account = world.account().await;
    let mut browser = world.at_home(2).await;
    let copied = browser.device.clone();
    for _ in 0..3 {
        done(world.sign_in(&mut browser).await);
        world.clock.advance(Duration::DAY);
    }
    let look = |device: Option<&DeviceCookie>| {
        let nobody = TokenDigest::of("another browser");
        Observation::new(RiskAction::SignIn, Some(account.id), home())
            .with_browser(nobody, device.map(DeviceCookie::presented))
    };
    let known = world.assess(&look(browser.device.as_ref())).await;
    assert!(!known.reasons.contains(&"new_device".to_owned()), "{known:?}");
    let copy = world.assess(&look(copied.as_ref())).await;
    assert!(copy.reasons.contains(&"new_device".to_owned()), "{copy:?}");
}

#[tokio::test]
async fn a_bound_session_without_its_proof_is_never_let_through_by_its_score() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(40).await;
    for binding in [Binding::None, Binding::Proved, Binding::Missing] {
        let observation = Observation::new(RiskAction::StepUp, Some(account.id), home())
            .with_user_agent(Some(FIREFOX.to_owned()))
            .with_epoch(Some(0))
            .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented))
            .with_binding(binding);
        let expected = if binding == Binding::Missing { RiskLevel::High } else { RiskLevel::Low };
        assert_eq!(world.assess(&observation).await.level, expected, "{binding:?}");
    }
}

#[tokio::test]
async fn a_level_of_assurance_may_be_stricter() {
    let strict = |engine: AdaptiveRisk| {
        let thresholds = Thresholds::new(-20.0, -15.0, 5.0);
        engine.with_policy(RiskPolicy::default().with_acr(Acr::new("gold"), thresholds))
    };
    let world = World::with(|ports| ports, strict).await;
    let account = world.account().await;
    world.at_home(5).await;
    let look = Observation::new(RiskAction::SignIn, Some(account.id), home());
    assert_eq!(world.assess(&look).await.level, RiskLevel::Low);
    let gold = look.with_acr_values(vec![Acr::new("gold")]);
    assert_eq!(world.assess(&gold).await.level, RiskLevel::High);
}

#[derive(Debug)]
struct Hanging;

#[async_trait]
impl FraudService for Hanging {
    async fn assess(&self, _: &Observation) -> Result<Opinion, PortError> {
        pending().await
    }
}

#[async_trait]
impl Networks for Hanging {
    async fn look_up(&self, _: IpAddr) -> Result<Option<NetworkFacts>, PortError> {
        pending().await
    }
}

#[async_trait]
impl RiskEngine for Hanging {
    async fn assess(&self, _: &Observation) -> Result<Assessment, PortError> {
        pending().await
    }
}

#[derive(Debug)]
struct Opinionated(f64);

#[async_trait]
impl FraudService for Opinionated {
    async fn assess(&self, _: &Observation) -> Result<Opinion, PortError> {
        if self.0.is_infinite() {
            return Err(PortError::transient("down"));
        }
        Ok(Opinion::new(self.0, vec!["device_farm".to_owned(), "with a space".to_owned(), String::new()]))
    }
}

#[tokio::test]
async fn a_fraud_service_that_hangs_or_fails_is_open_or_closed_as_was_chosen() {
    let services: [fn() -> Arc<dyn FraudService>; 2] =
        [|| Arc::new(Hanging), || Arc::new(Opinionated(f64::INFINITY))];
    for service in services {
        for (on_silence, expected) in
            [(OnSilence::FailOpen, RiskLevel::Low), (OnSilence::FailClosed, RiskLevel::High)]
        {
            let plug = |engine: AdaptiveRisk| {
                engine.with_fraud_service(service(), Wait::from_millis(20), on_silence)
            };
            let world = World::with(|ports| ports, plug).await;
            let account = world.account().await;
            let look = Observation::new(RiskAction::SignIn, Some(account.id), home());
            let assessment = world.assess(&look).await;
            assert!(assessment.degraded, "{on_silence:?}");
            assert_eq!(assessment.level, expected, "{on_silence:?}");
            let told = assessment.reasons.contains(&"fraud_service_silent".to_owned());
            assert_eq!(told, on_silence == OnSilence::FailClosed);
            // Closed is a challenge in the journey, and not a locked door: the mailbox opens it.
            let browser = world.browser(home(), FIREFOX);
            let (_, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
            assert_eq!(is_confirmation(&step), on_silence == OnSilence::FailClosed, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_fraud_service_counts_within_a_cap() {
    let score = async |log_odds: f64| {
        let plug = |engine: AdaptiveRisk| {
            let service = Arc::new(Opinionated(log_odds));
            engine.with_fraud_service(service, Wait::from_secs(1), OnSilence::FailClosed)
        };
        let world = World::with(|ports| ports, plug).await;
        let account = world.account().await;
        let look = Observation::new(RiskAction::SignIn, Some(account.id), home());
        world.assess(&look).await
    };
    let (none, some, lots) = (score(0.0).await, score(2.0).await, score(1000.0).await);
    assert_eq!(some.score.unwrap() - none.score.unwrap(), 200);
    assert_eq!(lots.score.unwrap() - none.score.unwrap(), 400);
    assert_eq!(score(f64::NAN).await.score, none.score);
    assert!(some.reasons.contains(&"device_farm".to_owned()) && some.reasons.len() == 3, "{some:?}");
}

#[tokio::test]
async fn data_that_hangs_is_not_waited_for_and_the_assessment_says_so() {
    let hang = |engine: AdaptiveRisk| {
        let mut policy = RiskPolicy::default();
        policy.networks_deadline = Wait::from_millis(20);
        engine.with_networks(Arc::new(Hanging)).with_policy(policy)
    };
    let world = World::with(|ports| ports, hang).await;
    let account = world.account().await;
    let assessment = world.assess(&Observation::new(RiskAction::SignIn, Some(account.id), home())).await;
    assert!(assessment.degraded && assessment.level == RiskLevel::Low, "{assessment:?}");
}

#[tokio::test]
async fn an_engine_that_hangs_is_a_challenge_and_no_open_door() {
    let world = World::judged_by(|ports| ports, |_| Arc::new(Hanging)).await;
    world.account().await;
    let browser = world.browser(home(), FIREFOX);
    let began = std::time::Instant::now();
    let (_, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
    assert!(is_confirmation(&step), "silence is medium: {step:?}");
    assert!(began.elapsed() < Wait::from_secs(5));
}

#[tokio::test]
async fn a_breached_password_counts_where_the_device_is_not_known() {
    // SHA-1 of the password.
    let sha1 = "ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42";
    let list =
        |ports: Ports| ports.with_breached_passwords(Arc::new(MemoryBreachedPasswords::new([(sha1, 12)])));
    let world = World::with(list, |engine| engine).await;
    // The account is older than the list.
    let plain = world.ports.clone().with_breached_passwords(Arc::new(MemoryBreachedPasswords::new([])));
    let accepted = world.password.accept(&plain, &PASSWORD.into(), &[]).await.unwrap();
    let key = IdentifierKey::email("ada@example.com").unwrap();
    let new = NewAccount::new(Identifier::verified(key, world.ports.now())).with_password(accepted);
    new.create(&world.ports).await.unwrap();
    let mut browser = world.browser(home(), FIREFOX);
    let (handle, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
    assert!(is_confirmation(&step), "{step:?}");
    assert!(world.mail().await.parameters["reasons"].contains("breached_password"));
    done(world.confirm(&mut browser, &handle).await);
    world.clock.advance(Duration::DAY);
    done(world.sign_in(&mut browser).await);
}

#[tokio::test]
async fn refusals_before_count_against_strangers_and_not_against_the_owner() {
    let world = World::new().await;
    let account = world.account().await;
    let mut browser = world.at_home(5).await;
    let stranger = Observation::new(RiskAction::SignIn, Some(account.id), home());
    let before = world.assess(&stranger).await.score.unwrap();
    for _ in 0..8 {
        let guesser = world.browser(lyon(), PHONE);
        let (_, step) = world.begin(&guesser, "ada@example.com", "a wrong password").await;
        assert!(matches!(step, Step::Refused(_)));
    }
    let after = world.assess(&stranger).await;
    assert!(after.score.unwrap() >= before + 100, "{before} {after:?}");
    assert!(after.reasons.contains(&"refused_before".to_owned()));
    assert_eq!(done(world.sign_in(&mut browser).await).session.risk, Some(RiskLevel::Low));
    world.clock.advance(Duration::minutes(16));
    assert!(!world.assess(&stranger).await.reasons.contains(&"refused_before".to_owned()));
}

#[tokio::test]
async fn a_tenant_under_attack_asks_strangers_for_a_check() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(2).await;
    let engine = world.ports.risk();
    let stranger = |account| Observation::new(RiskAction::SignIn, account, lyon());
    for number in 0..60_u128 {
        let somebody = AccountId::from_uuid(uuid::Uuid::from_u128(number + 100));
        let assessment = engine.assess(&stranger(Some(somebody))).await.unwrap();
        assert!(!assessment.human_check || number >= 50, "{number}");
        engine.refused(&assessment).await.unwrap();
    }
    // The same for who is there and who is not: nobody learns from it who has an account.
    for asked in [Some(account.id), None] {
        assert!(world.assess(&stranger(asked)).await.human_check, "{asked:?}");
    }
    let owner = Observation::new(RiskAction::SignIn, Some(account.id), home())
        .with_epoch(Some(0))
        .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented));
    assert!(!world.assess(&owner).await.human_check);
    world.clock.advance(Duration::minutes(11));
    assert!(!world.assess(&stranger(None)).await.human_check);
}

#[tokio::test]
async fn an_assessment_is_one_read_and_costs_the_same_for_nobody() {
    let probe = Probe::new();
    let world = World::with(|ports| probe.watch(&ports), |engine| engine).await;
    let account = world.account().await;
    world.at_home(3).await;
    let calls = async |account| {
        let before = probe.calls().len();
        world.assess(&Observation::new(RiskAction::SignIn, account, home())).await;
        let mut calls = probe.calls().split_off(before);
        calls.sort();
        calls
    };
    let (known, nobody) = (calls(Some(account.id)).await, calls(None).await);
    assert_eq!(known, nobody);
    let of_the_store = known.iter().filter(|call| call.method.starts_with("store.")).count();
    assert_eq!(of_the_store, 1, "{known:?}");
}

#[tokio::test]
async fn the_profile_is_told_in_an_export_without_what_recognises_a_device_and_stays_small() {
    let world = World::new().await;
    let account = world.account().await;
    for number in 0..40_u8 {
        let mut browser = world.browser([192, 0, 2, number].into(), FIREFOX);
        browser.address = [10, number, 0, 1].into();
        let (handle, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
        if is_confirmation(&step) {
            done(world.confirm(&mut browser, &handle).await);
        }
        world.clock.advance(Duration::DAY);
    }
    let kinds = PersonalKinds::core().with(ciam_mfa::privacy::personal_kinds());
    let kind = kinds.records().into_iter().find(|kind| kind.name() == "mfa.risk_profile").unwrap();
    let record = world.ports.store().record(kind, &account.id.to_string()).await.unwrap().unwrap().value;
    assert_eq!(record.owner(), Some(account.id));
    assert!(record.body.len() < 4_096, "{} bytes", record.body.len());
    let export = Export::new(world.ports.clone(), kinds, account.id).whole().await.unwrap().unwrap();
    let told = &export["records"]["mfa.risk_profile"][0];
    assert_eq!(told["browsers"][0]["name"], "Firefox · Linux");
    assert_eq!(told["devices"], 12);
    assert_eq!(told["networks"], 16);
    assert!(!told.to_string().contains("account"));
}

#[tokio::test]
async fn what_a_browser_presents_for_another_account_is_worth_nothing() {
    let world = World::new().await;
    let ada = world.account().await;
    let browser = world.at_home(5).await;
    let presented: Option<PresentedDevice> = browser.device.as_ref().map(DeviceCookie::presented);
    let stranger = AccountId::from_uuid(uuid::Uuid::from_u128(99));
    for (account, known) in [(ada.id, true), (stranger, false)] {
        let look = Observation::new(RiskAction::SignIn, Some(account), home())
            .with_browser(browser.id.digest(), presented);
        assert_eq!(world.assess(&look).await.score.unwrap() < -600, known);
    }
}

/// Records of the profile belong to their account, for sealing and erasure.
#[test]
fn the_profile_is_a_personal_kind() {
    let kinds = ciam_mfa::privacy::personal_kinds();
    assert!(kinds.iter().any(|kind| kind.kind().name() == "mfa.risk_profile" && kind.kind().is_owned()));
}
