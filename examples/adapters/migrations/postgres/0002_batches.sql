-- A commit is one statement, so one round trip and one transaction: a call of `commit_batch`.
--
-- First it takes a lock for everything that the batch speaks of, in one order for all batches, so that two batches that
-- touch the same entity run one after the other and none waits for another in a circle. What does not exist yet has a lock
-- like everything else: of two batches that each require the absence of what the other inserts, one comes second. The
-- locks end with the transaction. Under them every statement sees what the batch before has committed (READ COMMITTED).
--
-- A released function is never changed so that a caller would notice: a change that one notices gets a new name.

-- Locks names, which say what they are a lock of, until the transaction ends.
CREATE FUNCTION batch_lock(p_tenant uuid, p_names text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(number) FROM (
        SELECT DISTINCT hashtextextended(current_schema() || p_tenant::text || name, 0) AS number
        FROM unnest(p_names) AS name ORDER BY number
    ) AS locks;
END
$$;

-- The position of the first precondition that does not hold, or NULL when all do. Locks the rows that it reads, against
-- whoever writes to them without a batch.
CREATE FUNCTION batch_check(p_tenant uuid, p_now bigint, p_require jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    r record;
    v_version bigint;
    v_counter bigint;
    v_holds boolean;
BEGIN
    FOR r IN SELECT * FROM jsonb_to_recordset(p_require)
        AS x(at integer, needs text, number bigint, entity text, id uuid, account uuid, kind text, key text)
    LOOP
        v_version := NULL;
        v_counter := NULL;
        CASE r.entity
        WHEN 'account' THEN
            SELECT e.version INTO v_version FROM accounts e
            WHERE e.tenant = p_tenant AND e.id = r.id FOR NO KEY UPDATE;
        WHEN 'identifier' THEN
            SELECT e.version INTO v_version FROM identifiers i
            JOIN accounts e ON e.tenant = i.tenant AND e.id = i.account
            WHERE i.tenant = p_tenant AND i.kind = r.kind AND i.value = r.key FOR NO KEY UPDATE OF e;
        WHEN 'credential' THEN
            SELECT e.version, e.counter INTO v_version, v_counter FROM credentials e
            WHERE e.tenant = p_tenant AND e.id = r.id FOR NO KEY UPDATE;
        WHEN 'organization' THEN
            SELECT e.version INTO v_version FROM organizations e
            WHERE e.tenant = p_tenant AND e.id = r.id FOR NO KEY UPDATE;
        WHEN 'membership' THEN
            SELECT e.version INTO v_version FROM memberships e
            WHERE e.tenant = p_tenant AND e.organization = r.id AND e.account = r.account FOR NO KEY UPDATE;
        WHEN 'session' THEN
            SELECT e.version INTO v_version FROM sessions e
            WHERE e.tenant = p_tenant AND e.id = r.id AND e.expires_at > p_now FOR NO KEY UPDATE;
        WHEN 'record' THEN
            SELECT e.version, e.counter INTO v_version, v_counter FROM records e
            WHERE e.tenant = p_tenant AND e.kind = r.kind AND e.key = r.key
            AND (e.expires_at IS NULL OR e.expires_at > p_now) FOR NO KEY UPDATE;
        END CASE;
        CASE r.needs
        WHEN 'absent' THEN v_holds := v_version IS NULL;
        WHEN 'version' THEN v_holds := v_version = r.number;
        WHEN 'counter' THEN v_holds := v_counter < r.number;
        END CASE;
        IF v_holds IS NOT TRUE THEN
            RETURN r.at;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Ends the transaction because a write would give a second owner to something unique. `CI001` is only used here.
CREATE FUNCTION batch_taken(p_at integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'something unique has an owner' USING ERRCODE = 'CI001', DETAIL = p_at::text;
END
$$;

CREATE FUNCTION batch_put_account(p_tenant uuid, p_at integer, p_id uuid, p_document text, p_identifiers jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_version bigint;
BEGIN
    INSERT INTO accounts AS e (tenant, id, version, document) VALUES (p_tenant, p_id, 1, p_document)
    ON CONFLICT (tenant, id) DO UPDATE SET version = e.version + 1, document = excluded.document
    RETURNING version INTO v_version;
    IF v_version > 1 THEN
        DELETE FROM identifiers i WHERE i.tenant = p_tenant AND i.account = p_id AND NOT EXISTS (
            SELECT 1 FROM jsonb_to_recordset(p_identifiers) AS x(kind text, value text)
            WHERE x.kind = i.kind AND x.value = i.value);
    END IF;
    INSERT INTO identifiers (tenant, kind, value, account)
    SELECT p_tenant, x.kind, x.value, p_id FROM jsonb_to_recordset(p_identifiers) AS x(kind text, value text)
    ORDER BY x.kind, x.value
    ON CONFLICT DO NOTHING;
    IF EXISTS (
        SELECT 1 FROM jsonb_to_recordset(p_identifiers) AS x(kind text, value text)
        JOIN identifiers i ON i.tenant = p_tenant AND i.kind = x.kind AND i.value = x.value
        WHERE i.account <> p_id)
        -- Once is enough: twice would be two owners.
        OR (SELECT count(*) > count(DISTINCT (x.kind, x.value))
            FROM jsonb_to_recordset(p_identifiers) AS x(kind text, value text))
    THEN
        PERFORM batch_taken(p_at);
    END IF;
END
$$;

CREATE FUNCTION batch_put_record(
    p_tenant uuid, p_now bigint, p_at integer, p_kind text, p_key text, p_schema bigint, p_counter bigint,
    p_expires_at bigint, p_index_values text, p_body text, p_indexed boolean, p_indexes jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_taken text[];
BEGIN
    INSERT INTO records AS e (tenant, kind, key, schema, counter, expires_at, version, index_values, body)
    VALUES (p_tenant, p_kind, p_key, p_schema, p_counter, p_expires_at, 1, p_index_values, p_body)
    ON CONFLICT (tenant, kind, key) DO UPDATE SET schema = excluded.schema, counter = excluded.counter,
    expires_at = excluded.expires_at, index_values = excluded.index_values, body = excluded.body,
    version = CASE WHEN e.expires_at <= p_now THEN 1 ELSE e.version + 1 END;
    IF NOT p_indexed THEN
        RETURN;
    END IF;
    DELETE FROM record_indexes i WHERE i.tenant = p_tenant AND i.kind = p_kind AND i.key = p_key AND NOT EXISTS (
        SELECT 1 FROM jsonb_to_recordset(p_indexes) AS x(name text, value text, is_unique boolean)
        WHERE x.name = i.name AND x.value = i.value AND x.is_unique = i.is_unique);
    INSERT INTO record_indexes (tenant, kind, name, value, key, is_unique)
    SELECT p_tenant, p_kind, x.name, x.value, p_key, x.is_unique
    FROM jsonb_to_recordset(p_indexes) AS x(name text, value text, is_unique boolean)
    ORDER BY x.name, x.value
    ON CONFLICT DO NOTHING;
    -- Whose are the unique values that are not this record's now?
    SELECT array_agg(i.key) INTO v_taken
    FROM jsonb_to_recordset(p_indexes) AS x(name text, value text, is_unique boolean)
    JOIN record_indexes i ON i.tenant = p_tenant AND i.kind = p_kind AND i.name = x.name AND i.value = x.value
        AND i.is_unique AND i.key <> p_key
    WHERE x.is_unique;
    IF v_taken IS NULL THEN
        RETURN;
    END IF;
    -- The value of a record that has expired is free.
    DELETE FROM records e WHERE e.tenant = p_tenant AND e.kind = p_kind AND e.key = ANY (v_taken)
        AND e.expires_at <= p_now;
    DELETE FROM record_indexes i WHERE i.tenant = p_tenant AND i.kind = p_kind AND i.key = ANY (v_taken)
        AND NOT EXISTS (
            SELECT 1 FROM records e WHERE e.tenant = p_tenant AND e.kind = p_kind AND e.key = i.key);
    INSERT INTO record_indexes (tenant, kind, name, value, key, is_unique)
    SELECT p_tenant, p_kind, x.name, x.value, p_key, x.is_unique
    FROM jsonb_to_recordset(p_indexes) AS x(name text, value text, is_unique boolean)
    WHERE x.is_unique
    ON CONFLICT DO NOTHING;
    IF EXISTS (
        SELECT 1 FROM jsonb_to_recordset(p_indexes) AS x(name text, value text, is_unique boolean)
        JOIN record_indexes i ON i.tenant = p_tenant AND i.kind = p_kind AND i.name = x.name
            AND i.value = x.value AND i.is_unique AND i.key <> p_key
        WHERE x.is_unique)
    THEN
        PERFORM batch_taken(p_at);
    END IF;
END
$$;

-- Writes in order, then the outbox. Raises `CI001` with the position of the write when something unique has an owner, and
-- `CI002` when an account would have too many credentials.
CREATE FUNCTION batch_write(p_tenant uuid, p_now bigint, p_writes text, p_outbox text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w record;
BEGIN
    FOR w IN SELECT * FROM jsonb_to_recordset(p_writes::jsonb) AS x(
        at integer, write text, id uuid, account uuid, kind text, key text, slug text, schema bigint, counter bigint,
        expires_at bigint, document text, identifiers jsonb, index_values text, indexed boolean, indexes jsonb,
        most bigint)
    LOOP
        CASE w.write
        WHEN 'put_account' THEN
            PERFORM batch_put_account(p_tenant, w.at, w.id, w.document, w.identifiers);
        WHEN 'put_credential' THEN
            IF (SELECT count(*) FROM credentials e
                WHERE e.tenant = p_tenant AND e.account = w.account AND e.id <> w.id) >= w.most
            THEN
                RAISE EXCEPTION 'the account has too many credentials' USING ERRCODE = 'CI002';
            END IF;
            INSERT INTO credentials AS e (tenant, id, account, counter, version, document)
            VALUES (p_tenant, w.id, w.account, w.counter, 1, w.document)
            ON CONFLICT (tenant, id) DO UPDATE SET account = excluded.account, counter = excluded.counter,
            version = e.version + 1, document = excluded.document;
        WHEN 'delete_credential' THEN
            DELETE FROM credentials e WHERE e.tenant = p_tenant AND e.id = w.id;
        WHEN 'put_organization' THEN
            IF EXISTS (SELECT 1 FROM organizations e
                WHERE e.tenant = p_tenant AND e.slug = w.slug AND e.id <> w.id)
            THEN
                PERFORM batch_taken(w.at);
            END IF;
            INSERT INTO organizations AS e (tenant, id, slug, version, document)
            VALUES (p_tenant, w.id, w.slug, 1, w.document)
            ON CONFLICT (tenant, id) DO UPDATE SET slug = excluded.slug, version = e.version + 1,
            document = excluded.document;
        WHEN 'put_membership' THEN
            INSERT INTO memberships AS e (tenant, organization, account, version, document)
            VALUES (p_tenant, w.id, w.account, 1, w.document)
            ON CONFLICT (tenant, organization, account) DO UPDATE SET version = e.version + 1,
            document = excluded.document;
        WHEN 'delete_membership' THEN
            DELETE FROM memberships e WHERE e.tenant = p_tenant AND e.organization = w.id AND e.account = w.account;
        WHEN 'put_session' THEN
            INSERT INTO sessions AS e (tenant, id, account, expires_at, version, document)
            VALUES (p_tenant, w.id, w.account, w.expires_at, 1, w.document)
            ON CONFLICT (tenant, id) DO UPDATE SET account = excluded.account, expires_at = excluded.expires_at,
            version = CASE WHEN e.expires_at <= p_now THEN 1 ELSE e.version + 1 END,
            document = excluded.document;
        WHEN 'delete_session' THEN
            DELETE FROM sessions e WHERE e.tenant = p_tenant AND e.id = w.id;
        WHEN 'put_record' THEN
            PERFORM batch_put_record(p_tenant, p_now, w.at, w.kind, w.key, w.schema, w.counter, w.expires_at,
                w.index_values, w.document, w.indexed, w.indexes);
        WHEN 'delete_record' THEN
            DELETE FROM records e WHERE e.tenant = p_tenant AND e.kind = w.kind AND e.key = w.key;
            DELETE FROM record_indexes i WHERE i.tenant = p_tenant AND i.kind = w.kind AND i.key = w.key;
        END CASE;
    END LOOP;
    -- Last, so that positions are given out under every lock of the batch: what one batch must wait for comes before it.
    INSERT INTO outbox (tenant, id, subject, payload)
    SELECT p_tenant, x.id, x.subject, x.payload
    FROM ROWS FROM (jsonb_to_recordset(p_outbox::jsonb) AS (id uuid, subject text, payload text)) WITH ORDINALITY
        AS x(id, subject, payload, number)
    ORDER BY x.number;
END
$$;

-- Takes the locks of a batch, and returns the position of the first precondition that does not hold. What comes between
-- this and `batch_write` in one transaction can write to other tables: a host's own.
CREATE FUNCTION begin_batch(p_tenant uuid, p_now bigint, p_locks text[], p_require text)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM batch_lock(p_tenant, p_locks);
    RETURN batch_check(p_tenant, p_now, p_require::jsonb);
END
$$;

-- Applies a batch whole and returns NULL, or applies nothing: returns the position of the first precondition that does not
-- hold, or raises what `batch_write` does.
CREATE FUNCTION commit_batch(
    p_tenant uuid, p_now bigint, p_locks text[], p_require text, p_writes text, p_outbox text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_failed integer;
BEGIN
    v_failed := begin_batch(p_tenant, p_now, p_locks, p_require);
    IF v_failed IS NULL THEN
        PERFORM batch_write(p_tenant, p_now, p_writes, p_outbox);
    END IF;
    RETURN v_failed;
END
$$;

-- Leases the oldest items, leaving out those of a subject with an older item that somebody else holds. One claim of a tenant
-- at a time, so that each sees the leases of the one before.
CREATE FUNCTION claim_outbox(p_tenant uuid, p_now bigint, p_until bigint, p_limit bigint)
RETURNS TABLE (item_position bigint, item_id uuid, item_attempts bigint, item_payload text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM batch_lock(p_tenant, ARRAY['outbox']);
    RETURN QUERY
        UPDATE outbox AS u SET attempts = u.attempts + 1, leased_until = p_until
        FROM (
            SELECT o.position FROM outbox o
            WHERE o.tenant = p_tenant AND (o.leased_until IS NULL OR o.leased_until <= p_now) AND NOT EXISTS (
                SELECT 1 FROM outbox held WHERE held.tenant = p_tenant AND held.subject = o.subject
                AND hashtextextended(held.subject, 0) = hashtextextended(o.subject, 0)
                AND held.position < o.position AND held.leased_until > p_now)
            ORDER BY o.position LIMIT p_limit
        ) AS due
        WHERE u.tenant = p_tenant AND u.position = due.position
        RETURNING u.position, u.id, u.attempts, u.payload;
END
$$;

-- Removes up to so many expired sessions and records, and returns how many it did. Rows that somebody is just writing are
-- left for the next time.
CREATE FUNCTION prune_expired(p_tenant uuid, p_before bigint, p_limit bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_sessions bigint;
    v_records bigint;
BEGIN
    WITH due AS (
        SELECT e.id FROM sessions e WHERE e.tenant = p_tenant AND e.expires_at <= p_before
        ORDER BY e.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM sessions e USING due WHERE e.tenant = p_tenant AND e.id = due.id;
    GET DIAGNOSTICS v_sessions = ROW_COUNT;
    WITH due AS (
        SELECT e.kind, e.key FROM records e
        WHERE e.tenant = p_tenant AND e.expires_at IS NOT NULL AND e.expires_at <= p_before
        ORDER BY e.expires_at LIMIT p_limit - v_sessions FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM records e USING due WHERE e.tenant = p_tenant AND e.kind = due.kind AND e.key = due.key
        RETURNING e.kind, e.key
    ), indexes AS (
        DELETE FROM record_indexes i USING due WHERE i.tenant = p_tenant AND i.kind = due.kind AND i.key = due.key
    )
    SELECT count(*) INTO v_records FROM gone;
    RETURN v_sessions + v_records;
END
$$;
