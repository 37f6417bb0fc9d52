//! Everything that is held about a person, as one JSON document.
//!
//! # The document, version 1
//!
//! ```json
//! {
//!   "schema": "urn:ciam:export:1",
//!   "exported_at": "2026-11-26T12:00:00Z",
//!   "account": { "id": "…", "status": "active", "created_at": "…", "updated_at": "…" },
//!   "identifiers": [ { "kind": "email", "value": "ada@example.com", "verified_at": "…" } ],
//!   "profile": { "name": "Ada" },
//!   "credentials": [ { "id": "…", "factor": "password", "label": null, "state": "active", "created_at": "…", "last_used_at": null } ],
//!   "sessions": [ { "id": "…", "state": { "state": "active" }, "user_agent": "…", "place": { "country": "FR", "city": "Lyon" },
//!     "device": "…", "organization": null, "authenticated": [ { "amr": "pwd", … } ], "risk": null, "created_at": "…",
//!     "last_seen_at": "…", "expires_at": "…" } ],
//!   "memberships": [ { "organization": "…", "name": "…", "roles": ["owner"], "joined_at": "…" } ],
//!   "records": { "core.consent": [ … ], "core.device": [ … ], "core.terms_acceptance": [ … ], "oauth.grant": [ … ] },
//!   "activity": [ { "type": "ciam.session.started.v1", "time": "…", "data": { … } } ]
//! }
//! ```
//!
//! Of credentials it has what they are, not what verifies them. Fields may be added; those that are there keep their meaning
//! for as long as the version is the same.

use serde::Serialize;
use serde_json::{Value, json};

use super::kinds::PersonalKinds;
use crate::account::{Account, event_subject};
use crate::audit::AuditLog;
use crate::error::PortError;
use crate::id::AccountId;
use crate::ports::Ports;
use crate::store::{OWNER_INDEX, Page, PageRequest};

/// An export of everything that is held about one person, a piece at a time: no more than a page is in memory.
#[derive(Debug)]
pub struct Export {
    ports: Ports,
    audit: AuditLog,
    kinds: PersonalKinds,
    account: AccountId,
    stage: Stage,
    /// Where the listing of this stage goes on.
    request: PageRequest,
    /// Whether an item of this stage's list was written.
    begun: bool,
}

/// A piece of the document: UTF-8 text.
pub type ExportPart = String;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Account,
    Sessions,
    Memberships,
    Records(usize),
    Activity,
    Done,
}

impl Export {
    /// The version of the document.
    pub const SCHEMA: &'static str = "urn:ciam:export:1";

    /// The export of an account.
    #[must_use]
    pub fn new(ports: Ports, kinds: PersonalKinds, account: AccountId) -> Self {
        let audit = AuditLog::new(ports.clone());
        let (stage, request) = (Stage::Account, PageRequest::first(PAGE));
        Self { ports, audit, kinds, account, stage, request, begun: false }
    }

    /// The next piece of the document; `None` at its end, and at once when there is no such account.
    ///
    /// # Errors
    ///
    /// Fails when a port does. What was written so far is no whole document then.
    pub async fn next(&mut self) -> Result<Option<ExportPart>, PortError> {
        match self.stage {
            Stage::Account => self.account().await,
            Stage::Sessions => self.sessions().await.map(Some),
            Stage::Memberships => self.memberships().await.map(Some),
            Stage::Records(number) => self.records(number).await.map(Some),
            Stage::Activity => self.activity().await.map(Some),
            Stage::Done => Ok(None),
        }
    }

