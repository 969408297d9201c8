-- Keys of users and push bindings come from counters of the service instance, so that they become visible in their order also where several
-- writers commit. The key of the service instance in the high bits keeps them unique in these tables. Earlier keys are lower, so lists that are
-- sorted by key and their page tokens stay valid.
ALTER TABLE services ADD COLUMN next_user_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN next_binding_id INTEGER NOT NULL DEFAULT 0;

UPDATE services SET next_user_id = (id << 36) + 1, next_binding_id = (id << 36) + 1;

-- Every commit that writes to a service instance raises its version; one that writes an API key, or adds or removes a service instance, raises
-- the version of the directory. A commit writes nothing where the version is not the one that it has read.
ALTER TABLE services ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE last_commit ADD COLUMN directory_version INTEGER NOT NULL DEFAULT 0;
