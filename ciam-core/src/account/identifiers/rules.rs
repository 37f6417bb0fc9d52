//! What adding, removing and giving back identifiers does to an account: rules without I/O.

use time::OffsetDateTime;

use crate::account::owner::OwnerError;
use crate::account::{Account, Identifier, IdentifierKey, IdentifierKind};

/// Puts a proved identifier on an account: in the place of another one, which is reserved from then on, or as a further one.
pub(super) fn add(
    account: &Account,
    key: &IdentifierKey,
    replaces: Option<&IdentifierKey>,
    now: OffsetDateTime,
    reserved_until: OffsetDateTime,
) -> Result<Account, OwnerError> {
    let mut changed = account.clone();
    changed.updated_at = now;
    if changed.identifier_with(key).is_some_and(Identifier::is_verified) {
        return Err(OwnerError::AlreadyTheirs);
    }
    // One that the account has given up, or never proved, comes back as a proved one.
    changed.identifiers.retain(|known| known.key != *key);
    let added = Identifier::verified(key.clone(), now);
    match replaces {
        Some(old) => {
            if old.kind() != key.kind() {
                return Err(OwnerError::NotFound);
            }
            let place =
                changed.identifiers.iter().position(|known| known.key == *old && !known.is_reserved());
            let place = place.ok_or(OwnerError::NotFound)?;
            let old = changed.identifiers.remove(place);
            changed.identifiers.insert(place, added);
            give_up(&mut changed, old, reserved_until);
        }
        None => changed.identifiers.push(added),
    }
    if changed.identifiers.len() > Account::MAX_IDENTIFIERS {
        return Err(OwnerError::TooManyThings);
    }
    Ok(changed)
}

/// Takes an identifier off an account, unless nothing verified would be left to reach its owner by. One that was proved is
/// reserved from then on.
pub(super) fn remove(
    account: &Account,
    key: &IdentifierKey,
    now: OffsetDateTime,
    reserved_until: OffsetDateTime,
) -> Result<Account, OwnerError> {
    let mut changed = account.clone();
    changed.updated_at = now;
    let place = changed.identifiers.iter().position(|known| known.key == *key && !known.is_reserved());
    let removed = changed.identifiers.remove(place.ok_or(OwnerError::NotFound)?);
    let reaches = |known: &Identifier| known.is_verified() && known.key.kind() != IdentifierKind::Username;
    if reaches(&removed) && !changed.identifiers.iter().any(reaches) {
        return Err(OwnerError::LastIdentifier);
    }
    give_up(&mut changed, removed, reserved_until);
    Ok(changed)
}

/// Makes a verified identifier the primary one of its kind.
pub(super) fn make_primary(
    account: &Account,
    key: &IdentifierKey,
    now: OffsetDateTime,
) -> Result<Account, OwnerError> {
    let mut changed = account.clone();
    changed.updated_at = now;
    let place = changed.identifiers.iter().position(|known| known.key == *key && !known.is_reserved());
    let chosen = changed.identifiers.remove(place.ok_or(OwnerError::NotFound)?);
    if !chosen.is_verified() {
        return Err(OwnerError::NotVerified);
    }
    changed.identifiers.insert(0, chosen);
    Ok(changed)
}

