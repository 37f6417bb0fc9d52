//! What suites store: identifiers, texts and entities with every field set.

use std::sync::{Mutex, PoisonError};

use rand::rngs::ChaCha20Rng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::suite::Violation;
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, IdentifierKind};
use crate::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use crate::credential::{Credential, CredentialState};
use crate::entropy::{Entropy as _, SystemEntropy};
use crate::id::{AccountId, CredentialId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization, OrganizationStatus, RoleName, Slug};
use crate::secret::TokenDigest;
use crate::session::Session;
use crate::store::{IndexDeclaration, Record, RecordKind};

/// Makes values that no earlier run has used.
pub(super) struct Samples(Mutex<ChaCha20Rng>);

impl Samples {
    pub(super) fn new() -> Result<Self, Violation> {
        let mut seed = [0; 32];
        SystemEntropy::new().fill(&mut seed)?;
        Ok(Self(Mutex::new(ChaCha20Rng::from_seed(seed))))
    }

    pub(super) fn tenant(&self) -> TenantId {
        TenantId::from_uuid(self.uuid())
    }

    pub(super) fn account_id(&self) -> AccountId {
        AccountId::from_uuid(self.uuid())
    }

    pub(super) fn event_id(&self) -> EventId {
        EventId::from_uuid(self.uuid())
    }

    /// A text of 20 lower-case letters and digits.
    pub(super) fn text(&self) -> String {
        let text = self.uuid().simple().to_string();
        // The beginning of the UUID is the time, which is the same for all.
        text.chars().skip(12).collect()
    }

    /// A UUIDv7 of a fixed time: identifiers that are made one after the other come in no order.
    pub(super) fn uuid(&self) -> Uuid {
        const MILLIS: u64 = 1_767_268_800_000;
        let mut random = [0; 10];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(MILLIS, &random).into_uuid()
    }

    pub(super) fn email(&self) -> Result<IdentifierKey, Violation> {
        identifier(IdentifierKind::Email, &format!("{}@example.com", self.text()))
    }

    /// An account with these identifiers and nothing else.
    pub(super) fn account_with(&self, now: OffsetDateTime, keys: &[&IdentifierKey]) -> Account {
        let mut account = Account::new(self.account_id(), now);
        account.identifiers = keys.iter().map(|key| Identifier::verified((*key).clone(), now)).collect();
        account
    }

    /// An account with every field set.
    pub(super) fn account(&self, now: OffsetDateTime) -> Result<Account, Violation> {
        let mut account = Account::new(self.account_id(), now - odd(1));
        account.status = AccountStatus::Active;
        account.updated_at = now - odd(2);
        let phone = identifier(IdentifierKind::Phone, &format!("+{}", self.text()))?;
        let username = identifier(IdentifierKind::Username, &self.text())?;
        account.identifiers = vec![
            Identifier::unverified(phone),
            Identifier::verified(self.email()?, now - odd(3)),
            Identifier::verified(username, now - odd(4)),
            Identifier::unverified(self.email()?),
        ];
        for (name, value) in [
            ("name", json!("Ada \u{1f469}\u{200d}\u{1f4bb} O'Neil")),
            ("address", json!({ "country": "DE", "street_address": "Allee 1\n\u{2013}" })),
            ("groups", json!(["a", "", { "deep": [[null, true, false]] }])),
            ("numbers", json!([0, -1, 0.5, i64::MIN, u64::MAX])),
            ("empty", json!({})),
        ] {
            account.profile.set(name, value).map_err(|error| Violation::new(error.to_string()))?;
        }
        Ok(account)
    }

