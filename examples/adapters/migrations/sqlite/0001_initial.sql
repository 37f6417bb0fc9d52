-- One row per entity: its key, the columns that queries, uniqueness and expiry need, and the entity as a JSON document.
-- Every key begins with the tenant. Times are nanoseconds since 1970-01-01 UTC. Ids are the 16 bytes of a UUID.

CREATE TABLE accounts (
    tenant   BLOB    NOT NULL,
    id       BLOB    NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- The key is the uniqueness of identifiers.
CREATE TABLE identifiers (
    tenant  BLOB NOT NULL,
    kind    TEXT NOT NULL,
    value   TEXT NOT NULL,
    account BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, value),
    FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX identifiers_of_account ON identifiers (tenant, account);

CREATE TABLE credentials (
    tenant   BLOB    NOT NULL,
    id       BLOB    NOT NULL,
    account  BLOB    NOT NULL,
    counter  INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX credentials_of_account ON credentials (tenant, account, id);

CREATE TABLE organizations (
    tenant   BLOB    NOT NULL,
    id       BLOB    NOT NULL,
    slug     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, slug)
);

CREATE TABLE memberships (
    tenant       BLOB    NOT NULL,
    organization BLOB    NOT NULL,
    account      BLOB    NOT NULL,
    version      INTEGER NOT NULL,
    document     TEXT    NOT NULL,
    PRIMARY KEY (tenant, organization, account)
);
CREATE INDEX memberships_of_account ON memberships (tenant, account, organization);

CREATE TABLE sessions (
    tenant     BLOB    NOT NULL,
    id         BLOB    NOT NULL,
    account    BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX sessions_of_account ON sessions (tenant, account, id);
CREATE INDEX sessions_by_expiry ON sessions (tenant, expires_at);

-- What the protocol crates own. `index_values` repeats the rows of `record_indexes`, so that a record is one read.
CREATE TABLE records (
    tenant       BLOB    NOT NULL,
    kind         TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    schema       INTEGER NOT NULL,
    counter      INTEGER NOT NULL,
    expires_at   INTEGER,
    version      INTEGER NOT NULL,
    index_values TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    PRIMARY KEY (tenant, kind, key)
);
CREATE INDEX records_by_expiry ON records (tenant, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE record_indexes (
    tenant    BLOB    NOT NULL,
    kind      TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    is_unique INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, name, value, key),
    FOREIGN KEY (tenant, kind, key) REFERENCES records (tenant, kind, key) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE UNIQUE INDEX record_indexes_unique ON record_indexes (tenant, kind, name, value) WHERE is_unique = 1;
CREATE INDEX record_indexes_of_record ON record_indexes (tenant, kind, key);

-- Events and messages that are not delivered yet, in the order of their commits.
CREATE TABLE outbox (
    tenant       BLOB    NOT NULL,
    position     INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    subject      TEXT,
    payload      TEXT    NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER,
    PRIMARY KEY (tenant, position),
    UNIQUE (tenant, id)
);
CREATE INDEX outbox_by_subject ON outbox (tenant, subject, position) WHERE subject IS NOT NULL;

-- Short-lived values and counters.
CREATE TABLE ephemeral (
    tenant     BLOB    NOT NULL,
    namespace  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    value      BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, namespace, name)
);
CREATE INDEX ephemeral_by_expiry ON ephemeral (tenant, expires_at);

CREATE TABLE counters (
    tenant     BLOB    NOT NULL,
    namespace  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, namespace, name)
);
CREATE INDEX counters_by_expiry ON counters (tenant, expires_at);
