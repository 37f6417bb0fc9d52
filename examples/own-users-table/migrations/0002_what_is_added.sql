-- What the shop adds, once. Nothing that it has is changed in a way that its own code would notice.

ALTER TABLE users
    -- Our id of the account. Rows that are there, and rows that the shop inserts by itself, get one.
    ADD COLUMN account_id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- One more at each write, ours and the shop's.
    ADD COLUMN account_version bigint NOT NULL DEFAULT 1,
    -- What an account has and the table has no column for. NULL until we first write the row.
    ADD COLUMN account_rest text,
    -- An account may have only a phone number, or, erased, nothing at all.
    ALTER COLUMN email DROP NOT NULL;
CREATE UNIQUE INDEX users_account_id ON users (account_id);
CREATE UNIQUE INDEX users_phone ON users (phone);

-- Identifiers beyond the first address and the first number of an account: the table has one column for each.
CREATE TABLE user_identifiers (
    kind       text COLLATE "C" NOT NULL,
    value      text COLLATE "C" NOT NULL,
    account_id uuid NOT NULL REFERENCES users (account_id) ON DELETE CASCADE,
    PRIMARY KEY (kind, value)
);
CREATE INDEX user_identifiers_account ON user_identifiers (account_id);

-- The shop's own code goes on writing to its table. What it changes counts as a version, so that an account that was read
-- before is not written over it.
CREATE FUNCTION count_account_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_version = OLD.account_version
        AND (NEW.email, NEW.email_confirmed_at, NEW.phone, NEW.full_name)
            IS DISTINCT FROM (OLD.email, OLD.email_confirmed_at, OLD.phone, OLD.full_name)
    THEN
        NEW.account_version := OLD.account_version + 1;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER count_account_version BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION count_account_version();
