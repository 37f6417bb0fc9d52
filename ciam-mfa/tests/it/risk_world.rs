//! A world whose sign-ins are judged: browsers in places, and an engine.

use std::net::IpAddr;
use std::sync::Arc;

use ciam_core::account::{Account, Identifier, IdentifierKey, NewAccount};
use ciam_core::event::Event;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::id::TenantId;
use ciam_core::journey::{
    Answer, Challenge, CodePurpose, JourneyHandle, Journeys, Requirements, SignedIn, Step, Visitor,
};
use ciam_core::memory::{self, MemoryDatabase, MemoryNotifier};
use ciam_core::notify::Message;
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::place::{Place, PlaceTable};
use ciam_core::ports::Ports;
use ciam_core::risk::{Assessment, Binding, Observation, RiskEngine};
use ciam_core::session::{DeviceCookie, DevicePolicy, SessionManager, SessionPolicy};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_mfa::risk::{AdaptiveRisk, Coordinates, NetworkFacts, NetworkKind, NetworkTable, Networks};
use time::Duration;

use crate::world::delivered;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
pub(crate) const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/142";

pub(crate) fn home() -> IpAddr {
    [192, 0, 2, 1].into()
}

pub(crate) fn lyon() -> IpAddr {
    [198, 51, 100, 7].into()
}

pub(crate) fn networks() -> Arc<dyn Networks> {
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

pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) notifier: MemoryNotifier,
    pub(crate) password: PasswordFactor,
    pub(crate) journeys: Journeys,
}

/// Somebody's browser: where it is, what it says it is, what it keeps.
pub(crate) struct Browser {
    pub(crate) id: BrowserId,
    pub(crate) address: IpAddr,
    pub(crate) agent: &'static str,
    pub(crate) device: Option<DeviceCookie>,
    pub(crate) binding: Binding,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|ports| ports, |engine| engine).await
    }

    pub(crate) async fn with(
        ports: impl FnOnce(Ports) -> Ports,
        engine: impl FnOnce(AdaptiveRisk) -> AdaptiveRisk,
    ) -> Self {
        Self::judged_by(ports, |ports| Arc::new(engine(AdaptiveRisk::new(ports).with_networks(networks()))))
            .await
    }

    pub(crate) async fn judged_by(
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

    pub(crate) async fn account(&self) -> Account {
        let hash = self.password.accept(&self.ports, &PASSWORD.into(), &[]).await.unwrap();
        let key = IdentifierKey::email("ada@example.com").unwrap();
        let identifier = Identifier::verified(key.clone(), self.ports.now());
        NewAccount::new(identifier).with_password(hash).create(&self.ports).await.unwrap();
        self.ports.store().account_by_identifier(&key).await.unwrap().unwrap().value
    }

    pub(crate) fn browser(&self, address: IpAddr, agent: &'static str) -> Browser {
        let id = BrowserId::generate(self.ports.entropy()).unwrap();
        Browser { id, address, agent, device: None, binding: Binding::None }
    }

    pub(crate) async fn begin(
        &self,
        browser: &Browser,
        email: &str,
        password: &str,
    ) -> (JourneyHandle, Step) {
        let (handle, _) =
            self.journeys.begin_sign_in(&browser.visitor(), Requirements::default()).await.unwrap();
        let answer = Answer::credentials(email, password);
        let step = self.journeys.answer(&handle, &browser.visitor(), answer).await.unwrap();
        (handle, step)
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser) -> Step {
        let (_, step) = self.begin(browser, "ada@example.com", PASSWORD).await;
        if let Step::Done(done) = &step {
            browser.device.clone_from(&done.device);
        }
        step
    }

    /// Signs in at home once a day, so often.
    pub(crate) async fn at_home(&self, times: usize) -> Browser {
        let mut browser = self.browser(home(), FIREFOX);
        for _ in 0..times {
            assert!(matches!(self.sign_in(&mut browser).await, Step::Done(_)), "the owner at home");
            self.clock.advance(Duration::DAY);
        }
        browser
    }

    pub(crate) async fn confirm(&self, browser: &mut Browser, handle: &JourneyHandle) -> Step {
        let mail = self.mail().await;
        let answer = Answer::code(mail.parameters["code"].as_str());
        let step = self.journeys.answer(handle, &browser.visitor(), answer).await.unwrap();
        if let Step::Done(done) = &step {
            browser.device.clone_from(&done.device);
        }
        step
    }

    pub(crate) async fn outbox(&self) -> Vec<Event> {
        delivered(&self.ports, &self.notifier).await
    }

    pub(crate) async fn mail(&self) -> Message {
        self.outbox().await;
        self.notifier.last_to("ada@example.com").unwrap()
    }

    pub(crate) async fn assess(&self, observation: &Observation) -> Assessment {
        self.ports.risk().assess(observation).await.unwrap()
    }
}

impl Browser {
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor::new(&self.id, Peer::new(self.address))
            .with_user_agent(Some(self.agent))
            .with_device(self.device.clone())
            .with_binding(self.binding)
    }
}

pub(crate) fn done(step: Step) -> SignedIn {
    match step {
        Step::Done(signed_in) => *signed_in,
        other => panic!("not signed in: {other:?}"),
    }
}

pub(crate) fn is_confirmation(step: &Step) -> bool {
    matches!(step, Step::Challenge(Challenge::Code { purpose: CodePurpose::Confirmation, .. }))
}
