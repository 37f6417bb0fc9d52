-- The owner of something unique is looked up, value by value. A join left the planner a choice, and a plan that was made while the
-- tables were small and without statistics read them as a whole: an import became slower with every account. A caller
-- notices nothing else.

CREATE OR REPLACE FUNCTION batch_put_account(p_tenant uuid, p_at integer, p_id uuid, p_document text, p_identifiers jsonb)
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
        WHERE p_id <> (
            SELECT i.account FROM identifiers i
            WHERE i.tenant = p_tenant AND i.kind = x.kind AND i.value = x.value))
        -- Once is enough: twice would be two owners.
        OR (SELECT count(*) > count(DISTINCT (x.kind, x.value))
            FROM jsonb_to_recordset(p_identifiers) AS x(kind text, value text))
    THEN
        PERFORM batch_taken(p_at);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION batch_put_record(
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
    SELECT array_agg(others.key) INTO v_taken FROM (
        SELECT (
            SELECT i.key FROM record_indexes i
            WHERE i.tenant = p_tenant AND i.kind = p_kind AND i.name = x.name AND i.value = x.value AND i.is_unique
        ) AS key
        FROM jsonb_to_recordset(p_indexes) AS x(name text, value text, is_unique boolean)
        WHERE x.is_unique
    ) AS others
    WHERE others.key <> p_key;
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
        WHERE x.is_unique AND p_key <> (
            SELECT i.key FROM record_indexes i
            WHERE i.tenant = p_tenant AND i.kind = p_kind AND i.name = x.name AND i.value = x.value AND i.is_unique))
    THEN
        PERFORM batch_taken(p_at);
    END IF;
END
$$;

-- And what the functions do is done to a few rows that are found by their keys, however small the tables are when a plan is made:
-- it is kept while they grow. The setting ends with the function; a host's own statements between two of them have none of it.
ALTER FUNCTION begin_batch(uuid, bigint, text[], text) SET enable_seqscan = off;
ALTER FUNCTION batch_write(uuid, bigint, text, text) SET enable_seqscan = off;
ALTER FUNCTION commit_batch(uuid, bigint, text[], text, text, text) SET enable_seqscan = off;
