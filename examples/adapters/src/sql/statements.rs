//! The reads, in the words that SQLite and PostgreSQL have in common. The tenant is always `$1`.

pub(crate) const ACCOUNT: &str = "SELECT id, version, document FROM accounts WHERE tenant = $1 AND id = $2";
pub(crate) const ACCOUNT_BY_IDENTIFIER: &str = "\
    SELECT a.id, a.version, a.document FROM identifiers i \
    JOIN accounts a ON a.tenant = i.tenant AND a.id = i.account \
    WHERE i.tenant = $1 AND i.kind = $2 AND i.value = $3";
pub(crate) const ACCOUNTS: &str = "\
    SELECT id, version, document FROM accounts WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
pub(crate) const CREDENTIALS_OF: &str = "\
    SELECT id, version, document FROM credentials WHERE tenant = $1 AND account = $2 ORDER BY id LIMIT $3";
pub(crate) const ORGANIZATION: &str =
    "SELECT id, version, document FROM organizations WHERE tenant = $1 AND id = $2";
pub(crate) const ORGANIZATION_BY_SLUG: &str =
    "SELECT id, version, document FROM organizations WHERE tenant = $1 AND slug = $2";
pub(crate) const ORGANIZATIONS: &str = "\
    SELECT id, version, document FROM organizations WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
pub(crate) const MEMBERSHIP: &str = "\
    SELECT organization, account, version, document FROM memberships \
    WHERE tenant = $1 AND organization = $2 AND account = $3";
pub(crate) const MEMBERS_OF: &str = "\
    SELECT organization, account, version, document FROM memberships \
    WHERE tenant = $1 AND organization = $2 AND account > $3 ORDER BY account LIMIT $4";
pub(crate) const MEMBERSHIPS_OF: &str = "\
    SELECT organization, account, version, document FROM memberships \
    WHERE tenant = $1 AND account = $2 AND organization > $3 ORDER BY organization LIMIT $4";
pub(crate) const SESSION: &str = "\
    SELECT id, version, document FROM sessions WHERE tenant = $1 AND id = $2 AND expires_at > $3";
pub(crate) const SESSIONS_OF: &str = "\
    SELECT id, version, document FROM sessions \
    WHERE tenant = $1 AND account = $2 AND id > $3 AND expires_at > $4 ORDER BY id LIMIT $5";
pub(crate) const RECORD: &str = "\
    SELECT key, schema, counter, expires_at, version, index_values, body FROM records \
    WHERE tenant = $1 AND kind = $2 AND key = $3 AND (expires_at IS NULL OR expires_at > $4)";
pub(crate) const RECORDS: &str = "\
    SELECT key, schema, counter, expires_at, version, index_values, body FROM records \
    WHERE tenant = $1 AND kind = $2 AND key > $3 AND (expires_at IS NULL OR expires_at > $4) \
    ORDER BY key LIMIT $5";
pub(crate) const RECORDS_BY: &str = "\
    SELECT r.key, r.schema, r.counter, r.expires_at, r.version, r.index_values, r.body FROM record_indexes i \
    JOIN records r ON r.tenant = i.tenant AND r.kind = i.kind AND r.key = i.key \
    WHERE i.tenant = $1 AND i.kind = $2 AND i.name = $3 AND i.value = $4 AND i.key > $5 \
    AND (r.expires_at IS NULL OR r.expires_at > $6) ORDER BY i.key LIMIT $7";
pub(crate) const OUTBOX_HAS_WORK: &str = "\
    SELECT 1 FROM outbox WHERE tenant = $1 AND (leased_until IS NULL OR leased_until <= $2) ORDER BY position LIMIT 1";
