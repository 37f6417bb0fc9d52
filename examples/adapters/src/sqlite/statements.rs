//! The statements of a commit, of the outbox and of pruning; the reads are in [`crate::sql`]. The tenant is always `$1`, and
//! in what a [`Script`](super::script::Script) has, `$2` is the time.
//!
//! An upsert is conditional on the version that the transaction knows: `NULL` for any, 0 for a row that does not exist or
//! has expired. It writes no row when that is not so.

pub(super) const ACCOUNT_VERSION: &str = "SELECT version FROM accounts WHERE tenant = $1 AND id = $3";
pub(super) const IDENTIFIER_VERSION: &str = "\
    SELECT a.version FROM identifiers i JOIN accounts a ON a.tenant = i.tenant AND a.id = i.account \
    WHERE i.tenant = $1 AND i.kind = $3 AND i.value = $4";
pub(super) const PUT_ACCOUNT: &str = "\
    INSERT INTO accounts (tenant, id, version, document) VALUES ($1, $3, 1, $4) \
    ON CONFLICT (tenant, id) DO UPDATE SET version = accounts.version + 1, document = excluded.document \
    WHERE $5 IS NULL OR accounts.version = $5";
pub(super) const CLEAR_IDENTIFIERS: &str = "DELETE FROM identifiers WHERE tenant = $1 AND account = $3";
pub(super) const PUT_IDENTIFIER: &str = "\
    INSERT INTO identifiers (tenant, account, kind, value) VALUES ($1, $3, $4, $5) ON CONFLICT DO NOTHING";

pub(super) const CREDENTIAL_VERSION: &str = "SELECT version FROM credentials WHERE tenant = $1 AND id = $3";
pub(super) const CREDENTIAL_COUNTER: &str = "SELECT counter FROM credentials WHERE tenant = $1 AND id = $3";
pub(super) const OTHER_CREDENTIALS: &str =
    "SELECT COUNT(*) FROM credentials WHERE tenant = $1 AND account = $3 AND id <> $4";
pub(super) const PUT_CREDENTIAL: &str = "\
    INSERT INTO credentials (tenant, id, account, counter, version, document) VALUES ($1, $3, $4, $5, 1, $6) \
    ON CONFLICT (tenant, id) DO UPDATE SET account = excluded.account, counter = excluded.counter, \
    version = credentials.version + 1, document = excluded.document \
    WHERE $7 IS NULL OR credentials.version = $7";
pub(super) const DELETE_CREDENTIAL: &str = "DELETE FROM credentials WHERE tenant = $1 AND id = $3";

pub(super) const ORGANIZATION_VERSION: &str =
    "SELECT version FROM organizations WHERE tenant = $1 AND id = $3";
pub(super) const PUT_ORGANIZATION: &str = "\
    INSERT INTO organizations (tenant, id, slug, version, document) VALUES ($1, $3, $4, 1, $5) \
    ON CONFLICT (tenant, id) DO UPDATE SET slug = excluded.slug, version = organizations.version + 1, \
    document = excluded.document \
    WHERE $6 IS NULL OR organizations.version = $6";

pub(super) const MEMBERSHIP_VERSION: &str =
    "SELECT version FROM memberships WHERE tenant = $1 AND organization = $3 AND account = $4";
pub(super) const PUT_MEMBERSHIP: &str = "\
    INSERT INTO memberships (tenant, organization, account, version, document) VALUES ($1, $3, $4, 1, $5) \
    ON CONFLICT (tenant, organization, account) DO UPDATE SET version = memberships.version + 1, \
    document = excluded.document \
    WHERE $6 IS NULL OR memberships.version = $6";
pub(super) const DELETE_MEMBERSHIP: &str =
    "DELETE FROM memberships WHERE tenant = $1 AND organization = $3 AND account = $4";

pub(super) const SESSION_VERSION: &str =
    "SELECT version FROM sessions WHERE tenant = $1 AND id = $3 AND expires_at > $2";
pub(super) const PUT_SESSION: &str = "\
    INSERT INTO sessions (tenant, id, account, expires_at, version, document) VALUES ($1, $3, $4, $5, 1, $6) \
    ON CONFLICT (tenant, id) DO UPDATE SET account = excluded.account, expires_at = excluded.expires_at, \
    version = CASE WHEN sessions.expires_at <= $2 THEN 1 ELSE sessions.version + 1 END, \
    document = excluded.document \
    WHERE $7 IS NULL OR $7 = CASE WHEN sessions.expires_at <= $2 THEN 0 ELSE sessions.version END";
