//! Domain events.
//!
//! Every change that matters is an event with a stable name and versioned JSON, in the
//! [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) envelope. Events are committed
//! with the change that they tell of and delivered by the outbox relay. They hold no secret, and no more personal data than
//! the event needs: identifiers of accounts, never their e-mail addresses.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::error::PortError;
use crate::id::EventId;
use crate::ports::Ports;

/// The stable name of an event, such as `ciam.account.registered.v1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventType(Cow<'static, str>);

impl EventType {
    /// An account was registered.
    pub const ACCOUNT_REGISTERED: Self = Self::new("ciam.account.registered.v1");
    /// An account's profile, identifiers or status changed.
    pub const ACCOUNT_UPDATED: Self = Self::new("ciam.account.updated.v1");
    /// A pending account came into use.
    pub const ACCOUNT_ACTIVATED: Self = Self::new("ciam.account.activated.v1");
    /// An account was suspended by an administrator. Details: `by`, `reason`, `until` where it has an end.
    pub const ACCOUNT_SUSPENDED: Self = Self::new("ciam.account.suspended.v1");
    /// An account was locked by a protection rule. Details: `by`, `reason`.
    pub const ACCOUNT_LOCKED: Self = Self::new("ciam.account.locked.v1");
    /// A suspended or locked account is in use again. Details: `by`, `reason`, `from`.
    pub const ACCOUNT_REACTIVATED: Self = Self::new("ciam.account.reactivated.v1");
    /// An account was closed. Details: `by`, `reason`, `from`, `erase_after`.
    pub const ACCOUNT_DEACTIVATED: Self = Self::new("ciam.account.deactivated.v1");
    /// A closed account was taken back within its grace period. Details: `by`, `reason`.
    pub const ACCOUNT_RESTORED: Self = Self::new("ciam.account.restored.v1");
    /// An account that was begun for an address and never proved was emptied and given to whoever proved the address.
    pub const ACCOUNT_RECLAIMED: Self = Self::new("ciam.account.reclaimed.v1");
    /// An identity elsewhere was linked to an account. Details: `by`, `issuer`.
    pub const IDENTITY_LINKED: Self = Self::new("ciam.identity.linked.v1");
    /// An identity elsewhere is no longer linked to an account. Details: `by`, `issuer`.
    pub const IDENTITY_UNLINKED: Self = Self::new("ciam.identity.unlinked.v1");
    /// Somebody began to add an identifier to their account; a message goes out. Details: `by`, `kind`.
    pub const IDENTIFIER_CHANGE_STARTED: Self = Self::new("ciam.identifier.change_started.v1");
    /// An account's identifiers changed. Details: `by`, `kind`, `change`: `added`, `replaced`, `removed`, `primary`,
    /// `reverted`.
    pub const IDENTIFIER_CHANGED: Self = Self::new("ciam.identifier.changed.v1");
    /// The owner of an account that nobody uses was told that it will be closed. Details: `by`, `close_after`.
    pub const ACCOUNT_INACTIVE: Self = Self::new("ciam.account.inactive.v1");
    /// An account was erased: what is left is its id. Details: `by`, `reason`.
    pub const ACCOUNT_ERASED: Self = Self::new("ciam.account.erased.v1");
    /// A registration was tried for an identifier that already has an account.
    pub const REGISTRATION_REPEATED: Self = Self::new("ciam.account.registration_repeated.v1");
    /// A registration was started; its verification message goes out.
    pub const REGISTRATION_STARTED: Self = Self::new("ciam.account.registration_started.v1");
    /// An identifier that an account had never proved was taken from it: its owner has proved it.
    pub const IDENTIFIER_RECLAIMED: Self = Self::new("ciam.account.identifier_reclaimed.v1");
    /// A person asked for a code to sign in with. Details: `held_back`: `sim_swap`, where none was sent because the card of the
    /// number was changed a short while ago.
    pub const SIGN_IN_CODE_REQUESTED: Self = Self::new("ciam.account.sign_in_code_requested.v1");
    /// A person said that they forgot their password.
    pub const RECOVERY_REQUESTED: Self = Self::new("ciam.account.recovery_requested.v1");
    /// A person who had forgotten their password has a new one.
    pub const ACCOUNT_RECOVERED: Self = Self::new("ciam.account.recovered.v1");
    /// What is demanded of the sign-ins of one account was changed. Details: `by`, `factors`, `acr`.
    pub const ACCOUNT_DEMAND_CHANGED: Self = Self::new("ciam.account.demand_changed.v1");
    /// A credential was added, replaced or upgraded.
    pub const CREDENTIAL_CHANGED: Self = Self::new("ciam.credential.changed.v1");
    /// A person signed in.
    pub const SIGNED_IN: Self = Self::new("ciam.session.started.v1");
    /// A session was renewed: its person proved themselves again or more, or its secret was changed.
    pub const SESSION_RENEWED: Self = Self::new("ciam.session.renewed.v1");
    /// A sign-in attempt was refused.
    pub const SIGN_IN_REFUSED: Self = Self::new("ciam.session.refused.v1");
    /// A sign-in looked unlike its owner, and a code went to an address of the account's own. Details: `risk`,
    /// `risk_reasons`, `risk_score`, `risk_unanswered`.
    pub const SIGN_IN_CHALLENGED: Self = Self::new("ciam.session.challenged.v1");
    /// A session ended: signed out, revoked, replaced.
    pub const SESSION_ENDED: Self = Self::new("ciam.session.ended.v1");
    /// An account signed in in a browser in which it had not been seen. Details: `device`.
    pub const DEVICE_ADDED: Self = Self::new("ciam.device.added.v1");
    /// A person said that a device may be trusted. Details: `device`.
    pub const DEVICE_TRUSTED: Self = Self::new("ciam.device.trusted.v1");
    /// A person said that a device may be trusted no longer. Details: `device`, `by`.
    pub const DEVICE_DISTRUSTED: Self = Self::new("ciam.device.distrusted.v1");
    /// A device was forgotten. Details: `device`, `by`, `reason`: `revoked`, or `stolen` when a copy of its secret was seen.
    pub const DEVICE_REVOKED: Self = Self::new("ciam.device.revoked.v1");
    /// The system that accounts are migrated from did not answer when it was asked for one.
    pub const MIGRATION_UNANSWERED: Self = Self::new("ciam.migration.unanswered.v1");
    /// A source was found out that tries stolen passwords on many accounts.
    pub const CREDENTIAL_STUFFING: Self = Self::new("ciam.abuse.credential_stuffing.v1");
    /// A consent was given.
    pub const CONSENT_GIVEN: Self = Self::new("ciam.consent.given.v1");
    /// A consent was withdrawn.
    pub const CONSENT_WITHDRAWN: Self = Self::new("ciam.consent.withdrawn.v1");
    /// A version of a document was published.
    pub const TERMS_PUBLISHED: Self = Self::new("ciam.terms.published.v1");
    /// A person accepted a version of a document.
    pub const TERMS_ACCEPTED: Self = Self::new("ciam.terms.accepted.v1");
    /// An organization was created or changed.
    pub const ORGANIZATION_CHANGED: Self = Self::new("ciam.organization.changed.v1");
    /// An organization was created.
    pub const ORGANIZATION_CREATED: Self = Self::new("ciam.organization.created.v1");
    /// An account joined an organization.
    pub const MEMBERSHIP_JOINED: Self = Self::new("ciam.membership.joined.v1");
    /// The roles of a membership were changed.
    pub const MEMBERSHIP_CHANGED: Self = Self::new("ciam.membership.changed.v1");
    /// A member was stopped.
    pub const MEMBERSHIP_SUSPENDED: Self = Self::new("ciam.membership.suspended.v1");
    /// A suspended member may act again.
    pub const MEMBERSHIP_REACTIVATED: Self = Self::new("ciam.membership.reactivated.v1");
    /// An account left an organization or was removed from it.
    pub const MEMBERSHIP_ENDED: Self = Self::new("ciam.membership.ended.v1");
    /// A role was written or deleted.
    pub const ROLE_CHANGED: Self = Self::new("ciam.role.changed.v1");
    /// An invitation was sent, or sent again.
    pub const INVITATION_SENT: Self = Self::new("ciam.invitation.sent.v1");
    /// An invitation was revoked.
    pub const INVITATION_REVOKED: Self = Self::new("ciam.invitation.revoked.v1");
    /// An invitation was accepted.
    pub const INVITATION_ACCEPTED: Self = Self::new("ciam.invitation.accepted.v1");
    /// A claim to a domain was made, verified, lost or given up.
    pub const DOMAIN_CHANGED: Self = Self::new("ciam.domain.changed.v1");
    /// A session acts for another organization, or for none.
    pub const SESSION_ORGANIZATION_CHANGED: Self = Self::new("ciam.session.organization_changed.v1");
    /// A signing key changed its state.
    pub const KEY_ROTATED: Self = Self::new("ciam.key.rotated.v1");

    /// A name declared as a constant by the crate that emits it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event in the CloudEvents envelope, JSON format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Always `1.0`: the version of the envelope.
    #[serde(rename = "specversion")]
    spec_version: String,
    /// Unique id and idempotency key.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Where: `urn:ciam:tenant:<tenant id>`.
    pub source: String,
    /// To whom or what: `account:<id>`, `client:<id>`, `session:<id>`. Events of one subject are delivered in order.
    pub subject: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The details, a JSON object.
    pub data: Map<String, Value>,
}

impl Event {
    /// An event that happens now, at this tenant.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn new(ports: &Ports, event_type: EventType, subject: impl Into<String>) -> Result<Self, PortError> {
        Ok(Self {
            spec_version: "1.0".to_owned(),
            id: EventId::generate(ports.clock(), ports.entropy())?,
            event_type,
            source: format!("urn:ciam:tenant:{}", ports.tenant()),
            subject: subject.into(),
            time: ports.now(),
            data: Map::new(),
        })
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }
}
