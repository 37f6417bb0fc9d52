-- One row per entity: its key, the columns that queries, uniqueness and expiry need, and the entity as a JSON document.
-- Every key begins with the tenant. Times are nanoseconds since 1970-01-01 UTC. Texts that are keys compare by their
-- bytes, as the library does, whatever the collation of the database. Rows are rewritten in place where no indexed column
-- changes: the fill factors leave room for it on the page.

CREATE TABLE accounts (
    tenant   uuid   NOT NULL,
    id       uuid   NOT NULL,
    version  bigint NOT NULL,
    document text   NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 85);

-- The key is the uniqueness of identifiers.
CREATE TABLE identifiers (
    tenant  uuid NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    value   text COLLATE "C" NOT NULL,
    account uuid NOT NULL,
    PRIMARY KEY (tenant, kind, value)
);
CREATE INDEX identifiers_of_account ON identifiers (tenant, account);

CREATE TABLE credentials (
    tenant   uuid   NOT NULL,
    id       uuid   NOT NULL,
    account  uuid   NOT NULL,
    counter  bigint NOT NULL,
    version  bigint NOT NULL,
    document text   NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 85);
CREATE INDEX credentials_of_account ON credentials (tenant, account, id);

CREATE TABLE organizations (
    tenant   uuid   NOT NULL,
    id       uuid   NOT NULL,
    slug     text   COLLATE "C" NOT NULL,
    version  bigint NOT NULL,
    document text   NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, slug)
) WITH (fillfactor = 85);

CREATE TABLE memberships (
    tenant       uuid   NOT NULL,
    organization uuid   NOT NULL,
    account      uuid   NOT NULL,
    version      bigint NOT NULL,
    document     text   NOT NULL,
    PRIMARY KEY (tenant, organization, account)
) WITH (fillfactor = 85);
CREATE INDEX memberships_of_account ON memberships (tenant, account, organization);

CREATE TABLE sessions (
    tenant     uuid   NOT NULL,
    id         uuid   NOT NULL,
    account    uuid   NOT NULL,
    expires_at bigint NOT NULL,
    version    bigint NOT NULL,
    document   text   NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE INDEX sessions_of_account ON sessions (tenant, account, id);
CREATE INDEX sessions_by_expiry ON sessions (tenant, expires_at);

-- What the protocol crates own. `index_values` repeats the rows of `record_indexes`, so that a record is one read.
CREATE TABLE records (
    tenant       uuid   NOT NULL,
    kind         text   COLLATE "C" NOT NULL,
    key          text   COLLATE "C" NOT NULL,
    schema       bigint NOT NULL,
    counter      bigint NOT NULL,
    expires_at   bigint,
    version      bigint NOT NULL,
    index_values text   NOT NULL,
    body         text   NOT NULL,
    PRIMARY KEY (tenant, kind, key)
) WITH (fillfactor = 80);
CREATE INDEX records_by_expiry ON records (tenant, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE record_indexes (
    tenant    uuid    NOT NULL,
    kind      text    COLLATE "C" NOT NULL,
    name      text    COLLATE "C" NOT NULL,
    value     text    COLLATE "C" NOT NULL,
    key       text    COLLATE "C" NOT NULL,
    is_unique boolean NOT NULL,
    PRIMARY KEY (tenant, kind, name, value, key)
);
CREATE UNIQUE INDEX record_indexes_unique ON record_indexes (tenant, kind, name, value) WHERE is_unique;
CREATE INDEX record_indexes_of_record ON record_indexes (tenant, kind, key);

-- Events and messages that are not delivered yet. Positions grow in the order of the commits that follow each other.
CREATE TABLE outbox (
    tenant       uuid   NOT NULL,
    position     bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    id           uuid   NOT NULL,
    subject      text,
    payload      text   NOT NULL,
    attempts     bigint NOT NULL DEFAULT 0,
    leased_until bigint,
    PRIMARY KEY (tenant, position),
    UNIQUE (tenant, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- Of the subject a digest: a subject may be longer than an index entry.
CREATE INDEX outbox_by_subject ON outbox (tenant, hashtextextended(subject, 0), position) WHERE subject IS NOT NULL;

-- Short-lived values and counters.
CREATE TABLE ephemeral (
    tenant     uuid   NOT NULL,
    namespace  text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    value      bytea  NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (tenant, namespace, name)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX ephemeral_by_expiry ON ephemeral (tenant, expires_at);

CREATE TABLE counters (
    tenant     uuid   NOT NULL,
    namespace  text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    count      bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (tenant, namespace, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX counters_by_expiry ON counters (tenant, expires_at);
