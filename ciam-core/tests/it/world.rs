//! A small world: one tenant in memory, its clock, its mail, and people with browsers.

use std::net::IpAddr;
use std::sync::Arc;

use ciam_core::account::{Account, Accounts, IdentifierKey};
use ciam_core::event::Event;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::id::TenantId;
use ciam_core::journey::{
    Answer, JourneyHandle, JourneyPolicy, Journeys, Registration, Requirements, SignedIn, Step, Visitor,
};
use ciam_core::memory::{self, MemoryDatabase, MemoryEphemeralDatabase, MemoryNotifier};
use ciam_core::notify::{Message, Notifier as _};
use ciam_core::password::{Argon2idHasher, PasswordFactor, PasswordHash};
use ciam_core::ports::Ports;
use ciam_core::relay::Relay;
use ciam_core::session::{Authenticated, SessionManager};
use ciam_core::store::{Batch, OutboxPayload, Write};
use ciam_core::testkit::{ManualClock, Probe, SeededEntropy};
use http::HeaderMap;
use http::header::COOKIE;
use time::Duration;

use crate::watched::{Meanwhile, Watched};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) probe: Probe,
    meanwhile: Meanwhile,
    pub(crate) notifier: Arc<MemoryNotifier>,
    pub(crate) sessions: SessionManager,
    pub(crate) password: PasswordFactor,
    pub(crate) journeys: Journeys,
    pub(crate) accounts: Accounts,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_policy(JourneyPolicy::default()).await
    }

    pub(crate) async fn with_policy(policy: JourneyPolicy) -> Self {
        Self::with(|ports| ports, policy).await
    }

    pub(crate) async fn with(change: impl FnOnce(Ports) -> Ports, policy: JourneyPolicy) -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(7));
        let probe = Probe::new();
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
        let database = MemoryDatabase::new();
        let ports = memory::ports_of(tenant, &database, clock.clone(), entropy);
        let meanwhile = Meanwhile::default();
        let store = Watched::over(Arc::new(database.tenant(tenant, clock.clone())), meanwhile.clone(), &[]);
        let ports = ports.with_store(probe.store(Arc::new(store))).with_ephemeral(
            probe.ephemeral(Arc::new(MemoryEphemeralDatabase::new().tenant(tenant, clock.clone()))),
        );
        let ports = change(ports);
        let hasher = probe.hasher(Arc::new(Argon2idHasher::dangerous_fast().unwrap()));
        let password = PasswordFactor::new(&ports, hasher).await.unwrap();
        let sessions = SessionManager::new(ports.clone());
        let accounts = Accounts::new(ports.clone(), sessions.clone(), password.clone());
        let journeys = Journeys::new(ports.clone(), sessions.clone(), password.clone()).with_policy(policy);
        let notifier = Arc::new(MemoryNotifier::new());
        Self { ports, clock, probe, meanwhile, notifier, sessions, password, journeys, accounts }
    }

    /// The hash of a password, as somebody would store it.
    pub(crate) async fn password_hash(&self, password: &str) -> PasswordHash {
        let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
        let factor = PasswordFactor::new(&self.ports, hasher).await.unwrap();
        factor.accept(&self.ports, &password.into(), &[]).await.unwrap()
    }

    /// Somebody else commits this at the last moment, just before the next change that is told.
    pub(crate) fn meanwhile(&self, batch: Batch) {
        *self.meanwhile.lock().unwrap() = Some(batch);
    }

    /// Whether that moment has come.
    pub(crate) fn has_come(&self) -> bool {
        self.meanwhile.lock().unwrap().is_none()
    }

    pub(crate) fn browser(&self) -> BrowserId {
        BrowserId::generate(self.ports.entropy()).unwrap()
    }

    /// Delivers what is in the outbox, and gives the newest message to an address.
    pub(crate) async fn mail_to(&self, address: &str) -> Option<Message> {
        let relay = Relay::new(self.ports.clone(), self.notifier.clone());
        relay.deliver_pending().await.unwrap();
        self.notifier.last_to(address)
    }

    /// Delivers what is in the outbox, and gives the events that nobody had seen yet, oldest first.
    pub(crate) async fn events(&self) -> Vec<Event> {
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

    pub(crate) async fn code_for(&self, address: &str) -> String {
        self.mail_to(address).await.unwrap().parameters["code"].clone()
    }

    /// Registers and verifies an address.
    pub(crate) async fn registered(&self, email: &str) -> SignedIn {
        let browser = self.browser();
        let handle = self.begun_registration(&browser, email).await;
        let code = self.code_for(&normal(email)).await;
        done(self.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap())
    }

    /// Stores an account as it is given.
    pub(crate) async fn put_account(&self, account: Account) {
        let stored = self.ports.store().commit(Batch::new().write(Write::PutAccount(account))).await.unwrap();
        assert!(stored.is_applied());
    }

    pub(crate) async fn begun_registration(&self, browser: &BrowserId, email: &str) -> JourneyHandle {
        let (handle, _) =
            self.journeys.begin_sign_up(&visitor(browser), Requirements::default()).await.unwrap();
        let answer = Answer::Register(Registration::new(email, PASSWORD).with_name("Ada"));
        let step = self.journeys.answer(&handle, &visitor(browser), answer).await.unwrap();
        assert!(matches!(step, Step::Challenge(_)), "{step:?}");
        handle
    }

    pub(crate) async fn sign_in(&self, browser: &BrowserId, identifier: &str, password: &str) -> Step {
        let (handle, _) =
            self.journeys.begin_sign_in(&visitor(browser), Requirements::default()).await.unwrap();
        let answer = Answer::credentials(identifier, password);
        self.journeys.answer(&handle, &visitor(browser), answer).await.unwrap()
    }

    pub(crate) async fn authenticated(&self, signed_in: &SignedIn) -> Option<Authenticated> {
        self.sessions.authenticate(&headers_of(signed_in)).await.unwrap()
    }
}

pub(crate) fn visitor(browser: &BrowserId) -> Visitor<'_> {
    Visitor::new(browser, Peer::new(IpAddr::from([192, 0, 2, 1])))
}

pub(crate) fn done(step: Step) -> SignedIn {
    match step {
        Step::Done(signed_in) => *signed_in,
        other => panic!("not signed in: {other:?}"),
    }
}

pub(crate) fn refusal(step: Step) -> &'static str {
    match step {
        Step::Refused(refusal) => refusal.reason.code(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The request headers of the browser that holds this session's cookie.
pub(crate) fn headers_of(signed_in: &SignedIn) -> HeaderMap {
    let set = signed_in.cookie.set_cookie(None).unwrap();
    cookie_headers(set.to_str().unwrap().split(';').next().unwrap())
}

pub(crate) fn cookie_headers(cookie: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, cookie.parse().unwrap());
    headers
}

fn normal(email: &str) -> String {
    IdentifierKey::email(email).unwrap().as_str().to_owned()
}
