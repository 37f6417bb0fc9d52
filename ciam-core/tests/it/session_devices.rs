//! Sessions with device and place, limits of how many there are, remembered devices, and who ends what.

use std::sync::Arc;
use std::task::Poll;

use ciam_core::account::{Account, IdentifierKey};
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::hooks::{HookDecision, Hooks, NoHooks};
use ciam_core::http::{BrowserId, Peer};
use ciam_core::journey::{
    Answer, JourneyPolicy, Journeys, RefusalReason, Requirements, SignedIn, Step, Visitor,
};
use ciam_core::notify::MessageCode;
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::place::{Place, PlaceTable};
use ciam_core::session::{
    AtLimit, DeviceCookie, DevicePolicy, RememberedDevices, Session, SessionError, SessionLimit,
    SessionManager, SessionPolicy,
};
use ciam_core::store::{PageRequest, Versioned};
use futures_util::future::join_all;
use time::Duration;

use crate::world::{PASSWORD, World, headers_of};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// Two managers of the same sessions: the world's, and one with another policy.
struct Setting {
    world: World,
    sessions: SessionManager,
    journeys: Journeys,
}

impl Setting {
    async fn with(change: impl FnOnce(&mut SessionPolicy)) -> Self {
        Self::with_hooks(change, Arc::new(NoHooks::new())).await
    }

    async fn with_hooks(change: impl FnOnce(&mut SessionPolicy), hooks: Arc<dyn Hooks>) -> Self {
        let places =
            PlaceTable::new().with([192, 0, 2, 0].into(), 24, Place::country("FR").with_city("Lyon"));
        let places = Arc::new(places);
        let world =
            World::with(|ports| ports.with_locator(places).with_hooks(hooks), JourneyPolicy::default()).await;
        let mut policy = SessionPolicy::default();
        change(&mut policy);
        let sessions = SessionManager::new(world.ports.clone()).with_policy(policy);
        let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
        let password = PasswordFactor::new(&world.ports, hasher).await.unwrap();
        let journeys = Journeys::new(world.ports.clone(), sessions.clone(), password);
        Self { world, sessions, journeys }
    }

    async fn devices() -> Self {
        Self::with(|policy| policy.devices = Some(DevicePolicy::default())).await
    }

    async fn account(&self, email: &str) -> Versioned<Account> {
        let key = IdentifierKey::email(email).unwrap();
        self.world.ports.store().account_by_identifier(&key).await.unwrap().unwrap()
    }

    async fn sign_in(&self, browser: &BrowserId, device: Option<&DeviceCookie>) -> Step {
        let peer = Peer::new([192, 0, 2, 7].into());
        let visitor = Visitor::new(browser, peer).with_user_agent(Some(AGENT)).with_device(device.cloned());
        let (handle, _) = self.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
        let answer = Answer::credentials("ada@example.com", PASSWORD);
        self.journeys.answer(&handle, &visitor, answer).await.unwrap()
    }

    async fn signed_in(&self, device: Option<&DeviceCookie>) -> SignedIn {
        match self.sign_in(&self.world.browser(), device).await {
            Step::Done(done) => *done,
            other => panic!("{other:?}"),
        }
    }

    async fn is_live(&self, signed_in: &SignedIn) -> bool {
        self.sessions.authenticate(&headers_of(signed_in)).await.unwrap().is_some()
    }

    fn remembered(&self) -> RememberedDevices {
        RememberedDevices::new(self.world.ports.clone(), DevicePolicy::default())
    }

    /// The mail to Ada that has come since the last look.
    async fn news(&self) -> Option<MessageCode> {
        self.world.mail_to("ada@example.com").await.map(|it| it.code)
    }

    async fn ada(&self) {
        self.world.registered("ada@example.com").await;
        self.world.clock.advance(Duration::minutes(2));
    }
}

#[tokio::test]
async fn a_session_knows_its_device_and_place() {
    let setting = Setting::devices().await;
    setting.ada().await;
    let done = setting.signed_in(None).await;
    assert_eq!(done.session.place.as_ref().unwrap().to_string(), "Lyon, FR");
    assert_eq!(done.session.user_agent.as_deref(), Some(AGENT));
    let list = setting.sessions.list(done.account.id, PageRequest::first(10)).await.unwrap();
    assert!(list.items.iter().any(|it| it.value.place == done.session.place));
}