pub(super) const DELETE_SESSION: &str = "DELETE FROM sessions WHERE tenant = $1 AND id = $3";
pub(super) const PRUNE_SESSIONS: &str = "\
    DELETE FROM sessions WHERE tenant = $1 AND id IN (\
    SELECT id FROM sessions WHERE tenant = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)";

pub(super) const RECORD_VERSION: &str = "\
    SELECT version FROM records \
    WHERE tenant = $1 AND kind = $3 AND key = $4 AND (expires_at IS NULL OR expires_at > $2)";
pub(super) const RECORD_COUNTER: &str = "\
    SELECT counter FROM records \
    WHERE tenant = $1 AND kind = $3 AND key = $4 AND (expires_at IS NULL OR expires_at > $2)";
/// Of what has none.
pub(super) const NO_COUNTER: &str = "SELECT 0 WHERE 1 = 0";
pub(super) const PUT_RECORD: &str = "\
    INSERT INTO records (tenant, kind, key, schema, counter, expires_at, version, index_values, body) \
    VALUES ($1, $3, $4, $5, $6, $7, 1, $8, $9) \
    ON CONFLICT (tenant, kind, key) DO UPDATE SET schema = excluded.schema, counter = excluded.counter, \
    expires_at = excluded.expires_at, index_values = excluded.index_values, body = excluded.body, \
    version = CASE WHEN records.expires_at <= $2 THEN 1 ELSE records.version + 1 END \
    WHERE $10 IS NULL OR $10 = CASE WHEN records.expires_at <= $2 THEN 0 ELSE records.version END";
pub(super) const CLEAR_RECORD_INDEXES: &str =
    "DELETE FROM record_indexes WHERE tenant = $1 AND kind = $3 AND key = $4";
pub(super) const PUT_RECORD_INDEX: &str = "\
    INSERT INTO record_indexes (tenant, kind, key, name, value, is_unique) VALUES ($1, $3, $4, $5, $6, $7) \
    ON CONFLICT DO NOTHING";
/// Frees a unique value whose record has expired; the index rows go with the record.
pub(super) const DELETE_EXPIRED_OWNER: &str = "\
    DELETE FROM records WHERE tenant = $1 AND kind = $3 AND expires_at <= $2 AND key = (\
    SELECT key FROM record_indexes \
    WHERE tenant = $1 AND kind = $3 AND name = $4 AND value = $5 AND is_unique = 1)";
pub(super) const DELETE_RECORD: &str = "DELETE FROM records WHERE tenant = $1 AND kind = $3 AND key = $4";
pub(super) const PRUNE_RECORDS: &str = "\
    DELETE FROM records WHERE tenant = $1 AND (kind, key) IN (\
    SELECT kind, key FROM records WHERE tenant = $1 AND expires_at IS NOT NULL AND expires_at <= $2 \
    ORDER BY expires_at LIMIT $3)";

pub(super) const PUSH_OUTBOX: &str = "\
    INSERT INTO outbox (tenant, position, id, subject, payload) \
    SELECT $1, COALESCE(MAX(position), 0) + 1, $3, $4, $5 FROM outbox WHERE tenant = $1";
/// Leases the oldest items, leaving out those of a subject with an older item that somebody else holds.
pub(super) const CLAIM_OUTBOX: &str = "\
    UPDATE outbox SET attempts = attempts + 1, leased_until = $3 \
    WHERE tenant = $1 AND position IN (\
    SELECT o.position FROM outbox o \
    WHERE o.tenant = $1 AND (o.leased_until IS NULL OR o.leased_until <= $2) AND NOT EXISTS (\
    SELECT 1 FROM outbox held WHERE held.tenant = $1 AND held.subject = o.subject \
    AND held.position < o.position AND held.leased_until > $2) \
    ORDER BY o.position LIMIT $4) \
    RETURNING position, id, attempts, payload";
pub(super) const ACKNOWLEDGE: &str = "DELETE FROM outbox WHERE tenant = $1 AND id = $2";
