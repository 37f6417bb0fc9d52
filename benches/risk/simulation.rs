//! The events of a world in the order of time, each judged by the engine.
//!
//! A genuine person who is challenged passes, and the sign-in is learned, as in the journey. An attacker never passes, and
//! nothing is learned of an attack, whether or not it got in. The registration is learned and not counted.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::Account;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, DeviceId, SessionId, TenantId};
use ciam_core::memory::{self, MemoryDatabase};
use ciam_core::place::Place;
use ciam_core::ports::Ports;
use ciam_core::risk::{
    Assessment, Binding, Confirmed, Observation, PresentedDevice, RiskAction, RiskEngine as _, RiskLevel,
    RiskSignal,
};
use ciam_core::secret::TokenDigest;
use ciam_core::session::Session;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_mfa::risk::{AdaptiveRisk, Coordinates, NetworkFacts, NetworkKind, Networks};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Failure;
use crate::attackers::{self, Attack, Class};
use crate::people::{DAY, Person, SignIn};
use crate::random::Random;
use crate::world::{self, Kind};

/// A world that is about to begin.
pub(crate) struct Simulation {
    events: Vec<Event>,
    breached: Vec<bool>,
}

struct Event {
    at: f64,
    person: usize,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Registration(SignIn),
    Genuine(SignIn, usize),
    Attack(Attack),
}

/// What was judged.
pub(crate) struct Outcome {
    /// Of each genuine sign-in.
    pub(crate) genuine: Vec<Judged>,
    /// Of each attack.
    pub(crate) attacks: Vec<(Class, Judged)>,
}

/// One judgement.
#[derive(Clone, Copy)]
pub(crate) struct Judged {
    /// In hundredths.
    pub(crate) score: i32,
    pub(crate) level: RiskLevel,
    /// Of a genuine sign-in: the account had not been seen on the device.
    pub(crate) is_new: bool,
    /// How many sign-ins came before.
    pub(crate) before: usize,
}