#[tokio::test]
async fn an_administrator_ends_sessions_and_the_event_says_who() {
    let setting = Setting::with(|_| {}).await;
    setting.ada().await;
    let (one, two, three) =
        (setting.signed_in(None).await, setting.signed_in(None).await, setting.signed_in(None).await);
    let admin = Actor::system("support");
    setting.sessions.revoke(one.session.id, &admin).await.unwrap();
    assert!(!setting.is_live(&one).await && setting.is_live(&two).await);
    let ended = setting.sessions.revoke_others(one.account.id, Some(two.session.id), &admin).await.unwrap();
    assert!(ended >= 1 && setting.is_live(&two).await && !setting.is_live(&three).await);
    let events = setting.world.events().await;
    let told: Vec<_> = events.iter().filter(|it| it.event_type.as_str() == "ciam.session.ended.v1").collect();
    assert!(told.iter().all(|it| it.data["by"] == "system:support" && it.data["reason"] == "revoked"));
    assert!(told.len() >= 2);
}

#[tokio::test]
async fn at_the_limit_the_oldest_session_ends() {
    let setting = Setting::with(|it| it.limit = Some(SessionLimit::new(2, AtLimit::EndOldest))).await;
    setting.ada().await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(setting.signed_in(None).await);
        setting.world.clock.advance(Duration::seconds(1));
    }
    let mut live = Vec::new();
    for it in &all {
        live.push(setting.is_live(it).await);
    }
    assert_eq!(live, [false, false, true, true]);
}

#[tokio::test]
async fn at_the_limit_a_new_session_is_refused_until_there_is_room() {
    let setting = Setting::with(|it| it.limit = Some(SessionLimit::new(2, AtLimit::Refuse))).await;
    setting.ada().await;
    // The one of the registration is the first.
    let second = setting.signed_in(None).await;
    let Step::Refused(refusal) = setting.sign_in(&setting.world.browser(), None).await else { panic!() };
    assert_eq!(refusal.reason, RefusalReason::Denied { code: "too_many_sessions".into() });
    setting.sessions.end(second.session.id, ciam_core::session::SessionEnd::SignedOut).await.unwrap();
    let again = setting.signed_in(None).await;
    assert!(setting.is_live(&again).await);
    // Signing in again in the same browser takes the place of its session.
    let headers = headers_of(&again);
    let current = setting.sessions.authenticate(&headers).await.unwrap().unwrap();
    let account = setting.account("ada@example.com").await;
    let started = setting
        .sessions
        .start(&account, current.session.value.context.clone(), Some(&current.session), None)
        .await;
    assert!(started.is_ok());
}

/// A host that takes its time just before a session is committed: everybody else gets as far meanwhile.
#[derive(Debug)]
struct SlowHost;

#[async_trait::async_trait]
impl Hooks for SlowHost {
    async fn before_session(&self, _: &Account, _: &Session) -> Result<HookDecision, PortError> {
        let mut waited = false;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(HookDecision::Allow)
    }
}

#[tokio::test]
async fn sessions_that_begin_at_once_do_not_pass_the_limit() {
    let limit = SessionLimit::new(3, AtLimit::Refuse);
    let setting = Setting::with_hooks(|it| it.limit = Some(limit), Arc::new(SlowHost)).await;
    setting.ada().await;
    let account = setting.account("ada@example.com").await;
    let context = setting.signed_in(None).await.session.context;
    let attempts = (0..24).map(|_| async {
        loop {
            match setting.sessions.start(&account, context.clone(), None, None).await {
                Err(SessionError::Changed) => {}
                other => return other.is_ok(),
            }
        }
    });
    let begun = join_all(attempts).await.into_iter().filter(|it| *it).count();
    assert_eq!(begun, 1, "two were there before");
}

#[tokio::test]
async fn the_owner_is_told_of_a_new_device_and_not_of_a_known_one() {
    let setting = Setting::devices().await;
    setting.ada().await;
    let first = setting.signed_in(None).await;
    let mail = setting.world.mail_to("ada@example.com").await.unwrap();
    assert_eq!(mail.code, MessageCode::NewDevice);
    assert_eq!(
        (mail.parameters["device"].as_str(), mail.parameters["place"].as_str()),
        ("Firefox · Linux", "Lyon, FR")
    );

    setting.world.clock.advance(Duration::days(3));
    let count = setting.world.notifier.sent().len();
    let second = setting.signed_in(first.device.as_ref()).await;
    setting.news().await;
    assert_eq!(setting.world.notifier.sent().len(), count, "the device is known");
    assert_eq!(first.session.device, second.session.device);
}