    /// A credential with every field set.
    pub(super) fn credential(&self, account: AccountId, now: OffsetDateTime) -> Credential {
        let id = CredentialId::from_uuid(self.uuid());
        let data = json!({ "phc": "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "list": [1, "two", null] });
        let mut credential = Credential::new(id, account, "passkey", data, now - odd(1));
        credential.state = CredentialState::Pending;
        credential.counter = 7_000_000_000;
        credential.label = Some("Phone of \u{1f469}".to_owned());
        credential.last_used_at = Some(now - odd(2));
        credential
    }

    /// An organization with every field set.
    pub(super) fn organization(&self, now: OffsetDateTime) -> Result<Organization, Violation> {
        let mut organization = Organization::new(
            OrganizationId::from_uuid(self.uuid()),
            self.slug()?,
            "B\u{fc}cher & S\u{f6}hne",
            now - odd(1),
        );
        organization.status = OrganizationStatus::Suspended;
        Ok(organization)
    }

    pub(super) fn slug(&self) -> Result<Slug, Violation> {
        Slug::new(format!("slug-{}", self.text())).map_err(|error| Violation::new(error.to_string()))
    }

    /// A membership with every field set.
    pub(super) fn membership(
        organization: OrganizationId,
        account: AccountId,
        now: OffsetDateTime,
    ) -> Result<Membership, Violation> {
        let roles = ["owner", "billing:read"].map(RoleName::new).into_iter().collect::<Result<_, _>>();
        let roles = roles.map_err(|error| Violation::new(error.to_string()))?;
        Ok(Membership::new(organization, account, roles, now - odd(1)))
    }

    /// A session with every field set that ends an hour from now.
    pub(super) fn session(&self, account: AccountId, now: OffsetDateTime) -> Session {
        let context = AuthenticationContext::new([
            Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now - odd(2)),
            Proof::new(Amr::HARDWARE_KEY, [FactorKind::Possession, FactorKind::Inherence], now - odd(1)),
        ]);
        let id = SessionId::from_uuid(self.uuid());
        let digest = TokenDigest::of(&self.text());
        let mut session = Session::new(id, account, digest, context, now - odd(3), now + Duration::HOUR);
        session.organization = Some(OrganizationId::from_uuid(self.uuid()));
        session.user_agent = Some("Mozilla/5.0 (\u{1f600}; 'x\"y')".to_owned());
        session.last_seen_at = now - odd(4);
        session.idle_expires_at = now + Duration::MINUTE;
        session
    }

    /// A record of [`NOTE`] without anything that it need not have.
    pub(super) fn record(&self) -> Record {
        Record::new(NOTE, self.text(), 1, r#"{"text":"note"}"#)
    }
}

/// An identifier as a store keeps it.
pub(super) fn identifier(kind: IdentifierKind, value: &str) -> Result<IdentifierKey, Violation> {
    IdentifierKey::from_stored(kind, value).map_err(|error| Violation::new(error.to_string()))
}

/// Some hours, minutes, seconds and microseconds: a time that is exact only when all of them are kept.
pub(super) fn odd(number: i32) -> Duration {
    Duration::new(4_211, 123_457_000).saturating_mul(number)
}

/// The kind of record that suites store.
pub(super) const NOTE: RecordKind = RecordKind::new("testkit.note", &[OWNER, TAG, TOKEN, SERIAL]);
/// Another kind with indexes of the same names.
pub(super) const LEAF: RecordKind = RecordKind::new("testkit.leaf", &[OWNER, TOKEN]);
pub(super) const OWNER: IndexDeclaration = IndexDeclaration::many("owner");
pub(super) const TAG: IndexDeclaration = IndexDeclaration::many("tag");
pub(super) const TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
pub(super) const SERIAL: IndexDeclaration = IndexDeclaration::unique("serial");

/// Texts that have broken stores: quotes, statements, patterns, escapes, every width of UTF-8, both directions, blanks at
/// the ends, and nothing at all. No NUL: PostgreSQL has no text with one.
pub(super) const HOSTILE: &[&str] = &[
    "",
    " leading and trailing ",
    "it's \"quoted\" `back` and \\'escaped\\'",
    "'; DROP TABLE accounts; --",
    "$1 ?1 :name @p {} %s %% _%",
    "\\u0041 \\x41 \\n \\\\",
    "line\nbreak\r\n\ttab\u{7f}\u{1}",
    "na\u{ef}ve \u{df} \u{130}\u{131} \u{3a3}\u{3c2}",
    "e\u{301} is not \u{e9}",
    "\u{4f60}\u{597d} \u{e01}\u{e33} \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "\u{202e}reversed\u{202c} \u{200b}zero\u{feff}",
    "\u{1f469}\u{200d}\u{1f4bb}\u{1f3f3}\u{fe0f}\u{10ffff}",
    "null NULL true 0 -1 1e999 NaN [] <xml/> &amp;",
];