/// Gives an account the identifier back that it has given up, as its primary one, and takes from it every address and number
/// that was proved at `since` or later: whoever took it over has added those. Every session is over.
pub(super) fn revert(
    account: &Account,
    key: &IdentifierKey,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Option<Account> {
    let mut changed = account.clone();
    let place = changed.identifiers.iter().position(|known| known.key == *key && known.is_reserved())?;
    changed.identifiers.remove(place);
    changed.identifiers.retain(|known| {
        known.key.kind() == IdentifierKind::Username || known.verified_at.is_none_or(|at| at < since)
    });
    changed.identifiers.insert(0, Identifier::verified(key.clone(), now));
    changed.session_epoch = changed.session_epoch.saturating_add(1);
    changed.updated_at = now;
    Some(changed)
}

/// Reserves what was proved, behind all others.
fn give_up(account: &mut Account, old: Identifier, until: OffsetDateTime) {
    if old.is_verified() {
        account.identifiers.push(Identifier::reserved(old.key, until));
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::id::AccountId;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const THEN: OffsetDateTime = datetime!(2025-01-01 12:00 UTC);

    fn email(text: &str) -> IdentifierKey {
        IdentifierKey::email(&format!("{text}@example.com")).unwrap()
    }

    fn phone() -> IdentifierKey {
        IdentifierKey::phone("+491234567").unwrap()
    }

    fn account(keys: &[IdentifierKey]) -> Account {
        let mut account = Account::new(AccountId::from_uuid(Uuid::nil()), THEN);
        account.identifiers = keys.iter().map(|key| Identifier::verified(key.clone(), THEN)).collect();
        account
    }

    fn until() -> OffsetDateTime {
        NOW + Duration::HOUR
    }

    fn held(account: &Account) -> Vec<&str> {
        account.held().map(|known| known.key.as_str()).collect()
    }

    #[test]
    fn a_swap_keeps_the_place_and_reserves_the_old_one() {
        let before = account(&[email("old"), phone()]);
        let after = add(&before, &email("new"), Some(&email("old")), NOW, until()).unwrap();
        assert_eq!(held(&after), ["new@example.com", "+491234567"]);
        assert_eq!(after.identifier(IdentifierKind::Email).unwrap().key, email("new"));
        let old = after.identifier_with(&email("old")).unwrap();
        assert!(old.is_reserved() && !old.is_verified());
        // Back again: no second entry of the same address.
        let back = add(&after, &email("old"), Some(&email("new")), NOW, until()).unwrap();
        assert_eq!(held(&back), ["old@example.com", "+491234567"]);
        assert_eq!(back.identifiers.len(), 3);
    }

    #[test]
    fn what_cannot_be_added_is_refused_by_its_name() {
        let before = account(&[email("old"), phone()]);
        let code = |result: Result<Account, OwnerError>| result.map(|_| ()).unwrap_err().code();
        assert_eq!(code(add(&before, &email("old"), None, NOW, until())), "already_yours");
        assert_eq!(code(add(&before, &email("new"), Some(&email("none")), NOW, until())), "not_found");
        assert_eq!(code(add(&before, &email("new"), Some(&phone()), NOW, until())), "not_found");
        let full: Vec<_> = (0..16).map(|n| email(&format!("n{n}"))).collect();
        assert_eq!(code(add(&account(&full), &email("new"), None, NOW, until())), "too_many");
    }

    #[test]
    fn the_last_way_to_reach_somebody_stays() {
        let name = IdentifierKey::username("ada").unwrap();
        let only = account(&[email("old"), name.clone()]);
        assert!(matches!(remove(&only, &email("old"), NOW, until()), Err(OwnerError::LastIdentifier)));
        assert_eq!(held(&remove(&only, &name, NOW, until()).unwrap()), ["old@example.com"]);
        let two = account(&[email("old"), phone()]);
        let one = remove(&two, &email("old"), NOW, until()).unwrap();
        assert_eq!(held(&one), ["+491234567"]);
        assert!(matches!(remove(&one, &email("old"), NOW, until()), Err(OwnerError::NotFound)), "reserved");
        assert!(matches!(remove(&one, &phone(), NOW, until()), Err(OwnerError::LastIdentifier)));
        let mut unproved = account(&[phone()]);
        unproved.identifiers.push(Identifier::unverified(email("typed")));
        let after = remove(&unproved, &email("typed"), NOW, until()).unwrap();
        assert_eq!(after.identifiers.len(), 1, "what was never proved is not reserved");
        assert!(matches!(make_primary(&unproved, &email("typed"), NOW), Err(OwnerError::NotVerified)));
    }

    #[test]
    fn a_revert_takes_away_what_came_with_the_change_and_nothing_of_before() {
        let before = account(&[email("old"), phone()]);
        let taken = add(&before, &email("evil"), Some(&email("old")), NOW, until()).unwrap();
        let taken = add(&taken, &email("evil2"), None, NOW, until()).unwrap();
        let taken = remove(&taken, &phone(), NOW, until()).unwrap();
        let back = revert(&taken, &email("old"), NOW, NOW + Duration::MINUTE).unwrap();
        assert_eq!(held(&back), ["old@example.com"]);
        assert_eq!(back.session_epoch, taken.session_epoch + 1);
        assert!(back.identifier_with(&phone()).unwrap().is_reserved(), "and can be reverted as well");
        assert_eq!(revert(&back, &email("old"), NOW, NOW), None, "once");
    }
}