impl Simulation {
    pub(crate) fn new(seed: u64, people: usize, days: f64) -> Result<Self, Failure> {
        let root = Random::new(seed);
        let (mut events, mut breached) = (Vec::new(), Vec::new());
        for number in 0..people {
            let mut random = root.fork(u64::try_from(number)? + 1);
            let mut person = Person::born(&mut random);
            breached.push(person.breached);
            let registration = person.register();
            events.push(Event {
                at: registration.at,
                person: number,
                what: What::Registration(registration),
            });
            let (mut at, mut before) = (person.registered_at, 1);
            // The attackers know the person as they are in the middle.
            let mut attacked = false;
            while at < days * DAY {
                if !attacked && at > 0.5 * days * DAY {
                    attacked = true;
                    push_attacks(&mut events, number, &person, days, &root);
                }
                let next = person.next(at, &mut random);
                at = next.at;
                if at < days * DAY {
                    events.push(Event { at, person: number, what: What::Genuine(next, before) });
                    before += 1;
                }
            }
            if !attacked {
                push_attacks(&mut events, number, &person, days, &root);
            }
        }
        events.sort_by(|one, other| one.at.total_cmp(&other.at));
        Ok(Self { events, breached })
    }

    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let clock = Arc::new(ManualClock::default());
        let (tenant, database) = (TenantId::from_uuid(Uuid::from_u128(1)), MemoryDatabase::new());
        let ports = memory::ports_of(tenant, &database, clock.clone(), Arc::new(SeededEntropy::new(1)));
        let engine = AdaptiveRisk::new(&ports).with_networks(Arc::new(DataSets));
        let mut outcome = Outcome { genuine: Vec::new(), attacks: Vec::new() };
        for (number, event) in self.events.iter().enumerate() {
            clock.set(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds_f64(event.at));
            let breached = self.breached.get(event.person).copied().unwrap_or_default();
            let account = account(event.person)?;
            // A browser's own secret lasts until it is closed: another one each time.
            let browser = TokenDigest::of(&format!("browser {number}"));
            match event.what {
                What::Registration(it) => {
                    let observation = observed(RiskAction::Register, account, &it, browser);
                    let assessment = engine.assess(&observation).await?;
                    learn(&ports, &engine, account, assessment, it.cookie, 1).await?;
                }
                What::Genuine(it, before) => {
                    let signals = breached.then_some(RiskSignal::BreachedPassword).into_iter().collect();
                    let observation =
                        observed(RiskAction::SignIn, account, &it, browser).with_signals(signals);
                    let assessment = LISTED.scope(it.listed, engine.assess(&observation)).await?;
                    let judged = judged(&assessment, it.is_new, before);
                    outcome.genuine.push(judged);
                    let proofs = if judged.level == RiskLevel::Low { 1 } else { 2 };
                    learn(&ports, &engine, account, assessment, it.cookie, proofs).await?;
                }
                What::Attack(it) => {
                    let observation = attacked(account, &it, browser);
                    let assessment = LISTED.scope(it.listed, engine.assess(&observation)).await?;
                    outcome.attacks.push((it.class, judged(&assessment, true, 0)));
                }
            }
        }
        Ok(outcome)
    }
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn share(all: usize, some: usize) -> f64 {
        some as f64 / all as f64
    }

    pub(crate) fn new_devices(&self) -> f64 {
        Self::share(self.genuine.len(), self.genuine.iter().filter(|it| it.is_new).count())
    }

    /// The genuine sign-ins that were not let through at once.
    pub(crate) fn challenged(&self) -> f64 {
        self.challenged_of(|_| true)
    }

    pub(crate) fn challenged_of(&self, which: impl Fn(&Judged) -> bool) -> f64 {
        let these = self.genuine.iter().filter(|it| which(it));
        let asked = these.clone().filter(|it| it.level > RiskLevel::Low).count();
        Self::share(these.count(), asked)
    }

    /// The genuine sign-ins that nothing helped.
    pub(crate) fn denied(&self) -> f64 {
        let denied = self.genuine.iter().filter(|it| it.level == RiskLevel::Blocked).count();
        Self::share(self.genuine.len(), denied)
    }

    /// The attacks of a class that were not let through.
    pub(crate) fn caught(&self, class: Class) -> f64 {
        let these = self.attacks.iter().filter(|it| it.0 == class);
        let caught = these.clone().filter(|it| it.1.level > RiskLevel::Low).count();
        Self::share(these.count(), caught)
    }

    /// The share of genuine sign-ins that a threshold would have challenged, and of attacks that it would have caught.
    pub(crate) fn at(&self, threshold: i32, class: Class) -> (f64, f64) {
        let genuine = self.genuine.iter().filter(|it| it.score >= threshold).count();
        let these = self.attacks.iter().filter(|it| it.0 == class);
        let caught = these.clone().filter(|it| it.1.score >= threshold).count();
        (Self::share(self.genuine.len(), genuine), Self::share(these.count(), caught))
    }
}

fn push_attacks(events: &mut Vec<Event>, number: usize, person: &Person, days: f64, root: &Random) {
    for (position, class) in (1_u64..).zip(Class::ALL) {
        // The two thieves are the same one, once with a key that stayed behind.
        let stream = (position.min(4) << 32) | u64::try_from(number).unwrap_or_default();
        let attack = attackers::attack(class, person, days, &mut root.fork(stream));
        events.push(Event { at: attack.at, person: number, what: What::Attack(attack) });
    }
}

fn account(person: usize) -> Result<AccountId, Failure> {
    Ok(AccountId::from_uuid(Uuid::from_u128(u128::try_from(person)? + 1)))
}

