//! Every read and every write finds its rows by an index.

use ciam_core::account::IdentifierKey;
use ciam_core::credential::Credential;
use ciam_core::ephemeral::{Ephemeral as _, EphemeralKey};
use ciam_core::event::{Event, EventType};
use ciam_core::id::{AccountId, CredentialId, OrganizationId, SessionId, TenantId};
use ciam_core::organization::{Membership, Organization, Slug};
use ciam_core::secret::TokenDigest;
use ciam_core::session::Session;
use ciam_core::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, PageRequest, Precondition, Record, RecordKind, Store,
    Version, Write,
};
use sqlx::PgConnection;
use time::Duration;

use crate::postgres_support::{Schema, execute};
use crate::support::{account, clock, other_tenant};

const OWNER: IndexDeclaration = IndexDeclaration::many("owner");
const TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
const NOTE: RecordKind = RecordKind::new("test.note", &[OWNER, TOKEN]);
const ROWS: usize = 20_000;

/// Rows of somebody else, so many that reading all of them would show, and a few of the tenant's.
async fn fill(connection: &mut PgConnection, tenant: TenantId) {
    let id = "gen_random_uuid()";
    let rows = format!("FROM generate_series(1, {ROWS}) AS n");
    let of = format!("SELECT '{tenant}'::uuid");
    for statement in [
        format!("INSERT INTO accounts {of}, {id}, 1, '{{}}' {rows}"),
        format!("INSERT INTO identifiers {of}, 'email', n || '@example.com', {id} {rows}"),
        format!("INSERT INTO credentials {of}, {id}, {id}, 0, 1, '{{}}' {rows}"),
        format!("INSERT INTO organizations {of}, {id}, 'slug-' || n, 1, '{{}}' {rows}"),
        format!("INSERT INTO memberships {of}, {id}, {id}, 1, '{{}}' {rows}"),
        format!("INSERT INTO sessions {of}, {id}, {id}, {} - n, 1, '{{}}' {rows}", i64::MAX),
        format!(
            "INSERT INTO records {of}, 'test.note', n::text, 1, 0, {} - n, 1, '[]', '{{}}' {rows}",
            i64::MAX
        ),
        format!("INSERT INTO record_indexes {of}, 'test.note', 'token', n::text, n::text, true {rows}"),
        format!(
            "INSERT INTO outbox (tenant, id, subject, payload, leased_until) {of}, {id}, 's' || n, '{{}}', {} {rows}",
            i64::MAX
        ),
        format!("INSERT INTO ephemeral {of}, 'test.value', 'n' || n, 'x', {} - n {rows}", i64::MAX),
        format!("INSERT INTO counters {of}, 'test.value', 'n' || n, 1, {} - n {rows}", i64::MAX),
    ] {
        execute(connection, &statement).await;
    }
    execute(connection, "ANALYZE").await;
}

/// How often each table has been read as a whole.
async fn whole_reads(connection: &mut PgConnection, schema: &str) -> Vec<(String, i64)> {
    let counts = "SELECT relname::text, seq_scan FROM pg_stat_user_tables \
                  WHERE schemaname = $1 AND relname <> 'schema_version' ORDER BY relname";
    sqlx::query_as(counts).bind(schema).fetch_all(connection).await.unwrap()
}