#[tokio::test]
async fn a_secret_is_good_once_and_a_minute_longer_and_a_copy_ends_the_device() {
    let setting = Setting::devices().await;
    setting.ada().await;
    let first = setting.signed_in(None).await;
    let cookie = first.device.as_ref();
    let second = setting.signed_in(cookie).await;
    setting.world.clock.advance(Duration::seconds(59));
    let tab = setting.signed_in(cookie).await;
    assert_eq!(tab.session.device, first.session.device, "a tab that signs in at the same time");

    // The thief has the first secret, the browser goes on with the last.
    setting.world.clock.advance(Duration::minutes(2));
    let thief = setting.signed_in(cookie).await;
    assert_ne!(thief.session.device, first.session.device);
    assert!(
        !setting.is_live(&second).await && !setting.is_live(&tab).await,
        "what began on the device is over"
    );
    let after = setting.signed_in(tab.device.as_ref()).await;
    assert_ne!(after.session.device, first.session.device, "the device is forgotten");
    let events = setting.world.events().await;
    let told = events.iter().find(|it| it.event_type.as_str() == "ciam.device.revoked.v1").unwrap();
    assert_eq!(told.data["reason"], "stolen");
}

#[tokio::test]
async fn garbage_and_the_cookie_of_somebody_else_revoke_nothing() {
    let setting = Setting::devices().await;
    setting.ada().await;
    let first = setting.signed_in(None).await;
    let cookie = first.device.as_ref().unwrap().set_cookie(Duration::days(1)).unwrap();
    let pair = cookie.to_str().unwrap().split(';').next().unwrap();
    let id = pair.split_once('=').unwrap().1.split_once('.').unwrap().0;
    let forged = format!("__Host-ciam-device={id}.{}", "A".repeat(43));
    let forged = DeviceCookie::from_headers(&crate::world::cookie_headers(&forged)).unwrap();
    let other = setting.signed_in(Some(&forged)).await;
    assert_ne!(other.session.device, first.session.device);
    assert!(setting.is_live(&first).await);
    let back = setting.signed_in(first.device.as_ref()).await;
    assert_eq!(back.session.device, first.session.device);
}

#[tokio::test]
async fn trust_lasts_as_long_as_it_was_given_and_no_longer_than_the_password() {
    let setting = Setting::devices().await;
    setting.ada().await;
    let first = setting.signed_in(None).await;
    let (devices, device) = (setting.remembered(), first.session.device.unwrap());
    let account = setting.account("ada@example.com").await.value;
    let trusted = |account: Account, cookie: Option<DeviceCookie>| {
        let (devices, sessions) = (devices.clone(), setting.sessions.clone());
        async move { devices.is_trusted(&sessions, &account, cookie.as_ref()).await.unwrap() }
    };
    assert!(!trusted(account.clone(), first.device.clone()).await);
    assert!(devices.trust(&account, device).await.unwrap());
    assert!(trusted(account.clone(), first.device.clone()).await);
    assert!(!trusted(account.clone(), None).await);

    let mut later = account.clone();
    later.session_epoch += 1;
    assert!(!trusted(later.clone(), first.device.clone()).await, "a new password forgets every device");
    assert!(!devices.trust(&later, device).await.unwrap());
    assert!(devices.list(&later, PageRequest::first(10)).await.unwrap().items.is_empty());

    setting.world.clock.advance(Duration::days(30));
    assert!(!trusted(account.clone(), first.device.clone()).await);
}

#[tokio::test]
async fn a_device_is_listed_and_revoked_by_its_owner_alone() {
    let setting = Setting::devices().await;
    setting.ada().await;
    let done = setting.signed_in(None).await;
    let account = setting.account("ada@example.com").await.value;
    let bob = setting.world.registered("bob@example.com").await.account;
    let (devices, id) = (setting.remembered(), done.session.device.unwrap());
    let list = devices.list(&account, PageRequest::first(10)).await.unwrap().items;
    assert_eq!(list.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
    assert!(!devices.revoke(&setting.sessions, bob.id, id, &Actor::Account(bob.id)).await.unwrap());
    assert!(setting.is_live(&done).await);
    assert!(devices.revoke(&setting.sessions, account.id, id, &Actor::Account(account.id)).await.unwrap());
    assert!(!setting.is_live(&done).await);
    assert!(devices.list(&account, PageRequest::first(10)).await.unwrap().items.is_empty());
}
