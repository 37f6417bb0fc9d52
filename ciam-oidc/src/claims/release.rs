//! Which claims about a person leave the house.

use std::collections::BTreeMap;

use ciam_core::account::{Account, IdentifierKind};
use ciam_oauth::scope::ScopeSet;
use serde_json::{Map, Value, json};

use super::request::ClaimRequest;
use super::standard::StandardScope;

/// Where claims go.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Release<'a> {
    /// Into a UserInfo response: what the scope values release, and what was asked for singly.
    UserInfo(&'a BTreeMap<String, Option<ClaimRequest>>),
    /// Into an ID token that comes with an access token: only what was asked for singly.
    IdToken(&'a BTreeMap<String, Option<ClaimRequest>>),
}

/// The claims about a person that may be released.
///
/// # Security
///
/// A claim that is asked for singly is released only when its scope value was granted: the person consented to scope values,
/// and a parameter cannot ask for more than they were shown. Attributes of the host's own are never released by this rule;
/// the host adds them with [`Hooks::before_token`](ciam_core::hooks::Hooks::before_token).
#[must_use]
pub fn release(account: &Account, scopes: &ScopeSet, target: Release<'_>) -> Map<String, Value> {
    let mut claims = Map::new();
    for scope in StandardScope::ALL.into_iter().filter(|scope| scope.is_in(scopes)) {
        for claim in scope.claims() {
            let wanted = match target {
                Release::UserInfo(_) => true,
                Release::IdToken(single) => single.contains_key(*claim),
            };
            if wanted && let Some(value) = value_of(account, claim) {
                claims.insert((*claim).to_owned(), value);
            }
        }
    }
    claims
}

/// The value of a standard claim; `None` for `sub`, which depends on the client.
fn value_of(account: &Account, claim: &str) -> Option<Value> {
    let identifier = |kind| account.identifier(kind);
    match claim {
        "sub" => None,
        "email" => identifier(IdentifierKind::Email).map(|found| json!(found.key.as_str())),
        "email_verified" => identifier(IdentifierKind::Email).map(|found| json!(found.is_verified())),
        "phone_number" => identifier(IdentifierKind::Phone).map(|found| json!(found.key.as_str())),
        "phone_number_verified" => identifier(IdentifierKind::Phone).map(|found| json!(found.is_verified())),
        "preferred_username" => account
            .profile
            .get(claim)
            .cloned()
            .or_else(|| identifier(IdentifierKind::Username).map(|found| json!(found.key.as_str()))),
        "updated_at" => Some(json!(account.updated_at.unix_timestamp())),
        _ => account.profile.get(claim).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::account::{Identifier, IdentifierKey};
    use ciam_core::id::AccountId;
    use time::macros::datetime;

    use super::*;

    fn ada() -> Account {
        let now = datetime!(2026-11-23 12:00 UTC);
        let mut account = Account::new(AccountId::from_uuid(uuid()), now);
        account.identifiers.push(Identifier::verified(IdentifierKey::email("ada@example.com").unwrap(), now));
        account.identifiers.push(Identifier::unverified(IdentifierKey::phone("+442079460958").unwrap()));
        account.profile.set("name", "Ada Lovelace").unwrap();
        account.profile.set("shoe_size", 37).unwrap();
        account
    }

    fn uuid() -> uuid::Uuid {
        uuid::Uuid::from_u128(7)
    }

    fn names(claims: &Map<String, Value>) -> Vec<&str> {
        claims.keys().map(String::as_str).collect()
    }

    #[test]
    fn scope_values_release_their_claims_and_nothing_else() {
        let none = BTreeMap::new();
        let table: [(&str, &[&str]); 5] = [
            ("openid", &[]),
            ("openid email", &["email", "email_verified"]),
            ("openid phone", &["phone_number", "phone_number_verified"]),
            ("openid profile", &["name", "updated_at"]),
            ("openid offline_access orders:read", &[]),
        ];
        for (scopes, expected) in table {
            let claims = release(&ada(), &scopes.parse().unwrap(), Release::UserInfo(&none));
            assert_eq!(names(&claims), expected, "{scopes}");
        }
        let claims = release(&ada(), &"openid email phone".parse().unwrap(), Release::UserInfo(&none));
        assert_eq!(
            (&claims["email_verified"], &claims["phone_number_verified"]),
            (&json!(true), &json!(false))
        );
    }

    #[test]
    fn single_claims_need_their_scope_value() {
        let asked = [("email".to_owned(), None), ("name".to_owned(), None), ("shoe_size".to_owned(), None)];
        let asked = BTreeMap::from(asked);
        let claims = release(&ada(), &"openid email".parse().unwrap(), Release::IdToken(&asked));
        assert_eq!(names(&claims), ["email"]);
        let claims = release(&ada(), &"openid email".parse().unwrap(), Release::UserInfo(&asked));
        assert_eq!(names(&claims), ["email", "email_verified"]);
    }
}