    /// The whole document at once: for small hosts and tests.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn whole(mut self) -> Result<Option<Value>, PortError> {
        let mut text = String::new();
        while let Some(part) = self.next().await? {
            text.push_str(&part);
        }
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text).map(Some).map_err(PortError::permanent)
    }

    async fn account(&mut self) -> Result<Option<ExportPart>, PortError> {
        let Some(account) = self.ports.store().account(self.account).await? else {
            self.stage = Stage::Done;
            return Ok(None);
        };
        let account: Account = account.value;
        let credentials = self.ports.store().credentials_of(self.account).await?;
        let credentials: Vec<Value> = credentials
            .into_iter()
            .map(|found| found.value)
            .map(|it| {
                json!({
                    "id": it.id, "factor": it.factor, "label": it.label, "state": it.state,
                    "created_at": moment(it.created_at), "last_used_at": it.last_used_at.map(moment),
                })
            })
            .collect();
        let identifiers: Vec<Value> = account
            .identifiers
            .iter()
            .map(|it| {
                json!({
                    "kind": it.key.kind().as_str(), "value": it.key.as_str(),
                    "verified_at": it.verified_at.map(moment), "reserved_until": it.reserved_until.map(moment),
                })
            })
            .collect();
        let head = json!({
            "id": account.id, "status": account.standing(self.ports.now()).as_str(),
            "status_cause": account.status_cause, "erase_after": account.erase_after.map(moment),
            "created_at": moment(account.created_at), "updated_at": moment(account.updated_at),
        });
        let text = format!(
            "{{\"schema\":{},\"exported_at\":{},\"account\":{},\"identifiers\":{},\"profile\":{},\"credentials\":{},\"sessions\":[",
            text(&Self::SCHEMA)?,
            text(&moment(self.ports.now()))?,
            text(&head)?,
            text(&identifiers)?,
            text(&account.profile)?,
            text(&credentials)?,
        );
        self.go_to(Stage::Sessions);
        Ok(Some(text))
    }

    async fn sessions(&mut self) -> Result<ExportPart, PortError> {
        let page = self.ports.store().sessions_of(self.account, self.request.clone()).await?;
        let page = page.map(|found| {
            let it = found.value;
            json!({
                "id": it.id, "state": it.state, "user_agent": it.user_agent, "place": it.place,
                "device": it.device, "organization": it.organization, "authenticated": it.context.proofs,
                "risk": it.risk,
                "created_at": moment(it.created_at), "last_seen_at": moment(it.last_seen_at),
                "expires_at": moment(it.expires_at),
            })
        });
        self.list(page, Stage::Memberships, "],\"memberships\":[")
    }

    async fn memberships(&mut self) -> Result<ExportPart, PortError> {
        let page = self.ports.store().memberships_of(self.account, self.request.clone()).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for found in page.items {
            let it = found.value;
            let organization = self.ports.store().organization(it.organization).await?;
            items.push(json!({
                "organization": it.organization, "name": organization.map(|found| found.value.name),
                "roles": it.roles, "joined_at": moment(it.joined_at),
            }));
        }
        let (next, close) = self.first_records();
        self.list(Page::new(items, page.next), next, &format!("],\"records\":{{{close}"))
    }

    async fn records(&mut self, number: usize) -> Result<ExportPart, PortError> {
        let Some(kind) = self.kinds.all().get(number).copied() else {
            self.go_to(Stage::Activity);
            return Ok("},\"activity\":[".to_owned());
        };
        let (owner, request) = (self.account.to_string(), self.request.clone());
        let page = self.ports.store().records_by(kind.kind(), OWNER_INDEX, &owner, request).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for found in page.items {
            items.extend(kind.export(&found.value)?);
        }
        let after = self.kinds.all().get(number + 1);
        let (next, close) = match after {
            Some(after) => (Stage::Records(number + 1), format!("],{}:[", text(&after.kind().name())?)),
            None => (Stage::Activity, "]},\"activity\":[".to_owned()),
        };
        self.list(Page::new(items, page.next), next, &close)
    }

    async fn activity(&mut self) -> Result<ExportPart, PortError> {
        let subject = event_subject(self.account);
        let page = self.audit.entries_about(&subject, self.request.clone()).await?;
        let page = page.map(|it| json!({ "type": it.event_type, "time": moment(it.time), "data": it.data }));
        self.list(page, Stage::Done, "]}")
    }

    /// The stage of the first kind of record, with what opens its list.
    fn first_records(&self) -> (Stage, String) {
        match self.kinds.all().first() {
            Some(kind) => (Stage::Records(0), format!("\"{}\":[", kind.kind().name())),
            None => (Stage::Records(0), String::new()),
        }
    }

    /// A page of a list, and what comes behind the last one.
    fn list(&mut self, page: Page<Value>, next: Stage, close: &str) -> Result<ExportPart, PortError> {
        let mut part = String::new();
        for item in &page.items {
            if std::mem::replace(&mut self.begun, true) {
                part.push(',');
            }
            part.push_str(&text(item)?);
        }
        match page.next {
            Some(cursor) => self.request = PageRequest::after(cursor, PAGE),
            None => {
                part.push_str(close);
                self.go_to(next);
            }
        }
        Ok(part)
    }

    fn go_to(&mut self, stage: Stage) {
        self.stage = stage;
        self.request = PageRequest::first(PAGE);
        self.begun = false;
    }
}

fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, PortError> {
    // The cause could quote the value, and the error goes to the log.
    serde_json::to_string(value).map_err(|_| PortError::permanent("an export cannot be encoded"))
}

pub(super) fn moment(at: time::OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

const PAGE: u32 = 100;
