//! The text of a refresh token.
//!
//! ```text
//! r1.AZq2cE8Td0-LmPqvM2oXGw.7.kNRh9cVn1w3v…
//! │  │                      │ └ HMAC-SHA-256 over tenant, grant and generation
//! │  │                      └ generation
//! │  └ grant
//! └ number of the key of the HMAC
//! ```
//!
//! The store keeps one record for each grant and no token. A token of any generation is recognised by its code, so replay
//! is seen however old the token is, and a text that nobody was ever given revokes nothing.

use ciam_core::crypto::MacKey;
use ciam_core::encoding::base64url;
use ciam_core::id::{GrantId, TenantId};
use ciam_core::secret::Secret;
use uuid::Uuid;

/// What a refresh token says, whether true or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshTokenText {
    /// The number of the key that it was made with.
    pub(crate) key: u32,
    /// The grant.
    pub(crate) grant: GrantId,
    /// The generation.
    pub(crate) generation: u32,
    code: [u8; 32],
}

impl RefreshTokenText {
    /// Makes the token of a generation.
    pub(crate) fn make(
        number: u32,
        key: &dyn MacKey,
        tenant: TenantId,
        grant: GrantId,
        generation: u32,
    ) -> Secret {
        let code = key.authenticate(&message(tenant, grant, generation));
        Secret::new(format!(
            "r{number}.{}.{generation}.{}",
            base64url::encode(grant.as_uuid().as_bytes()),
            base64url::encode(code.as_ref()),
        ))
    }

    /// Reads a token: one spelling each. `None` when it cannot be a refresh token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let mut parts = text.strip_prefix('r')?.split('.');
        let (key, grant) = (number(parts.next()?)?, parts.next()?);
        let (generation, code) = (number(parts.next()?)?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let grant: [u8; 16] = base64url::decode(grant).ok()?.try_into().ok()?;
        let code: [u8; 32] = base64url::decode(code).ok()?.try_into().ok()?;
        Some(Self { key, grant: GrantId::from_uuid(Uuid::from_bytes(grant)), generation, code })
    }

    /// Whether the token was made with this key.
    pub(crate) fn is_authentic(&self, key: &dyn MacKey, tenant: TenantId) -> bool {
        key.verify(&message(tenant, self.grant, self.generation), &self.code).is_ok()
    }
}

/// Longer than any token of ours.
const MAX_LENGTH: usize = 128;

/// Everything has a fixed length, so no two tokens share a message.
fn message(tenant: TenantId, grant: GrantId, generation: u32) -> Vec<u8> {
    [
        b"ciam.oauth.refresh-token".as_slice(),
        tenant.as_uuid().as_bytes(),
        grant.as_uuid().as_bytes(),
        &generation.to_be_bytes(),
    ]
    .concat()
}

/// A number from 1 on, without sign and leading zeros.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ciam_core::crypto;
    use ciam_core::secret::SecretBytes;
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> Arc<dyn MacKey> {
        crypto::ring().mac_key(&SecretBytes::new(vec![byte; 32])).unwrap()
    }

    fn tenant(byte: u8) -> TenantId {
        TenantId::from_uuid(Uuid::from_bytes([byte; 16]))
    }

    fn grant(byte: u8) -> GrantId {
        GrantId::from_uuid(Uuid::from_bytes([byte; 16]))
    }

    #[test]
    fn a_token_says_what_it_was_made_of() {
        let token = RefreshTokenText::make(3, &*key(1), tenant(1), grant(2), 7);
        let read = RefreshTokenText::parse(token.expose()).unwrap();
        assert_eq!((read.key, read.grant, read.generation), (3, grant(2), 7));
        assert!(read.is_authentic(&*key(1), tenant(1)));
        assert!(!read.is_authentic(&*key(2), tenant(1)), "another key");
        assert!(!read.is_authentic(&*key(1), tenant(2)), "another tenant with the same key");
    }

    #[test]
    fn no_part_can_be_exchanged() {
        let token = RefreshTokenText::make(1, &*key(1), tenant(1), grant(2), 7);
        let other = RefreshTokenText::make(1, &*key(1), tenant(1), grant(3), 8);
        let parts: Vec<&str> = token.expose().split('.').collect();
        let others: Vec<&str> = other.expose().split('.').collect();
        for position in 1..=3 {
            let mut mixed = parts.clone();
            mixed[position] = others[position];
            let read = RefreshTokenText::parse(&mixed.join(".")).unwrap();
            assert!(!read.is_authentic(&*key(1), tenant(1)), "part {position}");
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let token = RefreshTokenText::make(1, &*key(1), tenant(1), grant(2), 7);
        let text = token.expose();
        let parts: Vec<&str> = text.split('.').collect();
        let with = |position: usize, part: &str| {
            let mut parts = parts.clone();
            parts[position] = part;
            parts.join(".")
        };
        for bad in [
            String::new(),
            "r".to_owned(),
            "r1...".to_owned(),
            with(0, "R1"),
            with(0, "1"),
            with(0, "r"),
            with(0, "r0"),
            with(0, "r01"),
            with(0, "r+1"),
            with(0, "r99999999999"),
            with(2, "07"),
            with(2, "0"),
            with(2, "-7"),
            with(2, "4294967296"),
            with(1, ""),
            with(1, &format!("{}=", parts[1])),
            with(3, parts[3].split_at(1).1),
            with(3, ""),
            format!("{text}."),
            format!(" {text}"),
            format!("{text}\n"),
            "r1.".repeat(1000),
        ] {
            assert_eq!(RefreshTokenText::parse(&bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_never_authentic(text in "r[0-9]{1,3}\\.[A-Za-z0-9_-]{22}\\.[1-9][0-9]{0,4}\\.[A-Za-z0-9_-]{43}") {
            if let Some(read) = RefreshTokenText::parse(&text) {
                prop_assert!(!read.is_authentic(&*key(1), tenant(1)));
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,200}") {
            let _ = RefreshTokenText::parse(&text);
        }
    }
}