/// One batch of everything, more often than a plan stays a first plan.
async fn write_everything(store: &dyn Store) {
    let ports = ciam_core::memory::ports();
    for round in 0..8 {
        let (now, id) = (clock().now(), || *account("x@example.com").id.as_uuid());
        let ada = account(&format!("ada{round}@example.com"));
        let credential =
            Credential::new(CredentialId::from_uuid(id()), ada.id, "password", serde_json::json!({}), now);
        let slug = Slug::new(format!("shop-{round}")).unwrap();
        let shop = Organization::new(OrganizationId::from_uuid(id()), slug, "Shop", now);
        let membership = Membership::new(shop.id, ada.id, std::collections::BTreeSet::new(), now);
        let session = Session::new(
            SessionId::from_uuid(id()),
            ada.id,
            TokenDigest::of("secret"),
            ciam_core::assurance::AuthenticationContext::default(),
            now,
            now + Duration::HOUR,
        );
        let mut record = Record::new(NOTE, format!("note {round}"), 1, "{}");
        record.indexes = vec![IndexValue::new(OWNER, "ada"), IndexValue::new(TOKEN, format!("t{round}"))];
        let references = [
            EntityRef::Account(ada.id),
            EntityRef::Identifier(ada.identifiers[0].key.clone()),
            EntityRef::Credential(credential.id),
            EntityRef::Organization(shop.id),
            EntityRef::Membership(shop.id, ada.id),
            EntityRef::Session(session.id),
            EntityRef::Record(NOTE, record.key.clone()),
        ];
        let writes = [
            Write::PutAccount(ada.clone()),
            Write::PutCredential(credential.clone()),
            Write::PutOrganization(shop.clone()),
            Write::PutMembership(membership),
            Write::PutSession(session.clone()),
            Write::PutRecord(record.clone()),
        ];
        let first = references.iter().cloned().fold(Batch::new(), Batch::require_absent);
        let first = writes.iter().cloned().fold(first, Batch::write);
        let event = |of: &str| Event::new(&ports, EventType::ACCOUNT_UPDATED, of).unwrap();
        let first = first.event(event("mine")).event(event(&ada.event_subject()));
        assert!(store.commit(first).await.unwrap().is_applied());
        let second = references
            .iter()
            .cloned()
            .fold(Batch::new(), |batch, entity| batch.require_version(entity, Version::FIRST));
        let counted = EntityRef::Record(NOTE, record.key.clone());
        let second = second.require(Precondition::CounterBelow(counted, 1));
        let second = writes.iter().cloned().fold(second, Batch::write);
        assert!(store.commit(second).await.unwrap().is_applied());
        read_everything(store, &ada.identifiers[0].key, ada.id, &shop, session.id).await;
        let deletions = Batch::new()
            .write(Write::DeleteCredential(credential.id))
            .write(Write::DeleteMembership(shop.id, ada.id))
            .write(Write::DeleteSession(session.id))
            .write(Write::DeleteRecord(NOTE, record.key));
        assert!(store.commit(deletions).await.unwrap().is_applied());
        let claimed = store.claim_outbox(Duration::MINUTE, 10).await.unwrap();
        assert_eq!(claimed.len(), 2);
        store.acknowledge(&[claimed[0].id, claimed[1].id]).await.unwrap();
        store.prune(now, 100).await.unwrap();
    }
}

