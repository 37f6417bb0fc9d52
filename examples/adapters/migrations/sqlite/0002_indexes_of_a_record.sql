-- The indexes of one record are found by its key. The planner has no statistics here, and preferred two columns of the
-- primary key to three of an index that lacked `is_unique`: it read every index of the kind for each record that was written
-- or deleted. An index that has all columns leaves it no reason to.
DROP INDEX record_indexes_of_record;
CREATE INDEX record_indexes_of_record ON record_indexes (tenant, kind, key, name, value, is_unique);
