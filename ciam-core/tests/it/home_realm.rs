//! An organization says how the people of its domains sign in.

use std::collections::BTreeSet;
use std::sync::Arc;

use ciam_core::assurance::Acr;
use ciam_core::journey::{
    Answer, Challenge, JourneyHandle, Methods, Registration, Requirements, SignInMethod, Step,
};
use ciam_core::organization::OrganizationPolicy;
use time::Duration;

use crate::organization_domains::Zone;
use crate::organizations::TENANT;
use crate::pin::{Pin, enrol_pin};
use crate::world::{PASSWORD, World, done, refusal, visitor};

const ADA: &str = "ada@acme.example";

/// A world in which Acme has proved `acme.example`, demands this, and Ada has an account there.
async fn zone(demand: impl FnOnce(&mut OrganizationPolicy)) -> Zone {
    let mut zone = Zone::new().await;
    zone.verified("acme.example").await;
    let mut policy = OrganizationPolicy::default();
    demand(&mut policy);
    zone.town.organizations.set_policy(&TENANT, zone.town.acme, &policy).await.unwrap();
    zone.town.world.registered(ADA).await;
    zone.town.world.registered("bob@elsewhere.example").await;
    let world = &mut zone.town.world;
    world.journeys = world.journeys.clone().with_organizations(zone.town.organizations.clone());
    zone
}

async fn step(
    world: &World,
    handle: &JourneyHandle,
    answer: Answer,
    browser: &ciam_core::http::BrowserId,
) -> Step {
    world.journeys.answer(handle, &visitor(browser), answer).await.unwrap()
}

async fn begun(world: &World) -> (ciam_core::http::BrowserId, JourneyHandle) {
    let browser = world.browser();
    let (handle, _) =
        world.journeys.begin_sign_in(&visitor(&browser), Requirements::default()).await.unwrap();
    (browser, handle)
}

fn offered(step: &Step) -> (Option<String>, Methods, Option<String>) {
    match step {
        Step::Challenge(Challenge::Credentials { login_hint, methods, organization, .. }) => {
            (login_hint.clone(), methods.clone(), organization.clone())
        }
        other => panic!("no credentials: {other:?}"),
    }
}

#[tokio::test]
async fn an_identifier_alone_says_how_its_people_sign_in() {
    let zone = zone(|policy| policy.methods = BTreeSet::from(["email".to_owned()])).await;
    let world = &zone.town.world;
    let (browser, handle) = begun(world).await;
    let at_home = offered(&step(world, &handle, Answer::identify(" Ada@ACME.example"), &browser).await);
    let by_mail = Methods::of([SignInMethod::EmailCode]);
    assert_eq!(at_home, (Some("Ada@ACME.example".to_owned()), by_mail, Some("Acme Ltd".to_owned())));
    let elsewhere = offered(&step(world, &handle, Answer::identify("bob@elsewhere.example"), &browser).await);
    assert_eq!(elsewhere.1, Methods::default(), "another domain, in the same journey");
    assert_eq!(elsewhere.2, None);
}

#[tokio::test]
async fn a_method_that_does_not_count_is_refused_whoever_it_is() {
    let zone = zone(|policy| policy.methods = BTreeSet::from(["email".to_owned()])).await;
    let world = &zone.town.world;
    let mut seen = Vec::new();
    for who in [ADA, "nobody@acme.example"] {
        let (browser, handle) = begun(world).await;
        world.probe.clear();
        let answer = step(world, &handle, Answer::credentials(who, PASSWORD), &browser).await;
        assert_eq!(refusal(answer), "method", "{who}");
        seen.push(world.probe.counts());
        // The way that counts goes on.
        let answer = step(world, &handle, Answer::send_code(who), &browser).await;
        assert!(matches!(answer, Step::Challenge(Challenge::Code { .. })), "{answer:?}");
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].get("hasher.verify"), None, "no password is looked at");
    let browser = world.browser();
    done(world.sign_in(&browser, "bob@elsewhere.example", PASSWORD).await);
}

