//! Devices that their person trusts: what they spare, what they never spare, and who cannot make one.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::event::EventType;
use ciam_core::journey::{
    Answer, Challenge, JourneyPolicy, Journeys, Requirements, SecondFactor, SignedIn, Step, Visitor,
};
use ciam_core::risk::{Assessment, Observation, RiskEngine, RiskLevel};
use ciam_core::session::{DeviceCookie, DevicePolicy, RememberedDevices, SessionManager, SessionPolicy};
use time::Duration;

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, visitor};

/// A risk engine that says what it is told to.
#[derive(Debug)]
struct Told(Mutex<RiskLevel>);

#[async_trait]
impl RiskEngine for Told {
    async fn assess(&self, _: &Observation) -> Result<Assessment, PortError> {
        Ok(Assessment::new(*self.0.lock().unwrap(), Vec::new()))
    }
}

/// A host that asks everybody who has a further factor for it, and remembers devices.
struct Setting {
    world: World,
    journeys: Journeys,
    sessions: SessionManager,
    devices: RememberedDevices,
    risk: Arc<Told>,
}

impl Setting {
    async fn new() -> Self {
        let risk = Arc::new(Told(Mutex::new(RiskLevel::Low)));
        let engine = risk.clone();
        let world = World::with(|ports| ports.with_risk(engine), JourneyPolicy::default()).await;
        let mut policy = SessionPolicy::default();
        policy.devices = Some(DevicePolicy::default());
        let sessions = SessionManager::new(world.ports.clone()).with_policy(policy);
        let mut policy = JourneyPolicy::default();
        policy.second_factor = SecondFactor::WhenEnrolled;
        let journeys = Journeys::new(world.ports.clone(), sessions.clone(), world.password.clone())
            .with_policy(policy)
            .with_factor(Arc::new(Pin));
        let devices = RememberedDevices::new(world.ports.clone(), DevicePolicy::default());
        Self { world, journeys, sessions, devices, risk }
    }

    /// What a sign-in with the password leads to, and what it takes to go on.
    async fn password(&self, device: Option<&DeviceCookie>, own: Option<bool>, wish: Requirements) -> Begun {
        let browser = self.world.browser();
        let visitor = visitor(&browser).with_device(device.cloned());
        let (handle, _) = self.journeys.begin_sign_in(&visitor, wish).await.unwrap();
        let answer = Answer::credentials("ada@example.com", PASSWORD);
        let asking = visitor.clone().saying_own_device(own);
        let step = self.journeys.answer(&handle, &asking, answer).await.unwrap();
        Begun { browser: browser.clone(), handle, step }
    }

    /// The same with the further factor, where it is asked for.
    async fn both(&self, own: Option<bool>) -> SignedIn {
        let begun = self.password(None, own, Requirements::default()).await;
        assert!(is_factor(&begun.step), "{:?}", begun.step);
        let visitor = visitor(&begun.browser);
        done(self.journeys.answer(&begun.handle, &visitor, pin("4711")).await.unwrap())
    }

    async fn is_asked(&self, device: Option<&DeviceCookie>, wish: Requirements) -> bool {
        is_factor(&self.password(device, None, wish).await.step)
    }
}

struct Begun {
    browser: ciam_core::http::BrowserId,
    handle: ciam_core::journey::JourneyHandle,
    step: Step,
}

fn is_factor(step: &Step) -> bool {
    matches!(step, Step::Challenge(Challenge::Factor { .. }))
}

#[tokio::test]
async fn a_device_that_is_said_to_be_ones_own_spares_the_factor_that_is_asked_for_by_habit() {
    let setting = Setting::new().await;
    let ada = setting.world.registered("ada@example.com").await.account;
    enrol_pin(&setting.world, &ada).await;
    let first = setting.both(Some(true)).await;
    assert_eq!(first.own_device, Some(true));
    let device = first.device.as_ref();
    let again = setting.password(device, None, Requirements::default()).await;
    let again = done(again.step);
    assert_eq!(again.session.device, first.session.device);
    let events: Vec<_> = setting.world.events().await.into_iter().map(|it| it.event_type).collect();
    assert!(events.contains(&EventType::DEVICE_TRUSTED), "{events:?}");
    let device = again.device.as_ref();

    // It spares nothing that is asked for with a reason.
    assert!(setting.is_asked(device, wants_aal2()).await, "a level");
    assert!(setting.is_asked(device, Requirements::default().proving_again()).await, "a fresh proof");
    let since = setting.world.ports.now();
    assert!(setting.is_asked(device, Requirements::default().with_authenticated_since(since)).await);
    for level in [RiskLevel::Medium, RiskLevel::High] {
        *setting.risk.0.lock().unwrap() = level;
        assert!(setting.is_asked(device, Requirements::default()).await, "{level:?}");
    }
    *setting.risk.0.lock().unwrap() = RiskLevel::Low;
    assert!(setting.is_asked(None, Requirements::default()).await, "another browser");
    setting.world.clock.advance(Duration::days(30));
    assert!(setting.is_asked(device, Requirements::default()).await, "a month later");
}

