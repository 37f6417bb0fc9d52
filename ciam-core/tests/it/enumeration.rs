//! Nobody learns who has an account: in every flow that a stranger can begin, whoever is asked for, the answer is the same
//! after the same calls of the ports and the same work.
//!
//! How long it takes in fact is measured by the bench `enumeration`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ciam_core::account::{Identifier, IdentifierKey, NewAccount, Owner};
use ciam_core::error::PortError;
use ciam_core::journey::{Acceptance, Answer, Journeys, Registration, Requirements};
use ciam_core::password::{Argon2idHasher, PasswordFactor, PasswordHasher};
use ciam_core::secret::Secret;

use crate::organizations::{Town, names, person};
use crate::world::{PASSWORD, World, visitor};

/// What a stranger sees of one case, and what it cost.
type Seen = (String, BTreeMap<&'static str, u64>);

/// Who is asked for: somebody with a password, somebody without, somebody whose address is not verified, and nobody.
const PEOPLE: [&str; 4] =
    ["known@example.com", "bare@example.com", "maybe@example.com", "nobody@example.com"];

async fn people(world: &World) {
    world.registered("known@example.com").await;
    let key = |address| IdentifierKey::email(address).unwrap();
    let bare = Identifier::verified(key("bare@example.com"), world.ports.now());
    NewAccount::new(bare).create(&world.ports).await.unwrap();
    let hash = world.password_hash(PASSWORD).await;
    let maybe = Identifier::unverified(key("maybe@example.com"));
    NewAccount::new(maybe).with_password(hash).create(&world.ports).await.unwrap();
    world.probe.clear();
}

/// What can be seen, without what the stranger typed.
fn seen(world: &World, who: &str, answer: &impl std::fmt::Debug) -> Seen {
    let name = who.split('@').next().unwrap();
    (format!("{answer:?}").replace(name, "somebody"), world.probe.counts())
}

#[derive(Clone, Copy, Debug)]
enum Flow {
    SignIn,
    SignUp,
    Recovery,
    Code,
}

/// The first step of a flow, and `then` the second one, which is looked at.
async fn run_on(world: &World, flow: Flow, who: &str, then: Option<Answer>) -> Seen {
    let browser = world.browser();
    let visitor = visitor(&browser);
    let requirements = Requirements::default();
    let journeys = &world.journeys;
    let (handle, answer) = match flow {
        Flow::SignIn => (
            journeys.begin_sign_in(&visitor, requirements).await.unwrap().0,
            Answer::credentials(who, "not the right password"),
        ),
        Flow::Code => {
            (journeys.begin_sign_in(&visitor, requirements).await.unwrap().0, Answer::send_code(who))
        }
        Flow::SignUp => (
            journeys.begin_sign_up(&visitor, requirements).await.unwrap().0,
            Answer::Register(Registration::new(who, PASSWORD)),
        ),
        Flow::Recovery => (
            journeys.begin_recovery(&visitor, requirements).await.unwrap().0,
            Answer::Recover { identifier: who.to_owned() },
        ),
    };
    world.probe.clear();
    let mut step = journeys.answer(&handle, &visitor, answer).await.unwrap();
    if let Some(then) = then {
        world.probe.clear();
        step = journeys.answer(&handle, &visitor, then).await.unwrap();
    }
    seen(world, who, &step)
}

async fn run(world: &World, flow: Flow, who: &str) -> Seen {
    run_on(world, flow, who, None).await
}

/// The cases of a flow that differ from the first.
async fn different(world: &World, flow: Flow) -> Vec<(&'static str, Seen, Seen)> {
    different_on(world, flow, None).await
}

/// The cases of a flow, or of its second step, that differ from the first.
async fn different_on(
    world: &World,
    flow: Flow,
    then: Option<fn() -> Answer>,
) -> Vec<(&'static str, Seen, Seen)> {
    let then = || then.map(|answer| answer());
    let first = run_on(world, flow, PEOPLE[0], then()).await;
    let mut different = Vec::new();
    for who in &PEOPLE[1..] {
        let other = run_on(world, flow, who, then()).await;
        if other != first {
            different.push((*who, first.clone(), other));
        }
    }
    different
}

#[tokio::test]
async fn whoever_is_asked_for_the_answer_and_its_cost_are_the_same() {
    for flow in [Flow::SignIn, Flow::SignUp, Flow::Recovery, Flow::Code] {
        let world = World::new().await;
        people(&world).await;
        let different = different(&world, flow).await;
        assert!(different.is_empty(), "{flow:?}: {different:#?}");
    }
}

/// The page after the message asks everybody for a code, and takes no code of nobody's.
#[tokio::test]
async fn the_step_after_the_message_is_the_same_too() {
    let answers: [fn() -> Answer; 3] = [
        || Answer::code("00000000"),
        || Answer::Link { proof: Secret::from("no such proof") },
        || Answer::Resend,
    ];
    for flow in [Flow::SignUp, Flow::Recovery, Flow::Code] {
        for answer in answers {
            let world = World::new().await;
            people(&world).await;
            let different = different_on(&world, flow, Some(answer)).await;
            assert!(different.is_empty(), "{flow:?}, {:?}: {different:#?}", answer());
        }
    }
}

#[tokio::test]
async fn one_sign_in_costs_one_hash_whoever_it_is() {
    let world = World::new().await;
    people(&world).await;
    for who in PEOPLE {
        let (_, calls) = run(&world, Flow::SignIn, who).await;
        assert_eq!(calls.get("hasher.verify"), Some(&1), "{who}");
        assert_eq!(calls.get("hasher.hash"), None, "{who}");
    }
}

#[tokio::test]
async fn an_address_that_somebody_has_is_added_like_any_other() {
    let world = World::new().await;
    people(&world).await;
    let signed_in = world.registered("ada@example.com").await;
    let current = world.authenticated(&signed_in).await.unwrap();
    let mut cases = Vec::new();
    for who in PEOPLE {
        world.probe.clear();
        let key = IdentifierKey::email(who).unwrap();
        let pending = world.accounts.add_identifier(&Owner::new(&current), &key, None).await.unwrap();
        let answer = (pending.key, pending.digits, pending.expires_at);
        cases.push(seen(&world, who, &answer));
    }
    for case in &cases {
        assert_eq!(case, &cases[0]);
    }
}

#[tokio::test]
async fn an_address_is_invited_like_any_other() {
    let town = Town::new().await;
    people(&town.world).await;
    let olga = person(town.olga);
    let mut cases = Vec::new();
    for who in PEOPLE {
        town.world.probe.clear();
        let invited =
            town.organizations.invite(&olga, town.acme, who, names(&["admin"]), Vec::new()).await.unwrap();
        cases.push(seen(&town.world, who, &(invited.sent, invited.expires_at)));
    }
    for case in &cases {
        assert_eq!(case.0, cases[0].0);
        // Reading whether an account is a member needs an account: nobody but those who may invite sees that call.
        let without = |seen: &Seen| seen.1.iter().filter(|(name, _)| **name != "store.membership").count();
        assert_eq!(without(case), without(&cases[0]));
    }
}

/// An invitation is the same for whoever got it, until its token proves the mailbox: then who has an account is told so, after
/// the same work.
#[tokio::test]
async fn an_invitation_looks_and_costs_the_same_whoever_was_invited() {
    let mut town = Town::new().await;
    people(&town.world).await;
    town.world.journeys = town.world.journeys.clone().with_organizations(town.organizations.clone());
    let (world, olga) = (&town.world, person(town.olga));
    let (mut shown, mut refused, mut accepted) = (Vec::new(), Vec::new(), Vec::new());
    for who in PEOPLE {
        let mut tokens = Vec::new();
        for _ in 0..2 {
            town.organizations.invite(&olga, town.acme, who, names(&["member"]), Vec::new()).await.unwrap();
            let mail = world.mail_to(who).await.unwrap();
            tokens.push(Secret::from(mail.parameters["token"].as_str()));
        }
        let [replaced, token] = &tokens[..] else { unreachable!() };
        world.probe.clear();
        let invited = world.journeys.invitation(token).await.unwrap().unwrap();
        shown.push(seen(world, who, &invited));
        refused.push(accept(world, who, replaced).await);
        accepted.push(accept(world, who, token).await);
    }
    assert!(shown.iter().all(|it| it == &shown[0]), "{shown:#?}");
    assert!(refused.iter().all(|it| it == &refused[0]), "{refused:#?}");
    assert!(refused[0].0.contains("Invitation"), "{refused:?}");
    let told = |(answer, _): &Seen| answer.contains("AlreadyRegistered");
    assert_eq!(accepted.iter().map(told).collect::<Vec<_>>(), [true, true, false, false]);
    for (_, calls) in &accepted {
        assert_eq!(calls.get("hasher.hash"), Some(&1), "{calls:?}");
    }
}

async fn accept(world: &World, who: &str, token: &Secret) -> Seen {
    let browser = world.browser();
    let visitor = visitor(&browser);
    let handle = world.journeys.begin_invitation(&visitor, Requirements::default()).await.unwrap().0;
    let acceptance = Acceptance::new(token.clone()).with_password(PASSWORD);
    world.probe.clear();
    let step = world.journeys.answer(&handle, &visitor, Answer::AcceptInvitation(acceptance)).await.unwrap();
    seen(world, who, &step)
}

/// A hasher that does not bother with the hash of nobody's password.
#[derive(Debug)]
struct Lazy {
    counted: Arc<dyn PasswordHasher>,
    decoy: OnceLock<String>,
}

impl PasswordHasher for Lazy {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        let hash = self.counted.hash(password)?;
        // The first hash of a password factor is the one that stands for those that are not there.
        self.decoy.get_or_init(|| hash.clone());
        Ok(hash)
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        self.decoy.get().is_none_or(|decoy| decoy != hash) && self.counted.verify(password, hash)
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        self.counted.needs_rehash(hash)
    }

    fn recognises(&self, hash: &str) -> bool {
        self.counted.recognises(hash)
    }
}

/// What the test above is worth: without the dummy hash it fails.
#[tokio::test]
async fn without_the_hash_of_nobodys_password_it_shows() {
    let mut world = World::new().await;
    people(&world).await;
    let counted = world.probe.hasher(Arc::new(Argon2idHasher::dangerous_fast().unwrap()));
    let lazy = Arc::new(Lazy { counted, decoy: OnceLock::new() });
    let password = PasswordFactor::new(&world.ports, lazy).await.unwrap();
    world.journeys = Journeys::new(world.ports.clone(), world.sessions.clone(), password);
    let different = different(&world, Flow::SignIn).await;
    let who: Vec<&str> = different.iter().map(|(who, ..)| *who).collect();
    assert_eq!(who, ["bare@example.com", "maybe@example.com", "nobody@example.com"]);
    for (_, known, other) in different {
        assert_eq!(known.0, other.0, "the answers are still the same");
        assert_eq!(known.1.get("hasher.verify"), Some(&1));
        assert_eq!(other.1.get("hasher.verify"), None);
    }
}
