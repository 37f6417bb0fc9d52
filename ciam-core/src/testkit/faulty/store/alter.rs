//! What a store can lose of an entity.

use std::fmt;

use time::OffsetDateTime;

use crate::account::AccountStatus;
use crate::assurance::FactorKind;
use crate::credential::CredentialState;
use crate::organization::OrganizationStatus;
use crate::secret::TokenDigest;
use crate::session::SessionState;
use crate::store::{OutboxPayload, Write};

/// A write that is stored as another.
#[derive(Clone, Copy)]
pub(super) struct Alteration {
    name: &'static str,
    pub(super) breaks: &'static str,
    pub(super) alter: fn(&mut Write),
}

impl fmt::Debug for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Alteration {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// An item of the outbox that is stored as another.
#[derive(Clone, Copy)]
pub(super) struct OutboxAlteration {
    name: &'static str,
    pub(super) alter: fn(&mut OutboxPayload),
}

impl fmt::Debug for OutboxAlteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for OutboxAlteration {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

macro_rules! alteration {
    ($breaks:literal, $name:literal, $put:ident, $value:ident => $alter:expr) => {
        Alteration {
            name: $name,
            breaks: $breaks,
            alter: |write| {
                if let Write::$put($value) = write {
                    $alter;
                }
            },
        }
    };
}

pub(super) const ALTERATIONS: &[Alteration] = &[
    alteration!("round_trip.account", "status", PutAccount, account => account.status = AccountStatus::Active),
    alteration!("round_trip.account", "verified_at", PutAccount, account => {
        account.identifiers.iter_mut().for_each(|identifier| shorten(&mut identifier.verified_at))
    }),
    alteration!("round_trip.account", "profile text", PutAccount, account => {
        if let Some(text) = account.profile.text("nickname").map(cut) {
            account.profile.set("nickname", text).unwrap_or_default();
        }
    }),
    alteration!("round_trip.account", "profile values", PutAccount, account => {
        account.profile.set("numbers", "[0,-1,0.5]").unwrap_or_default()
    }),
    alteration!("round_trip.account", "created_at", PutAccount, account => seconds(&mut account.created_at)),
    alteration!("round_trip.account", "updated_at", PutAccount, account => account.updated_at = account.created_at),
    alteration!("round_trip.credential", "factor", PutCredential, credential => {
        credential.factor = credential.factor.trim().to_owned()
    }),
    alteration!("round_trip.credential", "state", PutCredential, credential => {
        credential.state = CredentialState::Active
    }),
    alteration!("round_trip.credential", "data", PutCredential, credential => {
        if credential.data.is_null() {
            credential.data = serde_json::json!({});
        }
    }),
    alteration!("round_trip.credential", "counter", PutCredential, credential => {
        credential.counter = credential.counter.max(0)
    }),
    alteration!("round_trip.credential", "label", PutCredential, credential => {
        credential.label = credential.label.take().filter(|label| !label.is_empty())
    }),
    alteration!("round_trip.credential", "created_at", PutCredential, credential => {
        seconds(&mut credential.created_at)
    }),
    alteration!("round_trip.credential", "last_used_at", PutCredential, credential => credential.last_used_at = None),
    alteration!("round_trip.organization", "name", PutOrganization, organization => {
        organization.name = cut(&organization.name)
    }),
    alteration!("round_trip.organization", "status", PutOrganization, organization => {
        organization.status = OrganizationStatus::Active
    }),
    alteration!("round_trip.organization", "created_at", PutOrganization, organization => {
        seconds(&mut organization.created_at)
    }),
    alteration!("round_trip.membership", "roles", PutMembership, membership => {
        membership.roles = membership.roles.iter().take(2).cloned().collect()
    }),
    alteration!("round_trip.membership", "joined_at", PutMembership, membership => seconds(&mut membership.joined_at)),
    alteration!("round_trip.session", "state", PutSession, session => session.state = SessionState::Active),
    alteration!("round_trip.session", "token_digest", PutSession, session => {
        session.token_digest = TokenDigest::of("another")
    }),
    alteration!("round_trip.session", "proofs", PutSession, session => session.context.proofs.truncate(1)),
    alteration!("round_trip.session", "kinds of proofs", PutSession, session => {
        session.context.proofs.iter_mut().for_each(|proof| proof.kinds.retain(|kind| *kind != FactorKind::Inherence))
    }),
    alteration!("round_trip.session", "organization", PutSession, session => session.organization = None),
    alteration!("round_trip.session", "user_agent", PutSession, session => {
        session.user_agent = session.user_agent.take().map(|text| text.replace('\u{301}', ""))
    }),
    alteration!("round_trip.session", "created_at", PutSession, session => seconds(&mut session.created_at)),
    alteration!("round_trip.session", "last_seen_at", PutSession, session => session.last_seen_at = session.created_at),
    alteration!("round_trip.session", "idle_expires_at", PutSession, session => {
        session.idle_expires_at = session.expires_at
    }),
    alteration!("round_trip.session", "expires_at", PutSession, session => seconds(&mut session.expires_at)),
    alteration!("round_trip.record", "schema", PutRecord, record => record.schema = record.schema.min(0x7fff)),
    alteration!("round_trip.record", "body", PutRecord, record => record.body = record.body.replace('\u{10ffff}', "?")),
    alteration!("round_trip.record", "counter", PutRecord, record => record.counter = record.counter.max(0)),
    alteration!("round_trip.record", "expires_at", PutRecord, record => {
        record.expires_at.iter_mut().for_each(seconds)
    }),
    alteration!("round_trip.record", "index values", PutRecord, record => {
        record.indexes.retain(|value| !value.value.is_empty())
    }),
];

pub(super) const OUTBOX_ALTERATIONS: &[OutboxAlteration] = &[
    OutboxAlteration {
        name: "an event's data",
        alter: |payload| {
            if let OutboxPayload::Event(event) = payload {
                event.data.clear();
            }
        },
    },
    OutboxAlteration {
        name: "an event's long subject",
        alter: |payload| {
            if let OutboxPayload::Event(event) = payload {
                event.subject = cut(&event.subject);
            }
        },
    },
    OutboxAlteration {
        name: "a message's expiry",
        alter: |payload| {
            if let OutboxPayload::Message(message) = payload {
                message.expires_at += time::Duration::SECOND;
            }
        },
    },
];

/// As a column of 200 characters keeps it.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

fn seconds(at: &mut OffsetDateTime) {
    *at = at.replace_nanosecond(0).unwrap_or(*at);
}

fn shorten(at: &mut Option<OffsetDateTime>) {
    at.iter_mut().for_each(seconds);
}
