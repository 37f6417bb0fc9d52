//! The reads of the durable store, once for every dialect.

use std::sync::Arc;

use ciam_core::account::{Account, IdentifierKey};
use ciam_core::clock::Clock;
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, OrganizationId, SessionId, TenantId};
use ciam_core::organization::{Membership, Organization};
use ciam_core::session::Session;
use ciam_core::store::{Page, PageRequest, Record, RecordKind, Versioned};
use uuid::Uuid;

use super::instant::nanos;
use super::page::Bounds;
use super::row::{StoredRecordRow, decode_entity};
use super::statements as sql;

/// Whose data it is, and whose clock counts.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) tenant: Uuid,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Scope {
    pub(crate) fn new(tenant: TenantId, clock: Arc<dyn Clock>) -> Self {
        Self { tenant: *tenant.as_uuid(), clock }
    }

    pub(crate) fn now(&self) -> i64 {
        nanos(self.clock.now())
    }
}

/// A parameter of a read.
#[derive(Clone, Debug)]
pub(crate) enum Param {
    /// An id.
    Id(Uuid),
    /// The id behind which a listing begins; `None` is before every id.
    After(Option<Uuid>),
    /// A text.
    Text(String),
    /// A number, or a time in nanoseconds.
    Number(i64),
}

/// A row by the names of its columns.
pub(crate) trait Columns {
    /// An id.
    fn id(&self, column: &str, table: &'static str) -> Result<Uuid, PortError>;
    /// A text.
    fn text(&self, column: &str) -> Result<&str, PortError>;
    /// A number.
    fn number(&self, column: &str) -> Result<i64, PortError>;
    /// A number or `NULL`.
    fn optional_number(&self, column: &str) -> Result<Option<i64>, PortError>;
}

/// Connections of a dialect that read.
pub(crate) trait Reader: Send + Sync {
    /// A row of this dialect.
    type Row: Columns + Send;

    /// Runs a query of a tenant, which is its first parameter.
    fn fetch(
        &self,
        sql: &'static str,
        tenant: Uuid,
        params: Vec<Param>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, PortError>> + Send;

    /// Runs a query that was made for this once, of a tenant, which is its first parameter.
    fn fetch_once(
        &self,
        sql: String,
        tenant: Uuid,
        params: Vec<Param>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, PortError>> + Send;

    /// Whether this dialect holds such a text at all.
    fn holds(_text: &str) -> bool {
        true
    }

    /// An index value as this dialect stores it.
    fn index_value(value: &str) -> String {
        value.to_owned()
    }
}

/// The reads of one tenant.
#[derive(Clone, Debug)]
pub(crate) struct Reads<R> {
    reader: R,
    scope: Scope,
}

impl<R: Reader> Reads<R> {
    pub(crate) const fn new(reader: R, scope: Scope) -> Self {
        Self { reader, scope }
    }

    async fn one<T>(
        &self,
        sql: &'static str,
        params: Vec<Param>,
        decode: impl Fn(&R::Row) -> Result<T, PortError>,
    ) -> Result<Option<T>, PortError> {
        Ok(self.all(sql, params, decode).await?.into_iter().next())
    }

    async fn all<T>(
        &self,
        sql: &'static str,
        params: Vec<Param>,
        decode: impl Fn(&R::Row) -> Result<T, PortError>,
    ) -> Result<Vec<T>, PortError> {
        let rows = self.reader.fetch(sql, self.scope.tenant, params).await?;
        rows.iter().map(decode).collect()
    }

    /// As [`all`](Self::all), of a query that was made for this once.
    pub(super) async fn all_once<T>(
        &self,
        sql: String,
        params: Vec<Param>,
        decode: impl Fn(&R::Row) -> Result<T, PortError>,
    ) -> Result<Vec<T>, PortError> {
        let rows = self.reader.fetch_once(sql, self.scope.tenant, params).await?;
        rows.iter().map(decode).collect()
    }

    pub(super) fn now(&self) -> Param {
        Param::Number(self.scope.now())
    }

    pub(crate) async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.one(sql::ACCOUNT, vec![Param::Id(*id.as_uuid())], account).await
    }

    pub(crate) async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        let params = vec![text(key.kind().as_str()), text(key.as_str())];
        self.one(sql::ACCOUNT_BY_IDENTIFIER, params, account).await
    }

    pub(crate) async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        let bounds = Bounds::<AccountId>::new(&page)?;
        let params = vec![after(bounds.after.as_ref().map(AccountId::as_uuid)), Param::Number(bounds.rows())];
        let items = self.all(sql::ACCOUNTS, params, account).await?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    pub(crate) async fn credentials_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<Versioned<Credential>>, PortError> {
        let limit = i64::try_from(Credential::MAX_PER_ACCOUNT).unwrap_or(i64::MAX);
        let params = vec![Param::Id(*account.as_uuid()), Param::Number(limit)];
        self.all(sql::CREDENTIALS_OF, params, credential).await
    }

    pub(crate) async fn organization(
        &self,
        id: OrganizationId,
    ) -> Result<Option<Versioned<Organization>>, PortError> {
        self.one(sql::ORGANIZATION, vec![Param::Id(*id.as_uuid())], organization).await
    }

    pub(crate) async fn organization_by_slug(
        &self,
        slug: &str,
    ) -> Result<Option<Versioned<Organization>>, PortError> {
        self.one(sql::ORGANIZATION_BY_SLUG, vec![text(slug)], organization).await
    }

