//! Several identifiers for one account: proved where they were asked for, given up with a way back, nobody else's meanwhile.

use std::collections::BTreeMap;

use ciam_core::account::identifiers::{ChangeHandle, PendingIdentifier, RevertError};
use ciam_core::account::schema::Party;
use ciam_core::account::{
    Account, Identifier, IdentifierKey, IdentifierKind, NewAccount, Owner, OwnerError, ProfileChangeError,
};
use ciam_core::actor::Actor;
use ciam_core::id::AccountId;
use ciam_core::journey::SignedIn;
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use ciam_core::session::Authenticated;
use futures_util::future::{join, join_all};
use serde_json::json;
use time::Duration;

use crate::world::{PASSWORD, World, done, refusal};

fn email(text: &str) -> IdentifierKey {
    IdentifierKey::email(text).unwrap()
}

struct Person {
    signed_in: SignedIn,
    current: Authenticated,
}

async fn person(world: &World, address: &str) -> Person {
    let signed_in = world.registered(address).await;
    let current = world.authenticated(&signed_in).await.unwrap();
    Person { signed_in, current }
}

impl Person {
    fn owner(&self) -> Owner<'_> {
        Owner::new(&self.current)
    }

    async fn look_again(&mut self, world: &World) {
        self.current = world.authenticated(&self.signed_in).await.unwrap();
    }

    async fn begun(&self, world: &World, new: &str, replaces: Option<&str>) -> (PendingIdentifier, String) {
        let replaces = replaces.map(email);
        let pending =
            world.accounts.add_identifier(&self.owner(), &email(new), replaces.as_ref()).await.unwrap();
        let message = world.mail_to(new).await.unwrap();
        (pending, message.parameters.get("code").cloned().unwrap_or_default())
    }

    /// Changes their address, and gives the token of the link that goes to the old one.
    async fn moved(&mut self, world: &World, old: &str, new: &str) -> Secret {
        let (pending, code) = self.begun(world, new, Some(old)).await;
        world.accounts.confirm_identifier(&self.owner(), &pending.handle, &code.into()).await.unwrap();
        let message = world.mail_to(old).await.unwrap();
        assert_eq!(message.code, MessageCode::IdentifierGone);
        self.look_again(world).await;
        message.parameters["revert"].as_str().into()
    }
}

async fn stored(world: &World, id: AccountId) -> Account {
    world.ports.store().account(id).await.unwrap().unwrap().value
}

fn held(account: &Account) -> Vec<&str> {
    account.held().map(|known| known.key.as_str()).collect()
}

