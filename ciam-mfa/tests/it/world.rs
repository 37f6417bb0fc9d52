//! A small world: one tenant in memory, its clock, its mail, and people with browsers and authenticators.

use std::net::IpAddr;
use std::sync::Arc;

use ciam_core::account::{Account, AccountPolicy, Accounts, Identifier, IdentifierKey, NewAccount, Owner};
use ciam_core::assurance::{Acr, AcrLadder};
use ciam_core::credential::Credential;
use ciam_core::event::Event;
use ciam_core::factor::Factor;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::id::TenantId;
use ciam_core::journey::{
    Answer, JourneyHandle, JourneyPolicy, Journeys, Methods, Requirements, SignInMethod, SignedIn, Step,
    Visitor,
};
use ciam_core::memory::{self, MemoryDatabase, MemoryNotifier};
use ciam_core::notify::{Message, Notifier as _};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::session::{Authenticated, SessionManager, StartedSession};
use ciam_core::store::{Batch, OutboxPayload, Versioned};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_mfa::manage::Factors;
use ciam_mfa::otp::{HotpFactor, OtpParameters, OtpSeed, TotpFactor};
use ciam_mfa::recovery::RecoveryCodeFactor;
use time::Duration;

use crate::watched::{Meanwhile, Watched};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) meanwhile: Meanwhile,
    pub(crate) notifier: Arc<MemoryNotifier>,
    pub(crate) sessions: SessionManager,
    pub(crate) password: PasswordFactor,
    pub(crate) journeys: Journeys,
    pub(crate) factors: Factors,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| Vec::new()).await
    }

    /// With factors before the usual ones.
    pub(crate) async fn with(first: impl FnOnce(&Ports) -> Vec<Arc<dyn Factor>>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
        let (database, meanwhile) = (MemoryDatabase::new(), Meanwhile::default());
        let ports = memory::ports_of(tenant, &database, clock.clone(), Arc::new(SeededEntropy::new(7)));
        let store = Watched::over(Arc::new(database.tenant(tenant, clock.clone())), meanwhile.clone(), FREE);
        let ports = ports.with_store(Arc::new(store));
        let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
        let password = PasswordFactor::new(&ports, hasher).await.unwrap();
        let sessions = SessionManager::new(ports.clone());
        let mut account_policy = AccountPolicy::default();
        account_policy.first_factors.insert("passkey".to_owned());
        let mut accounts =
            Accounts::new(ports.clone(), sessions.clone(), password.clone()).with_policy(account_policy);
        let mut policy = JourneyPolicy::default();
        policy.methods = Methods::default().with(SignInMethod::Passkey);
        policy.ladder = AcrLadder::default().with_phishing_resistant();
        let mut journeys =
            Journeys::new(ports.clone(), sessions.clone(), password.clone()).with_policy(policy);
        let mut factors = first(&ports);
        factors.push(Arc::new(TotpFactor::new()));
        factors.push(Arc::new(HotpFactor::new()));
        factors.push(Arc::new(RecoveryCodeFactor::new()));
        for factor in factors {
            journeys = journeys.with_factor(factor.clone());
            accounts = accounts.with_factor(factor);
        }
        let factors = Factors::new(ports.clone(), accounts, sessions.clone());
        let notifier = Arc::new(MemoryNotifier::new());
        Self { ports, clock, meanwhile, notifier, sessions, password, journeys, factors }
    }

    /// An account with a verified address and a password.
    pub(crate) async fn account(&self, email: &str) -> Account {
        let hash = self.password.accept(&self.ports, &PASSWORD.into(), &[]).await.unwrap();
        let key = IdentifierKey::email(email).unwrap();
        let identifier = Identifier::verified(key, self.ports.now());
        NewAccount::new(identifier).with_password(hash).create(&self.ports).await.unwrap();
        self.account_of(email).await
    }

    pub(crate) async fn account_of(&self, email: &str) -> Account {
        let key = IdentifierKey::email(email).unwrap();
        self.ports.store().account_by_identifier(&key).await.unwrap().unwrap().value
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

    /// Begins a sign-in and gives the password.
    pub(crate) async fn begun(&self, browser: &BrowserId, email: &str, acr: &str) -> (JourneyHandle, Step) {
        let requirements = Requirements::default().with_acr_values(vec![Acr::new(acr)]);
        let (handle, _) = self.journeys.begin_sign_in(&visitor(browser), requirements).await.unwrap();
        let answer = Answer::credentials(email, PASSWORD);
        let step = self.journeys.answer(&handle, &visitor(browser), answer).await.unwrap();
        (handle, step)
    }

    pub(crate) async fn answer(&self, browser: &BrowserId, handle: &JourneyHandle, answer: Answer) -> Step {
        self.journeys.answer(handle, &visitor(browser), answer).await.unwrap()
    }

    /// Signs in with the password alone.
    pub(crate) async fn signed_in(&self, email: &str) -> Authenticated {
        let browser = self.browser();
        let (_, step) = self.begun(&browser, email, "urn:ciam:acr:aal1").await;
        self.authenticated(&done(step).cookie).await.unwrap()
    }

    pub(crate) async fn authenticated(
        &self,
        cookie: &ciam_core::session::SessionCookie,
    ) -> Option<Authenticated> {
        self.sessions.authenticate_by(cookie).await.unwrap()
    }

    pub(crate) async fn renewed(&self, started: &StartedSession) -> Authenticated {
        self.authenticated(&started.cookie).await.unwrap()
    }

    /// Adds an authenticator app; gives its seed and the session.
    pub(crate) async fn with_totp(&self, current: &Authenticated) -> (OtpSeed, Authenticated) {
        let owner = Owner::new(current);
        let offer = self.factors.begin_totp(&owner, "Example", "ada").await.unwrap();
        let seed = OtpSeed::from_base32(offer.seed.expose()).unwrap();
        let code = self.totp(&seed);
        let started = self.factors.confirm_totp(&owner, &offer.enrolment, &code, "phone").await.unwrap();
        (seed, self.renewed(&started).await)
    }

    /// The code that an app shows now.
    pub(crate) fn totp(&self, seed: &OtpSeed) -> String {
        let parameters = OtpParameters::default();
        let step = parameters.step(self.ports.now());
        parameters.code(self.ports.crypto(), seed, step).expose().to_owned()
    }

    /// Lets the app show the next code.
    pub(crate) fn next_step(&self) {
        self.clock.advance(Duration::seconds(30));
    }

    pub(crate) async fn credentials(&self, account: &Account) -> Vec<Versioned<Credential>> {
        self.ports.store().credentials_of(account.id).await.unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        delivered(&self.ports, &self.notifier).await
    }

    pub(crate) async fn mail_to(&self, address: &str) -> Option<Message> {
        self.events().await;
        self.notifier.last_to(address)
    }
}

/// Delivers what is in the outbox, and gives the events that nobody had seen yet, oldest first.
pub(crate) async fn delivered(ports: &Ports, notifier: &MemoryNotifier) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let claimed = ports.store().claim_outbox(Duration::SECOND, 1000).await.unwrap();
        if claimed.is_empty() {
            return events;
        }
        for item in claimed {
            ports.store().acknowledge(&[item.id]).await.unwrap();
            match item.payload {
                OutboxPayload::Event(event) => events.push(event),
                OutboxPayload::Message(message) => {
                    notifier.send(&message.open(ports).await.unwrap()).await.unwrap();
                }
                _ => {}
            }
        }
    }
}

/// Records that nobody else can make or change.
const FREE: &[(&str, &str)] = &[("mfa.passkey_id", "goes with its credential, which is required")];

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
