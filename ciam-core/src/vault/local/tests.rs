use std::error::Error as _;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::error::PortErrorKind;
use crate::id::AccountId;

fn key(byte: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::new(SecretBytes::new((0..32).map(|i| byte ^ i).collect())).unwrap()
}

fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn account(number: u128) -> SealScope {
    SealScope::Account(AccountId::from_uuid(Uuid::from_u128(number)))
}

fn vault() -> LocalKeyVault {
    LocalKeyVault::new(tenant(1), key(7))
}

fn problem(error: &PortError) -> SealedProblem {
    assert_eq!(error.kind(), PortErrorKind::Permanent);
    error.source().unwrap().downcast_ref::<SealedProblem>().unwrap().clone()
}

#[tokio::test]
async fn a_sealed_value_opens_only_in_its_place() {
    let sealed = vault().seal(&account(2), "core.totp", b"seed").await.unwrap();
    assert_eq!(vault().open(&account(2), "core.totp", &sealed).await.unwrap().expose(), b"seed");
    for (vault, scope, purpose, moved) in [
        (LocalKeyVault::new(tenant(9), key(7)), account(2), "core.totp", "to another tenant"),
        (vault(), account(3), "core.totp", "to another account"),
        (vault(), SealScope::Tenant, "core.totp", "to the tenant"),
        (vault(), account(0), "core.totp", "to the nil account"),
        (vault(), account(2), "core.totp2", "to a longer purpose"),
        (vault(), account(2), "core.tot", "to a shorter purpose"),
        (vault(), account(2), "", "to no purpose"),
    ] {
        let error = vault.open(&scope, purpose, &sealed).await.unwrap_err();
        assert_eq!(problem(&error), SealedProblem::Altered, "{moved}");
    }
    // The nil account and the tenant are different scopes.
    let sealed = vault().seal(&SealScope::Tenant, "p", b"x").await.unwrap();
    assert!(vault().open(&account(0), "p", &sealed).await.is_err());
}

#[tokio::test]
async fn every_byte_is_authenticated() {
    let sealed = vault().seal(&SealScope::Tenant, "p", b"secret").await.unwrap();
    let (id, body) = split(sealed.as_str()).unwrap();
    let envelope = base64url::decode(body).unwrap();
    assert_eq!(envelope.len(), SALT_LENGTH + WRAPPED_LENGTH + 6 + AEAD_TAG_LENGTH);
    for position in 0..envelope.len() {
        let mut altered = envelope.clone();
        altered[position] ^= 1;
        let altered = Sealed::from_text(format!("v1.{id}.{}", base64url::encode(&altered)));
        assert!(vault().open(&SealScope::Tenant, "p", &altered).await.is_err(), "byte {position}");
    }
    for length in 0..envelope.len() {
        let cut = Sealed::from_text(format!("v1.{id}.{}", base64url::encode(&envelope[..length])));
        assert!(vault().open(&SealScope::Tenant, "p", &cut).await.is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn other_texts_are_refused() {
    let sealed = vault().seal(&SealScope::Tenant, "p", b"secret").await.unwrap();
    let text = sealed.as_str();
    for (other, expected) in [
        (text.replacen("v1", "v2", 1), SealedProblem::Format),
        (format!("{text}."), SealedProblem::Format),
        (format!("{text}="), SealedProblem::Format),
        (String::new(), SealedProblem::Format),
        (format!("v1.{}.", vault().current.id()), SealedProblem::Format),
        ("v1.other.AAAA".to_owned(), SealedProblem::UnknownKey { id: "other".to_owned() }),
    ] {
        let error = vault().open(&SealScope::Tenant, "p", &Sealed::from_text(other)).await.unwrap_err();
        assert_eq!(problem(&error), expected);
    }
}

#[tokio::test]
async fn equal_values_are_sealed_differently_and_hold_no_plaintext() {
    let text = b"a rather long and recognisable plaintext";
    let first = vault().seal(&SealScope::Tenant, "p", text).await.unwrap();
    let second = vault().seal(&SealScope::Tenant, "p", text).await.unwrap();
    assert_ne!(first, second);
    let (_, body) = split(first.as_str()).unwrap();
    let envelope = base64url::decode(body).unwrap();
    assert!(!envelope.windows(8).any(|window| text.windows(8).any(|part| part == window)));
}

#[tokio::test]
async fn key_encryption_keys_can_be_changed() {
    let (old, new) = (key(1), key(2));
    let before = LocalKeyVault::new(tenant(1), old.clone());
    let sealed = before.seal(&account(5), "p", b"secret").await.unwrap();

    let without = LocalKeyVault::new(tenant(1), new.clone());
    let error = without.open(&account(5), "p", &sealed).await.unwrap_err();
    assert_eq!(problem(&error), SealedProblem::UnknownKey { id: old.id().to_owned() });

    let during = without.clone().with_previous(old);
    assert_eq!(during.open(&account(5), "p", &sealed).await.unwrap().expose(), b"secret");
    let moved = during.reseal(&account(5), "p", &sealed).unwrap().unwrap();
    assert_eq!(without.open(&account(5), "p", &moved).await.unwrap().expose(), b"secret");
    assert_eq!(during.reseal(&account(5), "p", &moved).unwrap(), None);
    assert!(during.reseal(&account(6), "p", &sealed).is_err());
}

#[test]
fn placeholders_are_no_keys() {
    for bytes in [vec![], vec![0; 32], vec![0x41; 32], (0..31).collect(), (0..33).collect()] {
        assert_eq!(KeyEncryptionKey::new(SecretBytes::new(bytes)).unwrap_err(), InvalidKey);
    }
}

#[test]
fn keys_are_not_printed() {
    let text = format!("{:?}", vault());
    assert!(text.contains(key(7).id()), "{text}");
    assert!(!text.contains("[7, 6"), "{text}");
    assert_ne!(key(1).id(), key(2).id());
    assert_eq!(key(1).id(), key(1).id());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_sealed_opens(text in prop::collection::vec(any::<u8>(), 0..300), purpose in ".{0,20}") {
        let sealed = vault().seal_now(&account(1), &purpose, &text).unwrap();
        prop_assert_eq!(vault().open_now(&account(1), &purpose, &sealed).unwrap().expose().to_vec(), text);
    }

    #[test]
    fn opening_never_panics(text in "(v1\\.)?[A-Za-z0-9_.-]{0,80}") {
        prop_assert!(vault().open_now(&SealScope::Tenant, "p", &Sealed::from_text(text)).is_err());
    }
}
