-- The entries of a record are found by its key, with which their index begins now. As long as it began with tenant and kind the
-- planner took it now and then to look up a value: while statistics know few rows that seems as good, and it reads every entry
-- of the kind. Older nodes ask the same and are answered by this one.

CREATE INDEX record_indexes_by_key ON record_indexes (key, kind, tenant);
DROP INDEX record_indexes_of_record;