fn device(cookie: u64) -> Option<PresentedDevice> {
    let id = DeviceId::from_uuid(Uuid::from_u128(u128::from(cookie)));
    (cookie != 0).then(|| PresentedDevice::new(id, TokenDigest::of(&format!("device {cookie}"))))
}

fn observed(action: RiskAction, account: AccountId, it: &SignIn, browser: TokenDigest) -> Observation {
    Observation::new(action, Some(account), it.address)
        .with_user_agent(Some(it.browser.to_owned()))
        .with_epoch(Some(0))
        .with_browser(browser, device(it.cookie))
}

fn attacked(account: AccountId, it: &Attack, browser: TokenDigest) -> Observation {
    // As core finds it out: twenty accounts of a source in ten minutes, nearly all of them refused.
    let stuffing = (it.tried >= 20).then_some(RiskSignal::CredentialStuffing);
    let breached = it.breached.then_some(RiskSignal::BreachedPassword);
    let bound = it.class == Class::BoundWithoutProof;
    Observation::new(RiskAction::SignIn, Some(account), it.address)
        .with_user_agent(Some(it.browser.to_owned()))
        .with_epoch(Some(0))
        .with_browser(browser, device(it.cookie))
        .with_binding(if bound { Binding::Missing } else { Binding::None })
        .with_signals(stuffing.into_iter().chain(breached).collect())
}

fn judged(assessment: &Assessment, is_new: bool, before: usize) -> Judged {
    Judged { score: assessment.score.unwrap_or(i32::MAX), level: assessment.level, is_new, before }
}

/// What the journey does at the good end of a sign-in. A browser that has forgotten everything gets a new cookie, which it
/// forgets again.
async fn learn(
    ports: &Ports,
    engine: &AdaptiveRisk,
    account: AccountId,
    assessment: Assessment,
    cookie: u64,
    proofs: usize,
) -> Result<(), Failure> {
    let now = ports.now();
    let proof = |amr, kind| Proof::new(amr, [kind], now);
    let all = [proof(Amr::PASSWORD, FactorKind::Knowledge), proof(Amr::EMAIL, FactorKind::Knowledge)];
    let context = AuthenticationContext::new(all.into_iter().take(proofs));
    let digest = TokenDigest::of("a session");
    let end = now + Duration::days(14);
    let id = SessionId::from_uuid(Uuid::from_u128(1));
    let session = Session::new(id, account, digest, context, now, end);
    let owner = Account::new(account, now);
    let given = device(if cookie == 0 { u64::try_from(now.unix_timestamp())? } else { cookie });
    let confirmed = Confirmed::new(&owner, &session, &assessment).with_device(given);
    let applied = ports.store().commit(engine.learn(&confirmed)?).await?.is_applied();
    if applied { Ok(()) } else { Err("what was learned was refused".into()) }
}

tokio::task_local! {
    /// Whether the address of the event is on the list of abused ones.
    static LISTED: bool;
}

/// The world's data sets behind the engine's port.
#[derive(Debug)]
struct DataSets;

#[async_trait]
impl Networks for DataSets {
    async fn look_up(&self, address: IpAddr) -> Result<Option<NetworkFacts>, PortError> {
        let Some(facts) = world::facts(address) else { return Ok(None) };
        let kind = match facts.kind {
            Kind::Home => NetworkKind::Home,
            Kind::Mobile => NetworkKind::Mobile,
            Kind::Company => NetworkKind::Organization,
            Kind::Hosting if facts.vpn => NetworkKind::Anonymous,
            // What is not known of a house is taken for an ordinary company.
            Kind::Hosting => NetworkKind::Organization,
        };
        let known = NetworkFacts::new()
            .with_system(facts.system)
            .with_kind(kind)
            .with_place(Place::country(facts.country.code).with_city(facts.city.name))
            .with_coordinates(Coordinates::new(facts.city.latitude, facts.city.longitude))
            .with_listed(LISTED.try_with(|listed| *listed).unwrap_or_default());
        Ok(Some(known))
    }
}
