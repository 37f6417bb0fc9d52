//! What is to be done, shown and signed for.

use ciam_core::crypto::ring;
use ciam_core::journey::{Answer, Step};
use ciam_core::ratelimit::Limit;
use ciam_core::secret::Secret;
use ciam_core::session::Authenticated;
use ciam_mfa::event::TRANSACTION_CONFIRMED;
use ciam_mfa::transaction::{
    SignedTransaction, TransactionDetails, TransactionError, TransactionOffer, Transactions,
};
use ciam_mfa::webauthn::{AuthenticationResponse, WebauthnError};
use futures_util::future::join_all;
use serde::Deserialize as _;
use serde_json::{Value, json};
use time::Duration;

use crate::authenticator::{Authenticator, PRESENT};
use crate::passkeys::{person, relying_party, world};
use crate::world::World;

const ADA: &str = "ada@example.com";

fn payment(amount: &str) -> TransactionDetails {
    let details = json!([{
        "type": "payment_initiation", "locations": ["https://bank.example/payments"],
        "instructedAmount": { "currency": "EUR", "amount": amount }, "creditorName": "Merchant A",
    }]);
    TransactionDetails::parse(&details.to_string()).unwrap()
}

fn transactions(world: &World) -> Transactions {
    Transactions::new(world.ports.clone(), relying_party())
}

async fn begun(world: &World, current: &Authenticated, amount: &str) -> (TransactionOffer, Value) {
    let offer = transactions(world).begin(current, payment(amount)).await.unwrap();
    let options = serde_json::to_value(&offer.options).unwrap();
    (offer, options)
}

async fn confirm(
    world: &World,
    current: &Authenticated,
    transaction: &Secret,
    answer: &Value,
) -> Result<SignedTransaction, TransactionError> {
    let response = AuthenticationResponse::deserialize(answer).unwrap();
    transactions(world).confirm(current, transaction, &response).await
}