    pub(crate) async fn organizations(
        &self,
        page: PageRequest,
    ) -> Result<Page<Versioned<Organization>>, PortError> {
        let bounds = Bounds::<OrganizationId>::new(&page)?;
        let params =
            vec![after(bounds.after.as_ref().map(OrganizationId::as_uuid)), Param::Number(bounds.rows())];
        let items = self.all(sql::ORGANIZATIONS, params, organization).await?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    pub(crate) async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        let params = vec![Param::Id(*organization.as_uuid()), Param::Id(*account.as_uuid())];
        self.one(sql::MEMBERSHIP, params, membership).await
    }

    pub(crate) async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let bounds = Bounds::<AccountId>::new(&page)?;
        let params = vec![
            Param::Id(*organization.as_uuid()),
            after(bounds.after.as_ref().map(AccountId::as_uuid)),
            Param::Number(bounds.rows()),
        ];
        let items = self.all(sql::MEMBERS_OF, params, membership).await?;
        bounds.page(items, |found| found.value.account.to_string())
    }

    pub(crate) async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let bounds = Bounds::<OrganizationId>::new(&page)?;
        let params = vec![
            Param::Id(*account.as_uuid()),
            after(bounds.after.as_ref().map(OrganizationId::as_uuid)),
            Param::Number(bounds.rows()),
        ];
        let items = self.all(sql::MEMBERSHIPS_OF, params, membership).await?;
        bounds.page(items, |found| found.value.organization.to_string())
    }

    pub(crate) async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.one(sql::SESSION, vec![Param::Id(*id.as_uuid()), self.now()], session).await
    }

    pub(crate) async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        let bounds = Bounds::<SessionId>::new(&page)?;
        let params = vec![
            Param::Id(*account.as_uuid()),
            after(bounds.after.as_ref().map(SessionId::as_uuid)),
            self.now(),
            Param::Number(bounds.rows()),
        ];
        let items = self.all(sql::SESSIONS_OF, params, session).await?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    pub(crate) async fn record(
        &self,
        kind: RecordKind,
        key: &str,
    ) -> Result<Option<Versioned<Record>>, PortError> {
        let params = vec![text(kind.name()), text(key), self.now()];
        self.one(sql::RECORD, params, |row| record(row, kind)).await
    }

    pub(crate) async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let bounds = Bounds::<String>::new(&page)?;
        let params = vec![
            text(kind.name()),
            Param::Text(bounds.after.clone().unwrap_or_default()),
            self.now(),
            Param::Number(bounds.rows()),
        ];
        let items = self.all(sql::RECORDS, params, |row| record(row, kind)).await?;
        bounds.page(items, |found| found.value.key.clone())
    }

    pub(crate) async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let index = kind
            .index(index)
            .ok_or_else(|| PortError::permanent("the record kind does not declare this index"))?;
        let bounds = Bounds::<String>::new(&page)?;
        let params = vec![
            text(kind.name()),
            text(index.name()),
            Param::Text(R::index_value(value)),
            Param::Text(bounds.after.clone().unwrap_or_default()),
            self.now(),
            Param::Number(bounds.rows()),
        ];
        let items = self.all(sql::RECORDS_BY, params, |row| record(row, kind)).await?;
        bounds.page(items, |found| found.value.key.clone())
    }

    /// Whether the outbox holds something that can be leased.
    pub(crate) async fn outbox_has_work(&self) -> Result<bool, PortError> {
        Ok(self.one(sql::OUTBOX_HAS_WORK, vec![self.now()], |_| Ok(())).await?.is_some())
    }
}

pub(super) fn text(text: &str) -> Param {
    Param::Text(text.to_owned())
}

fn after(id: Option<&Uuid>) -> Param {
    Param::After(id.copied())
}

fn account(row: &impl Columns) -> Result<Versioned<Account>, PortError> {
    let id = row.id("id", "accounts")?;
    entity(row, "accounts", |found: &Account| *found.id.as_uuid() == id)
}

fn credential(row: &impl Columns) -> Result<Versioned<Credential>, PortError> {
    let id = row.id("id", "credentials")?;
    entity(row, "credentials", |found: &Credential| *found.id.as_uuid() == id)
}

fn organization(row: &impl Columns) -> Result<Versioned<Organization>, PortError> {
    let id = row.id("id", "organizations")?;
    entity(row, "organizations", |found: &Organization| *found.id.as_uuid() == id)
}

fn membership(row: &impl Columns) -> Result<Versioned<Membership>, PortError> {
    let organization = row.id("organization", "memberships")?;
    let account = row.id("account", "memberships")?;
    entity(row, "memberships", |found: &Membership| {
        *found.organization.as_uuid() == organization && *found.account.as_uuid() == account
    })
}

fn session(row: &impl Columns) -> Result<Versioned<Session>, PortError> {
    let id = row.id("id", "sessions")?;
    entity(row, "sessions", |found: &Session| *found.id.as_uuid() == id)
}

pub(super) fn record(row: &impl Columns, kind: RecordKind) -> Result<Versioned<Record>, PortError> {
    let stored = StoredRecordRow {
        key: row.text("key")?.to_owned(),
        schema: row.number("schema")?,
        counter: row.number("counter")?,
        expires_at: row.optional_number("expires_at")?,
        version: row.number("version")?,
        index_values: row.text("index_values")?.to_owned(),
        body: row.text("body")?.to_owned(),
    };
    Ok(stored.decode(kind)?)
}

fn entity<T: serde::de::DeserializeOwned>(
    row: &impl Columns,
    table: &'static str,
    is_it: impl FnOnce(&T) -> bool,
) -> Result<Versioned<T>, PortError> {
    Ok(decode_entity(table, row.text("document")?, row.number("version")?, is_it)?)
}
