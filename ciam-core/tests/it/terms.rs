//! Publishing and accepting terms.

use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::actor::Actor;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::terms::{
    AcceptTermsError, AcceptedHow, DocumentName, PublishTermsError, Terms, TermsText, TermsVersion,
};

fn document() -> DocumentName {
    DocumentName::new("terms-of-service").unwrap()
}

async fn published(ports: &Ports) -> Terms {
    let terms = Terms::new(ports.clone());
    let version = TermsVersion::new(document(), "1", ports.now())
        .with_text("en", TermsText::of("be kind"))
        .with_text("de", TermsText::of("sei nett"));
    terms.publish(version, &Actor::system("test")).await.unwrap();
    terms
}

#[tokio::test]
async fn an_acceptance_proves_what_was_shown_and_is_never_changed() {
    let ports = memory::ports();
    let terms = published(&ports).await;
    let email = Identifier::verified(IdentifierKey::email("ada@example.com").unwrap(), ports.now());
    let account = NewAccount::new(email).create(&ports).await.unwrap();
    let languages = ["de-AT".to_owned()];

    assert_eq!(terms.due(account.id).await.unwrap().len(), 1);
    terms.accept(account.id, &document(), "1", &languages, AcceptedHow::SignIn).await.unwrap();
    assert_eq!(terms.due(account.id).await.unwrap(), []);
    terms.accept(account.id, &document(), "1", &[], AcceptedHow::AccountPage).await.unwrap();

    let accepted = terms.accepted(account.id).await.unwrap();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].how, AcceptedHow::SignIn, "the first acceptance counts");
    assert_eq!(accepted[0].locale.as_deref(), Some("de"));
    assert_eq!(accepted[0].digest, Some(TermsText::of("sei nett").digest));
}

#[tokio::test]
async fn a_version_is_published_once() {
    let ports = memory::ports();
    let terms = published(&ports).await;
    let again = TermsVersion::new(document(), "1", ports.now()).with_text("en", TermsText::of("other"));
    let refused = terms.publish(again, &Actor::system("test")).await;
    assert!(matches!(refused, Err(PublishTermsError::Published)));
    let refused =
        terms.publish(TermsVersion::new(document(), "a|b", ports.now()), &Actor::system("test")).await;
    assert!(matches!(refused, Err(PublishTermsError::Invalid)));
}

#[tokio::test]
async fn a_version_that_does_not_exist_cannot_be_accepted() {
    let ports = memory::ports();
    let terms = published(&ports).await;
    let id = ciam_core::id::AccountId::generate(ports.clock(), ports.entropy()).unwrap();
    let refused = terms.accept(id, &document(), "2", &[], AcceptedHow::SignIn).await;
    assert!(matches!(refused, Err(AcceptTermsError::Unknown)));
}