#[tokio::test]
async fn what_was_shown_is_what_was_signed_and_can_be_shown_for_ever() {
    let world = world().await;
    let (account, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let current = world.signed_in(ADA).await;
    let (offer, options) = begun(&world, &current, "123.50").await;
    assert_eq!(offer.details.items()[0]["instructedAmount"]["amount"], "123.50");
    assert_eq!(options["userVerification"], "required");
    let signed = confirm(&world, &current, &offer.transaction, &authenticator.get(&options)).await.unwrap();
    assert_eq!((signed.account, &signed.details), (account.id, &payment("123.50")));

    // Years later, from what was kept.
    let kept = serde_json::to_value(&signed).unwrap();
    let read = |change: &dyn Fn(&mut Value)| {
        let mut kept = kept.clone();
        change(&mut kept);
        let read: SignedTransaction = serde_json::from_value(kept).unwrap();
        read.verify(&relying_party(), &*ring())
    };
    assert_eq!(read(&|_| {}), Ok(()));
    let other = payment("999.50");
    assert_eq!(
        read(&|it| it["details"] = json!(other.as_str())),
        Err(WebauthnError::Challenge),
        "another amount"
    );
    assert_eq!(read(&|it| it["nonce"] = json!("AAAA")), Err(WebauthnError::Challenge));
    // The bit that says that the person was verified.
    let unverified = |it: &mut Value| {
        let field = &mut it["response"]["response"]["authenticatorData"];
        let mut data = ciam_core::encoding::base64url::decode(field.as_str().unwrap()).unwrap();
        data[32] &= !crate::authenticator::VERIFIED;
        *field = json!(ciam_core::encoding::base64url::encode(&data));
    };
    assert_eq!(read(&unverified), Err(WebauthnError::UserVerification));
    let stranger = ciam_core::id::AccountId::from_uuid(uuid::Uuid::from_u128(5));
    assert_eq!(read(&|it| it["account"] = json!(stranger)), Err(WebauthnError::UserHandle));
    let forged = |it: &mut Value| {
        let signature = it["response"]["response"]["signature"].as_str().unwrap().to_owned();
        let swapped = signature.replacen(['A', 'B'], "C", 1);
        it["response"]["response"]["signature"] =
            json!(if swapped == signature { "AAAA".to_owned() } else { swapped });
    };
    assert!(read(&forged).is_err());

    let events = world.events().await;
    let event = events.iter().find(|it| it.event_type == TRANSACTION_CONFIRMED).unwrap();
    assert_eq!(event.data["types"], json!(["payment_initiation"]));
    assert!(!format!("{event:?} {signed:?}").contains("Merchant"), "what was bought is nobody's business");
}

#[tokio::test]
async fn a_signature_is_for_its_transaction_its_session_and_its_time() {
    let world = world().await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let (current, other) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    let code = |result: Result<SignedTransaction, TransactionError>| result.unwrap_err().code();

    // Of one amount for another.
    let (cheap, cheap_options) = begun(&world, &current, "1.00").await;
    let (dear, _) = begun(&world, &current, "1000.00").await;
    let answer = authenticator.get(&cheap_options);
    assert_eq!(code(confirm(&world, &current, &dear.transaction, &answer).await), "refused");
    // In another session, and by somebody else: and it is still there for its own.
    assert_eq!(code(confirm(&world, &other, &cheap.transaction, &answer).await), "not_found");
    confirm(&world, &current, &cheap.transaction, &answer).await.unwrap();
    assert_eq!(code(confirm(&world, &current, &cheap.transaction, &answer).await), "not_found");
    // Too late.
    let (late, options) = begun(&world, &current, "1.00").await;
    world.clock.advance(Duration::minutes(5));
    let answer = authenticator.get(&options);
    assert_eq!(code(confirm(&world, &current, &late.transaction, &answer).await), "not_found");

    // Ways to cheat with the answer.
    let user = authenticator.user.clone();
    let cheats: Vec<(&str, Authenticator)> = vec![
        ("another origin", authenticator.but(|it| it.origin = "https://evil.test".to_owned())),
        ("nobody verified", authenticator.but(|it| it.flags = PRESENT | 0x18)),
        ("another key", authenticator.with_another_key()),
        ("another credential", authenticator.but(|it| it.id = b"credential-2".to_vec())),
        ("another account", authenticator.but(|it| it.user = vec![1; 16])),
        ("a registration", authenticator.but(|it| it.kind = Some("webauthn.create"))),
        ("in a frame", authenticator.but(|it| it.cross_origin = Some(true))),
    ];
    for (name, mut cheat) in cheats {
        let (offer, options) = begun(&world, &current, "1.00").await;
        let answer = cheat.get(&options);
        assert_eq!(code(confirm(&world, &current, &offer.transaction, &answer).await), "refused", "{name}");
        // It is used up, whatever the answer was.
        let right = authenticator.but(|it| it.user = user.clone()).get(&options);
        assert_eq!(code(confirm(&world, &current, &offer.transaction, &right).await), "not_found", "{name}");
    }
}

/// The answer to a sign-in confirms nothing, and the answer to a transaction signs nobody in.
#[tokio::test]
async fn a_signature_of_one_kind_is_none_of_the_other() {
    let world = world().await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let current = world.signed_in(ADA).await;
    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, "urn:ciam:acr:aal2").await;
    let Step::Challenge(ciam_core::journey::Challenge::Factor { data, .. }) = step else {
        panic!("{step:?}")
    };
    let (offer, options) = begun(&world, &current, "1.00").await;
    let of_sign_in = authenticator.get(&data);
    let of_transaction = authenticator.get(&options);
    let refused = confirm(&world, &current, &offer.transaction, &of_sign_in).await.unwrap_err();
    assert!(matches!(refused, TransactionError::Refused(WebauthnError::Challenge)), "{refused:?}");
    let step = world.answer(&browser, &handle, Answer::factor("passkey", of_transaction)).await;
    assert!(matches!(step, Step::Refused(_)), "{step:?}");
}

#[tokio::test]
async fn of_a_hundred_who_confirm_at_once_one_succeeds() {
    let world = world().await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let current = world.signed_in(ADA).await;
    let (offer, options) = begun(&world, &current, "1.00").await;
    let answer = authenticator.get(&options);
    let all = join_all((0..100).map(|_| confirm(&world, &current, &offer.transaction, &answer))).await;
    assert_eq!(all.iter().filter(|it| it.is_ok()).count(), 1);
    let events = world.events().await;
    assert_eq!(events.iter().filter(|it| it.event_type == TRANSACTION_CONFIRMED).count(), 1);
}

#[tokio::test]
async fn who_has_no_passkey_or_begins_too_many_is_told_so() {
    let world = world().await;
    world.account("bob@example.com").await;
    let bob = world.signed_in("bob@example.com").await;
    let none = transactions(&world).begin(&bob, payment("1.00")).await.unwrap_err();
    assert_eq!(none.code(), "no_passkey");
    person(&world, ADA, b"credential-1").await;
    let current = world.signed_in(ADA).await;
    let few = transactions(&world).with_limit(Limit::new("mfa.transaction", 2, Duration::hours(1)));
    for expected in [Ok(()), Ok(()), Err("too_many")] {
        let begun = few.begin(&current, payment("1.00")).await.map(drop);
        assert_eq!(begun.map_err(|error| error.code()), expected);
    }
}