async fn read_everything(
    store: &dyn Store,
    key: &IdentifierKey,
    account: AccountId,
    organization: &Organization,
    session: SessionId,
) {
    let page = || PageRequest::first(3);
    // The rows of the filling are no entities, which these two find out, having read them.
    assert!(store.accounts(page()).await.is_err());
    assert!(store.organizations(page()).await.is_err());
    assert!(store.account(account).await.unwrap().is_some());
    assert!(store.account_by_identifier(key).await.unwrap().is_some());
    assert_eq!(store.credentials_of(account).await.unwrap().len(), 1);
    assert!(store.organization(organization.id).await.unwrap().is_some());
    assert!(store.organization_by_slug(organization.slug.as_str()).await.unwrap().is_some());
    assert!(store.membership(organization.id, account).await.unwrap().is_some());
    assert_eq!(store.members_of(organization.id, page()).await.unwrap().items.len(), 1);
    assert_eq!(store.memberships_of(account, page()).await.unwrap().items.len(), 1);
    assert!(store.session(session).await.unwrap().is_some());
    assert_eq!(store.sessions_of(account, page()).await.unwrap().items.len(), 1);
    assert!(store.record(NOTE, "note 0").await.is_ok());
    assert_eq!(store.records(NOTE, PageRequest::first(3)).await.unwrap().items.len(), 3);
    assert_eq!(store.records_by(NOTE, "owner", "ada", page()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let Some(schema) = Schema::new() else { return };
    let (mine, others) = (other_tenant(), other_tenant());
    let database = schema.open().await;
    let mut connection = schema.connection().await;
    fill(&mut connection, others).await;
    fill(&mut connection, mine).await;
    // A backlog of one's own is read: the oldest items first.
    execute(&mut connection, &format!("DELETE FROM outbox WHERE tenant = '{mine}'; ANALYZE")).await;
    drop(connection);
    // A server counts what a session did when the session ends.
    database.close().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut watcher = schema.connection().await;
    let before = whole_reads(&mut watcher, schema.name()).await;
    assert_eq!(before.len(), 11);

    let database = schema.open().await;
    let store = database.tenant(mine, clock());
    write_everything(&store).await;
    let ephemeral = database.ephemeral(mine, clock());
    for round in 0..80 {
        let key = EphemeralKey::new("test.value", format!("mine {round}"));
        ephemeral.put(&key, b"x".to_vec(), Duration::MINUTE).await.unwrap();
        ephemeral.get(&key).await.unwrap();
        ephemeral.compare_and_swap(&key, b"x", b"y".to_vec(), Duration::MINUTE).await.unwrap();
        ephemeral.put_if_absent(&key, b"x".to_vec(), Duration::MINUTE).await.unwrap();
        ephemeral.take(&key).await.unwrap();
        ephemeral.increment(&key, Duration::MINUTE).await.unwrap();
    }
    database.close().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut watcher = schema.connection().await;
    assert_eq!(whole_reads(&mut watcher, schema.name()).await, before);
}

/// Rows of indexes that were read, and of tables that were read as a whole.
async fn rows_read(connection: &mut PgConnection, schema: &str) -> i64 {
    let rows = "SELECT ((SELECT COALESCE(SUM(seq_tup_read), 0) FROM pg_stat_user_tables WHERE schemaname = $1) \
                + (SELECT COALESCE(SUM(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE schemaname = $1))::bigint";
    sqlx::query_scalar(rows).bind(schema).fetch_one(connection).await.unwrap()
}

/// The indexes and tables of which most was read.
async fn most_read(connection: &mut PgConnection, schema: &str) -> Vec<String> {
    let most = "SELECT name || ': ' || rows FROM (\
                SELECT indexrelname AS name, idx_tup_read AS rows FROM pg_stat_user_indexes WHERE schemaname = $1 \
                UNION ALL SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE schemaname = $1) AS reads \
                ORDER BY rows DESC NULLS LAST LIMIT 3";
    sqlx::query_scalar(most).bind(schema).fetch_all(connection).await.unwrap()
}

/// An import begins on empty tables, and its connections keep the plans that they made then.
#[tokio::test]
async fn what_a_new_account_costs_does_not_grow_with_those_before_it() {
    const ACCOUNTS: usize = 2_000;
    let Some(schema) = Schema::new() else { return };
    let database = schema.open().await;
    let store = database.tenant(other_tenant(), clock());
    for batch in 0..ACCOUNTS / 20 {
        let mut commit = Batch::new();
        for number in 0..20 {
            let ada = account(&format!("ada-{batch}-{number}@example.com"));
            let mut record = Record::new(NOTE, format!("note {batch} {number}"), 1, "{}");
            record.indexes = vec![IndexValue::new(TOKEN, format!("token {batch} {number}"))];
            commit = commit
                .require_absent(EntityRef::Identifier(ada.identifiers[0].key.clone()))
                .write(Write::PutAccount(ada))
                .write(Write::PutRecord(record));
        }
        assert!(store.commit(commit).await.unwrap().is_applied());
    }
    database.close().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut watcher = schema.connection().await;
    let read = rows_read(&mut watcher, schema.name()).await;
    let each = usize::try_from(read).unwrap() / ACCOUNTS;
    let most = most_read(&mut watcher, schema.name()).await;
    assert!(each < 20, "{each} rows are read for each account, most of {most:?}");
}