#[tokio::test]
async fn a_device_that_is_not_ones_own_is_asked_each_time() {
    for own in [None, Some(false)] {
        let setting = Setting::new().await;
        let ada = setting.world.registered("ada@example.com").await.account;
        enrol_pin(&setting.world, &ada).await;
        let first = setting.both(own).await;
        assert_eq!(first.own_device, own);
        assert!(setting.is_asked(first.device.as_ref(), Requirements::default()).await);
    }
}

/// Whoever has the password alone, and says that the browser is theirs, has no way past a factor that is added later.
#[tokio::test]
async fn a_password_alone_makes_no_trusted_device() {
    let setting = Setting::new().await;
    let ada = setting.world.registered("ada@example.com").await.account;
    let thief = setting.password(None, Some(true), Requirements::default()).await;
    let thief = done(thief.step);
    enrol_pin(&setting.world, &ada).await;
    assert!(setting.is_asked(thief.device.as_ref(), Requirements::default()).await);
    assert!(!setting.devices.is_trusted(&setting.sessions, &ada, thief.device.as_ref()).await.unwrap());
}

/// A step-up in the same session proves the factor, and so may trust the device.
#[tokio::test]
async fn a_step_up_trusts_the_device_of_its_session() {
    let setting = Setting::new().await;
    let ada = setting.world.registered("ada@example.com").await.account;
    let first = done(setting.password(None, None, Requirements::default()).await.step);
    enrol_pin(&setting.world, &ada).await;
    let headers = crate::world::headers_of(&first);
    let current = setting.sessions.authenticate(&headers).await.unwrap().unwrap();
    let browser = setting.world.browser();
    let visitor: Visitor<'_> =
        visitor(&browser).with_session(Some(&current)).with_device(first.device.clone());
    let (handle, challenge) = setting.journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    assert!(matches!(challenge, Challenge::Factor { .. }), "{challenge:?}");
    let visitor = visitor.saying_own_device(Some(true));
    let stepped = done(setting.journeys.answer(&handle, &visitor, pin("4711")).await.unwrap());
    assert_eq!(stepped.session.id, first.session.id);
    assert!(!setting.is_asked(first.device.as_ref(), Requirements::default()).await);
}

#[tokio::test]
async fn trust_is_taken_back_by_its_owner_alone_and_the_device_stays_known() {
    let setting = Setting::new().await;
    let ada = setting.world.registered("ada@example.com").await.account;
    let bob = setting.world.registered("bob@example.com").await.account;
    enrol_pin(&setting.world, &ada).await;
    let first = setting.both(Some(true)).await;
    let id = first.session.device.unwrap();
    setting.world.events().await;
    assert!(!setting.devices.distrust(bob.id, id, &Actor::Account(bob.id)).await.unwrap());
    assert!(setting.devices.distrust(ada.id, id, &Actor::Account(ada.id)).await.unwrap());
    assert!(!setting.devices.distrust(ada.id, id, &Actor::Account(ada.id)).await.unwrap());
    let events = setting.world.events().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].event_type, EventType::DEVICE_DISTRUSTED);
    assert_eq!(events[0].data["by"], Actor::Account(ada.id).to_string());
    let begun = setting.password(first.device.as_ref(), None, Requirements::default()).await;
    assert!(is_factor(&begun.step));
    let account = setting.world.ports.store().account(ada.id).await.unwrap().unwrap().value;
    let page = ciam_core::store::PageRequest::first(10);
    assert_eq!(setting.devices.list(&account, page).await.unwrap().items.len(), 1);
}