#[tokio::test]
async fn an_identifier_tells_nothing_of_accounts() {
    let zone = zone(|policy| policy.acr = Some(Acr::new("urn:ciam:acr:aal2"))).await;
    let world = &zone.town.world;
    let mut seen = Vec::new();
    for who in [ADA, "nemo@acme.example"] {
        let (browser, handle) = begun(world).await;
        world.probe.clear();
        let answer = step(world, &handle, Answer::identify(who), &browser).await;
        seen.push((format!("{answer:?}").replace(who, "somebody"), world.probe.counts()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1.get("store.account_by_identifier"), None, "no account is looked for");
}

#[tokio::test]
async fn the_level_that_the_organization_demands_is_asked_for() {
    let mut zone = zone(|policy| policy.acr = Some(Acr::new("urn:ciam:acr:aal2"))).await;
    let world = &mut zone.town.world;
    world.journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let ada = world.registered("ada2@acme.example").await.account;
    let bob = world.registered("bob2@elsewhere.example").await.account;
    for account in [&ada, &bob] {
        enrol_pin(world, account).await;
    }
    let browser = world.browser();
    let at_home = world.sign_in(&browser, "ada2@acme.example", PASSWORD).await;
    assert!(matches!(at_home, Step::Challenge(Challenge::Factor { .. })), "{at_home:?}");
    done(world.sign_in(&world.browser(), "bob2@elsewhere.example", PASSWORD).await);
}

#[tokio::test]
async fn a_session_of_its_people_ends_as_the_organization_says() {
    let zone = zone(|policy| {
        policy.session_idle = Some(600);
        policy.session_absolute = Some(3600);
    })
    .await;
    let world = &zone.town.world;
    let ada = done(world.sign_in(&world.browser(), ADA, PASSWORD).await);
    let bob = done(world.sign_in(&world.browser(), "bob@elsewhere.example", PASSWORD).await);
    assert_eq!(ada.session.expires_at - ada.session.created_at, Duration::HOUR);
    for _ in 0..5 {
        world.clock.advance(Duration::minutes(9));
        assert!(world.authenticated(&ada).await.is_some(), "in use");
    }
    world.clock.advance(Duration::minutes(11));
    assert!(world.authenticated(&ada).await.is_none(), "idle for too long");
    assert!(world.authenticated(&bob).await.is_some(), "nobody's policy");
    let ada = done(world.sign_in(&world.browser(), ADA, PASSWORD).await);
    for _ in 0..7 {
        world.clock.advance(Duration::minutes(9));
        let _touched = world.authenticated(&ada).await;
    }
    assert!(world.authenticated(&ada).await.is_none(), "over after an hour in any case");
}

async fn connected(connections: &[&str]) -> Zone {
    let mut zone = zone(|policy| policy.connection = Some("acme-login".to_owned())).await;
    let names: BTreeSet<String> = connections.iter().map(ToString::to_string).collect();
    let world = &mut zone.town.world;
    world.journeys = world.journeys.clone().with_connections(Arc::new(names));
    zone
}

#[tokio::test]
async fn people_of_an_organization_with_a_connection_are_sent_there_and_no_password_is_looked_at() {
    let zone = connected(&["acme-login"]).await;
    let world = &zone.town.world;
    let sent = |step: &Step| match step {
        Step::Challenge(Challenge::Connection { connection, organization, login_hint }) => {
            assert_eq!((connection.as_str(), organization.as_str()), ("acme-login", "Acme Ltd"));
            login_hint.clone()
        }
        other => panic!("not sent: {other:?}"),
    };
    let mut seen = Vec::new();
    for who in [ADA, "nobody@acme.example"] {
        for answer in [Answer::identify(who), Answer::credentials(who, PASSWORD), Answer::send_code(who)] {
            let (browser, handle) = begun(world).await;
            world.probe.clear();
            let answer = step(world, &handle, answer, &browser).await;
            assert_eq!(sent(&answer).as_deref(), Some(who));
            seen.push(world.probe.counts().get("hasher.verify").copied());
            assert!(
                world.mail_to(who).await.is_none_or(|it| !it.parameters.contains_key("minutes"))
                    || who == ADA
            );
            // Loaded again, the page says the same; somebody else may sign in here.
            let again = world.journeys.challenge(&handle, &visitor(&browser)).await.unwrap();
            assert!(matches!(again, Challenge::Connection { .. }), "{again:?}");
            let other = Answer::credentials("bob@elsewhere.example", PASSWORD);
            done(step(world, &handle, other, &browser).await);
        }
        let browser = world.browser();
        let at = visitor(&browser);
        let (handle, _) = world.journeys.begin_recovery(&at, Requirements::default()).await.unwrap();
        sent(&world.journeys.answer(&handle, &at, Answer::recover(who)).await.unwrap());
        let (handle, _) = world.journeys.begin_sign_up(&at, Requirements::default()).await.unwrap();
        let registration = Answer::Register(Registration::new(who, PASSWORD));
        sent(&world.journeys.answer(&handle, &at, registration).await.unwrap());
    }
    assert!(seen.iter().all(Option::is_none), "{seen:?}");
}

#[tokio::test]
async fn a_connection_that_there_is_not_lets_nobody_in_another_way() {
    let zone = connected(&["another"]).await;
    let world = &zone.town.world;
    for answer in [Answer::identify(ADA), Answer::credentials(ADA, PASSWORD), Answer::send_code(ADA)] {
        let (browser, handle) = begun(world).await;
        assert_eq!(refusal(step(world, &handle, answer, &browser).await), "connection");
    }
}

#[tokio::test]
async fn who_has_come_from_the_connection_proves_an_older_account_here() {
    let zone = connected(&["acme-login"]).await;
    let world = &zone.town.world;
    let browser = world.browser();
    let at = visitor(&browser);
    let requirements = Requirements::default().proved_here();
    let (handle, _) = world.journeys.begin_sign_in(&at, requirements).await.unwrap();
    done(world.journeys.answer(&handle, &at, Answer::credentials(ADA, PASSWORD)).await.unwrap());
}
