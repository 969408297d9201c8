-- Keys of users and push bindings come from counters of the service instance, so that they become visible in their order also where several
-- writers commit. The key of the service instance in the high bits keeps them unique in these tables. Earlier keys are lower, so lists that are
-- sorted by key and their page tokens stay valid.
ALTER TABLE services ADD COLUMN next_user_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN next_binding_id INTEGER NOT NULL DEFAULT 0;

-- A counter begins after any earlier key in its range. There is one only where somebody has edited the file or its sequences.
UPDATE services SET
    next_user_id = (id << 36) + 1 + (
        SELECT coalesce(max(u.id - (services.id << 36)), 0) FROM users AS u
        WHERE u.id > services.id << 36 AND u.id < (services.id + 1) << 36),
    next_binding_id = (id << 36) + 1 + (
        SELECT coalesce(max(b.id - (services.id << 36)), 0) FROM push_bindings AS b
        WHERE b.id > services.id << 36 AND b.id < (services.id + 1) << 36);

-- Every commit that writes to a service instance raises its version; one that writes an API key, or adds or removes a service instance, raises
-- the version of the directory. A commit writes nothing where the version is not the one that it has read.
ALTER TABLE services ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE last_commit ADD COLUMN directory_version INTEGER NOT NULL DEFAULT 0;
