//! What is stored of lists, and of the tokens that are listed.

use ciam_core::crypto;
use ciam_core::id::{AccountId, GrantId, OrganizationId};
use ciam_core::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::list::{StatusBits, TokenStatus};
use crate::access_token::AccessTokenClaims;
use crate::client::ClientId;
use crate::grant::Grant;

/// The claim of a token by which its status is found (section 6.2 of the draft).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusClaim {
    /// Where in which list.
    pub status_list: StatusReference,
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusReference {
    /// The index.
    pub idx: u64,
    /// The address of the list.
    pub uri: String,
}

impl StatusReference {
    /// A place in a list.
    #[must_use]
    pub fn new(idx: u64, uri: impl Into<String>) -> Self {
        Self { idx, uri: uri.into() }
    }
}

/// The list that takes up new tokens, and how far it is filled. There is one for a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenList {
    pub(super) id: String,
    /// By which places are drawn, so that an index does not tell when its token was issued.
    key: String,
    pub(super) capacity: u32,
    /// How many places were given to nodes.
    pub(super) given: u32,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) closes_at: OffsetDateTime,
}

impl OpenList {
    pub(super) const KEY: &'static str = "open";

    pub(super) fn new(id: String, key: String, capacity: u32, closes_at: OffsetDateTime) -> Self {
        Self { id, key, capacity, given: 0, closes_at }
    }

    /// Whether it takes up more.
    pub(super) fn has_room(&self, now: OffsetDateTime) -> bool {
        now < self.closes_at && self.given < self.capacity
    }

    /// The index of the n-th place: a permutation of all of them that only the key tells (a Feistel network of four rounds over the two
    /// halves of the number's bits).
    pub(super) fn index_of(&self, place: u32) -> u32 {
        let half = self.capacity.trailing_zeros() / 2;
        let mask = (1_u32 << half) - 1;
        let (mut left, mut right) = (place >> half & mask, place & mask);
        for round in 0..4_u8 {
            (left, right) = (right, left ^ (self.round(round, right) & mask));
        }
        left << half | right
    }

    fn round(&self, round: u8, half: u32) -> u32 {
        let mut input = Vec::with_capacity(self.key.len() + 5);
        input.extend_from_slice(self.key.as_bytes());
        input.push(round);
        input.extend_from_slice(&half.to_be_bytes());
        let [a, b, c, d, ..] = crypto::sha256(&input);
        u32::from_be_bytes([a, b, c, d])
    }
}

impl StoredRecord for OpenList {
    const KIND: RecordKind = RecordKind::new("oauth.status_list_open", &[]).private();
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

/// A list that is published, until the last token that can be in it has expired.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ListRecord {
    pub(super) id: String,
    pub(super) capacity: u32,
    bits: u8,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
}

impl ListRecord {
    pub(super) fn new(id: &str, capacity: u32, bits: StatusBits, expires_at: OffsetDateTime) -> Self {
        Self { id: id.to_owned(), capacity, bits: bits.count(), expires_at }
    }

    pub(super) fn bits(&self) -> StatusBits {
        StatusBits::from_count(u64::from(self.bits)).unwrap_or(StatusBits::Eight)
    }
}

impl StoredRecord for ListRecord {
    const KIND: RecordKind = RecordKind::new("oauth.status_list", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// A token that is in a list: whose it is, to find it when that ends.
///
/// It does not go with its account, as a record that the account owns would: the token of an erased account is not valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatusEntry {
    pub(super) list: String,
    pub(super) idx: u64,
    jti: String,
    pub(super) client: ClientId,
    #[serde(default)]
    pub(super) grant_client: Option<ClientId>,
    #[serde(default)]
    pub(super) grant: Option<GrantId>,
    #[serde(default)]
    account: Option<AccountId>,
    #[serde(default)]
    organization: Option<OrganizationId>,
    exp: i64,
    /// The number of its status.
    status: u8,
    /// Whether it was revoked itself, which nothing takes back.
    pub(super) revoked: bool,
}

/// By whose account it is, though it is not the account's.
pub(super) const BY_HOLDER: IndexDeclaration = IndexDeclaration::many("holder");
pub(super) const BY_CLIENT: IndexDeclaration = IndexDeclaration::many("client");
pub(super) const BY_ORGANIZATION: IndexDeclaration = IndexDeclaration::many("organization");
/// By the list, for those that are not valid any more.
pub(super) const BY_CHANGED_LIST: IndexDeclaration = IndexDeclaration::many("changed");

impl StatusEntry {
    /// Of a token that says where it is listed; `None` when it does not, or not in a list of this server.
    pub(crate) fn of(claims: &AccessTokenClaims, grant: Option<&Grant>, lists: &str) -> Option<Self> {
        let place = &claims.status.as_ref()?.status_list;
        Some(Self {
            list: place.uri.strip_prefix(lists)?.to_owned(),
            idx: place.idx,
            jti: claims.jti.clone(),
            client: claims.client_id.clone(),
            grant_client: claims.grant_client.clone(),
            grant: claims.grant_id,
            account: grant.map(|grant| grant.account),
            organization: grant.and_then(|grant| grant.organization),
            exp: claims.exp,
            status: TokenStatus::Valid.number(),
            revoked: false,
        })
    }

    /// The same, revoked itself.
    pub(crate) fn revoke(mut self) -> Self {
        self.revoked = true;
        self.status = TokenStatus::Invalid.number();
        self
    }

    pub(super) fn with_status(mut self, status: TokenStatus) -> Self {
        self.status = status.number();
        self
    }

    pub(super) const fn status(&self) -> TokenStatus {
        TokenStatus::from_number(self.status)
    }
}

impl StoredRecord for StatusEntry {
    const KIND: RecordKind =
        RecordKind::new("oauth.status_entry", &[BY_HOLDER, BY_CLIENT, BY_ORGANIZATION, BY_CHANGED_LIST])
            .private();
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        format!("{}.{}", self.list, self.idx)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        let mut indexes = vec![IndexValue::new(BY_CLIENT, self.client.as_str())];
        indexes.extend(self.account.map(|account| IndexValue::new(BY_HOLDER, account.to_string())));
        indexes.extend(self.organization.map(|id| IndexValue::new(BY_ORGANIZATION, id.to_string())));
        if self.status() != TokenStatus::Valid {
            indexes.push(IndexValue::new(BY_CHANGED_LIST, self.list.as_str()));
        }
        indexes
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.exp).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn list(key: u8, capacity: u32) -> OpenList {
        OpenList::new("l".to_owned(), key.to_string(), capacity, OffsetDateTime::UNIX_EPOCH)
    }

    /// Every place has an index of its own, and neighbours in time are none in the list.
    #[test]
    fn places_are_drawn_without_repetition_and_in_no_order() {
        for capacity in [1_024, 4_096, 65_536] {
            let list = list(7, capacity);
            let drawn: Vec<u32> = (0..capacity).map(|place| list.index_of(place)).collect();
            let all: BTreeSet<u32> = drawn.iter().copied().collect();
            assert_eq!(all.len(), capacity as usize);
            assert!(all.last().unwrap() < &capacity);
            let rising = drawn.windows(2).filter(|pair| pair[1] == pair[0].wrapping_add(1)).count();
            assert!(rising < 8, "{rising} of {capacity}");
            let same = (0..capacity).filter(|place| list.index_of(*place) == *place).count();
            assert!(same < 16, "{same} of {capacity}");
        }
        assert_ne!(list(7, 1_024).index_of(0), list(8, 1_024).index_of(0));
    }
}