fn code_of<T: std::fmt::Debug>(result: Result<T, OwnerError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn an_address_is_proved_at_the_new_and_told_to_the_old() {
    let world = World::new().await;
    let mut ada = person(&world, "old@example.com").await;
    let id = ada.current.account.value.id;
    let (pending, code) = ada.begun(&world, "new@example.com", Some("old@example.com")).await;
    assert_eq!(held(&stored(&world, id).await), ["old@example.com"], "nothing changes before the proof");
    assert_eq!(refusal(world.sign_in(&world.browser(), "new@example.com", PASSWORD).await), "credentials");
    // Looking at the page is no proof.
    world.accounts.pending_identifier(&ada.current, &pending.handle).await.unwrap();
    assert_eq!(held(&stored(&world, id).await), ["old@example.com"]);
    world.events().await;

    world.accounts.confirm_identifier(&ada.owner(), &pending.handle, &code.into()).await.unwrap();
    let account = stored(&world, id).await;
    assert_eq!(held(&account), ["new@example.com"]);
    assert!(account.identifier(IdentifierKind::Email).unwrap().is_verified());
    done(world.sign_in(&world.browser(), "new@example.com", PASSWORD).await);
    assert_eq!(refusal(world.sign_in(&world.browser(), "old@example.com", PASSWORD).await), "credentials");
    let events = world.events().await;
    let changed = events.iter().find(|it| it.event_type.as_str() == "ciam.identifier.changed.v1").unwrap();
    assert_eq!(changed.data["change"], "replaced");
    assert!(!serde_json::to_string(&events).unwrap().contains("example.com"), "an address in an event");
    let message = world.notifier.last_to("old@example.com").unwrap();
    assert_eq!((message.code, &*message.parameters["hours"]), (MessageCode::IdentifierGone, "72"));
    ada.look_again(&world).await;
}

#[tokio::test]
async fn whoever_has_lost_their_address_takes_it_back_and_the_thief_is_out() {
    let world = World::new().await;
    let mut ada = person(&world, "old@example.com").await;
    let id = ada.current.account.value.id;
    let token = ada.moved(&world, "old@example.com", "thief@example.com").await;
    world.clock.advance(Duration::hours(71));
    let again = done(world.sign_in(&world.browser(), "thief@example.com", PASSWORD).await);
    // Looking at the page with the button takes nothing back.
    assert_eq!(world.accounts.revertible(&token).await.unwrap(), email("old@example.com"));
    assert_eq!(held(&stored(&world, id).await), ["thief@example.com"]);

    world.probe.interleave();
    let (one, two) =
        join(world.accounts.revert_identifier(&token), world.accounts.revert_identifier(&token)).await;
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
    assert_eq!(held(&stored(&world, id).await), ["old@example.com"]);
    assert!(world.authenticated(&again).await.is_none(), "the thief's session lives on");
    assert_eq!(refusal(world.sign_in(&world.browser(), "thief@example.com", PASSWORD).await), "credentials");
    done(world.sign_in(&world.browser(), "old@example.com", PASSWORD).await);
    let replayed = world.accounts.revert_identifier(&token).await;
    assert!(matches!(replayed, Err(RevertError::Unknown)), "{replayed:?}");
}

#[tokio::test]
async fn an_address_that_was_given_up_is_nobodys_for_a_while_and_then_anybodys() {
    let world = World::new().await;
    let mut ada = person(&world, "old@example.com").await;
    let token = ada.moved(&world, "old@example.com", "new@example.com").await;
    // By registration: the same answer as always, and no code.
    world.begun_registration(&world.browser(), "old@example.com").await;
    assert_eq!(world.mail_to("old@example.com").await.unwrap().code, MessageCode::AccountExists);
    // By another account.
    let bob = person(&world, "bob@example.com").await;
    let (_, code) = bob.begun(&world, "old@example.com", None).await;
    assert_eq!(code, "");
    // By an administrator.
    let verified = Identifier::verified(email("old@example.com"), world.ports.now());
    assert!(NewAccount::new(verified.clone()).create(&world.ports).await.is_err());

    world.clock.advance(Duration::hours(72));
    let late = world.accounts.revert_identifier(&token).await;
    assert!(matches!(late, Err(RevertError::Unknown)), "{late:?}");
    assert_eq!(world.accounts.settle_due(10).await.unwrap(), 1);
    NewAccount::new(verified).create(&world.ports).await.unwrap();
}

#[tokio::test]
async fn codes_that_are_wrong_used_late_or_foreign_get_one_answer() {
    let world = World::new().await;
    let ada = person(&world, "ada@example.com").await;
    let bob = person(&world, "bob@example.com").await;
    let (pending, code) = ada.begun(&world, "new@example.com", None).await;
    let confirm = async |owner: &Owner<'_>, handle: &ChangeHandle, code: &str| {
        world.accounts.confirm_identifier(owner, handle, &code.into()).await
    };
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_eq!(code_of(confirm(&ada.owner(), &pending.handle, wrong).await), "code");
    assert_eq!(code_of(confirm(&bob.owner(), &pending.handle, &code).await), "code", "another person");
    let elsewhere = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    let elsewhere = world.authenticated(&elsewhere).await.unwrap();
    let other = Owner::new(&elsewhere);
    assert_eq!(code_of(confirm(&other, &pending.handle, &code).await), "code", "another browser");
    let unknown = ChangeHandle::from_text("never-heard-of");
    assert_eq!(code_of(confirm(&ada.owner(), &unknown, &code).await), "code");

    confirm(&ada.owner(), &pending.handle, &code).await.unwrap();
    let now = world.authenticated(&ada.signed_in).await.unwrap();
    assert_eq!(code_of(confirm(&Owner::new(&now), &pending.handle, &code).await), "code", "used");
    let (late, code) = ada.begun(&world, "later@example.com", None).await;
    world.clock.advance(Duration::minutes(15));
    assert_eq!(code_of(confirm(&Owner::new(&now), &late.handle, &code).await), "code", "too old");
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_five() {
    let world = World::new().await;
    let ada = person(&world, "ada@example.com").await;
    let (pending, code) = ada.begun(&world, "new@example.com", None).await;
    let wrong: Vec<Secret> =
        (0..100).map(|n| format!("{n:06}")).filter(|it| *it != code).map(Secret::from).collect();
    let owner = ada.owner();
    let guesses = wrong.iter().map(|it| world.accounts.confirm_identifier(&owner, &pending.handle, it));
    assert!(join_all(guesses).await.iter().all(|it| matches!(it, Err(OwnerError::Code))));
    let late = world.accounts.confirm_identifier(&owner, &pending.handle, &code.into()).await;
    assert_eq!(code_of(late), "code", "the right one comes too late");
}

/// The response and every port call are the same, whether or not somebody has the address.
#[tokio::test]
async fn adding_an_address_does_not_tell_whether_somebody_has_it() {
    let world = World::new().await;
    person(&world, "taken@example.com").await;
    let ada = person(&world, "ada@example.com").await;
    let mut seen = Vec::new();
    for address in ["taken@example.com", "fresh@example.com"] {
        world.probe.clear();
        let pending = world.accounts.add_identifier(&ada.owner(), &email(address), None).await.unwrap();
        let guessed =
            world.accounts.confirm_identifier(&ada.owner(), &pending.handle, &"123456".into()).await;
        let calls: Vec<_> = world.probe.calls();
        seen.push((format!("{} {guessed:?}", pending.digits), calls));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(world.mail_to("taken@example.com").await.unwrap().code, MessageCode::IdentifierInUse);
    assert_eq!(world.mail_to("fresh@example.com").await.unwrap().code, MessageCode::ConfirmIdentifier);
}

#[tokio::test]
async fn of_two_accounts_that_prove_one_address_one_gets_it() {
    let world = World::new().await;
    let ada = person(&world, "ada@example.com").await;
    let bob = person(&world, "bob@example.com").await;
    let (for_ada, ada_code) = ada.begun(&world, "shared@example.com", None).await;
    let (for_bob, bob_code) = bob.begun(&world, "shared@example.com", None).await;
    let (ada_code, bob_code): (Secret, Secret) = (ada_code.into(), bob_code.into());
    let (ada, bob) = (ada.owner(), bob.owner());
    world.probe.interleave();
    let (one, two) = join(
        world.accounts.confirm_identifier(&ada, &for_ada.handle, &ada_code),
        world.accounts.confirm_identifier(&bob, &for_bob.handle, &bob_code),
    )
    .await;
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
    let lost = if one.is_err() { one } else { two };
    assert_eq!(code_of(lost), "taken");
}

/// Two removals at once cannot leave an account without anything to reach its owner by.
#[tokio::test]
async fn of_two_removals_at_once_the_last_one_fails() {
    let world = World::new().await;
    let mut ada = person(&world, "one@example.com").await;
    let (pending, code) = ada.begun(&world, "two@example.com", None).await;
    world.accounts.confirm_identifier(&ada.owner(), &pending.handle, &code.into()).await.unwrap();
    ada.look_again(&world).await;
    let owner = ada.owner();
    let (first, second) = (email("one@example.com"), email("two@example.com"));
    world.probe.interleave();
    let (one, two) = join(
        world.accounts.remove_identifier(&owner, &first),
        world.accounts.remove_identifier(&owner, &second),
    )
    .await;
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
    assert_eq!(held(&stored(&world, owner.current.account.value.id).await).len(), 1);
}

#[tokio::test]
async fn the_primary_address_is_chosen_and_an_old_session_proves_itself_first() {
    let world = World::new().await;
    let mut ada = person(&world, "one@example.com").await;
    let (pending, code) = ada.begun(&world, "two@example.com", None).await;
    world.accounts.confirm_identifier(&ada.owner(), &pending.handle, &code.into()).await.unwrap();
    assert_eq!(world.mail_to("one@example.com").await.unwrap().code, MessageCode::IdentifierAdded);
    ada.look_again(&world).await;
    let account = world.accounts.make_primary(&ada.owner(), &email("two@example.com")).await.unwrap();
    assert_eq!(held(&account), ["two@example.com", "one@example.com"]);
    world.clock.advance(Duration::minutes(6));
    ada.look_again(&world).await;
    let key = email("one@example.com");
    assert_eq!(code_of(world.accounts.make_primary(&ada.owner(), &key).await), "needs_proof");
    assert_eq!(code_of(world.accounts.remove_identifier(&ada.owner(), &key).await), "needs_proof");
    assert_eq!(
        code_of(world.accounts.add_identifier(&ada.owner(), &email("x@example.com"), None).await),
        "needs_proof"
    );
    assert_eq!(code_of(world.accounts.set_username(&ada.owner(), "ada").await), "needs_proof");
    let password = PASSWORD.into();
    world.accounts.make_primary(&ada.owner().with_password(&password), &key).await.unwrap();
}

#[tokio::test]
async fn changes_are_limited() {
    let world = World::new().await;
    let ada = person(&world, "ada@example.com").await;
    let mut answers = Vec::new();
    for n in 0..12 {
        let key = email(&format!("n{n}@example.com"));
        answers.push(world.accounts.add_identifier(&ada.owner(), &key, None).await.map(|_| ()));
    }
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 10);
    // And what many accounts send to one address.
    let mut sent = 0;
    for n in 0..7 {
        let other = person(&world, &format!("p{n}@example.com")).await;
        let begun = world.accounts.add_identifier(&other.owner(), &email("victim@example.com"), None).await;
        sent += usize::from(begun.is_ok());
    }
    assert_eq!(sent, 5);
}

#[tokio::test]
async fn names_are_not_those_of_the_house_and_look_like_nobody_elses() {
    let world = World::new().await;
    let mut ada = person(&world, "ada@example.com").await;
    let bob = person(&world, "bob@example.com").await;
    for (name, code) in [
        ("admin", "reserved_name"),
        ("Adm1n", "reserved_name"),
        ("\u{430}dmin", "reserved_name"),
        ("ada@example.com", "malformed"),
        (&"x".repeat(10_000), "malformed"),
    ] {
        assert_eq!(code_of(world.accounts.set_username(&ada.owner(), name).await), code, "{name:.20}");
    }
    world.accounts.set_username(&ada.owner(), "Lovelace").await.unwrap();
    ada.look_again(&world).await;
    done(world.sign_in(&world.browser(), "lovelace", PASSWORD).await);
    for twin in ["lovelace", "LOVELACE", "love.lace", "l0velace", "lov\u{435}lace"] {
        assert_eq!(code_of(world.accounts.set_username(&bob.owner(), twin).await), "taken", "{twin}");
    }
    // Another name: the one of before stays reserved, for everybody but its owner.
    world.accounts.set_username(&ada.owner(), "countess").await.unwrap();
    ada.look_again(&world).await;
    assert_eq!(refusal(world.sign_in(&world.browser(), "lovelace", PASSWORD).await), "credentials");
    assert_eq!(code_of(world.accounts.set_username(&bob.owner(), "love_lace").await), "taken");
    world.accounts.set_username(&ada.owner(), "lovelace").await.unwrap();
}

#[tokio::test]
async fn a_profile_changes_by_the_schema_and_names_what_it_refuses() {
    let world = World::new().await;
    let ada = person(&world, "ada@example.com").await;
    let changes = |pairs: &[(&str, serde_json::Value)]| -> BTreeMap<String, serde_json::Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let long =
        changes(&[("name", json!("x".repeat(10_000))), ("locale", json!("de")), ("role", json!("admin"))]);
    let refused = world.accounts.change_profile(&ada.owner(), &long).await;
    let Err(ProfileChangeError::Refused(errors)) = refused else { panic!("{refused:?}") };
    assert_eq!(errors.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["name", "role"]);
    let id = ada.current.account.value.id;
    assert_eq!(stored(&world, id).await.profile.text("name"), Some("Ada"), "nothing is lost");

    world.events().await;
    // Two forms at once that change different things: both stay.
    let (one, two) = (changes(&[("name", json!("Augusta"))]), changes(&[("locale", json!("de"))]));
    let (by, owner) = (Actor::system("test"), ada.owner());
    world.probe.interleave();
    let (first, second) = join(
        world.accounts.change_profile(&owner, &one),
        world.accounts.change_profile_of(id, &two, Party::Administrator, &by),
    )
    .await;
    first.unwrap();
    second.unwrap();
    let profile = stored(&world, id).await.profile;
    assert_eq!((profile.text("name"), profile.text("locale")), (Some("Augusta"), Some("de")));
    let events = world.events().await;
    assert!(
        events.iter().any(|it| it.data["attributes"] == json!(["locale"]) && it.data["by"] == "system:test")
    );
    assert_eq!(events.len(), 2);
}
