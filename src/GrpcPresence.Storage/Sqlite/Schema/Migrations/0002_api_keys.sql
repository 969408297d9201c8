-- API keys. This table contains no secret: the hash of a secret of 384 random bits cannot be inverted, and the salt is one of two inputs of a secret.
-- A scope is the SID of a service instance, not its key, because a revoked key remains after its service instance is deleted.
CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sid BLOB NOT NULL UNIQUE CHECK (length(sid) = 16),
    friendly_name TEXT NOT NULL,
    role INTEGER NOT NULL,
    scope BLOB CHECK (length(scope) = 16),
    certificate_name TEXT NOT NULL,
    secret_salt TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    previous_salt TEXT,
    previous_hash TEXT,
    previous_until INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    rotate_time INTEGER,
    revoke_time INTEGER
) STRICT;

CREATE INDEX api_keys_by_scope ON api_keys (scope, revoke_time);
CREATE UNIQUE INDEX api_keys_by_certificate_name ON api_keys (certificate_name) WHERE certificate_name <> '' AND revoke_time IS NULL;
