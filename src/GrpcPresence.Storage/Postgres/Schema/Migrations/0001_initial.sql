-- SIDs and ids of timelines are uuid: 16 bytes that sort like their text. Texts that a caller chooses are bytea in UTF-8, because a text of
-- PostgreSQL cannot contain the character U+0000, and because bytes compare and sort the same way under every collation. The other texts
-- have the collation "C" for the same reason. Times are 100 ns ticks of UTC since the year 1 and durations are 100 ns ticks: etags are made
-- of ticks, so nothing may be rounded. Revisions of properties are 0 while the property was not changed since the user was created. No
-- table refers to another one by a foreign key: it would cost a check for each row, and the one writer already holds the service instance.

-- An index that finds a row by an identity or an address has service_id + 0, and the statements compare the same expression. So the planner
-- cannot take an index of the plain service_id instead and filter all rows of the service instance, as it does while a table that grows
-- quickly was not analyzed yet. SIDs are unique by themselves: the statements that look for one compare service_id - 0, which has no index,
-- so that only the index of the SID is left.

-- One row for each node. A commit locks its row first, and goes on only if the row still names the node, its generation and the commit
-- before. last_stale and last_revisions are the result of the last commit, for a writer that did not receive it. Server names the server
-- and the database that the node has written to last. written_by is the transaction that wrote the row: a row that a dump restored was
-- written by another one.
CREATE TABLE nodes (
    id bigint PRIMARY KEY,
    incarnation bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    last_commit bigint NOT NULL,
    last_directory_stale boolean NOT NULL,
    last_stale boolean[] NOT NULL,
    last_revisions bigint[] NOT NULL,
    timeline_seq bigint NOT NULL,
    renewed_at timestamptz NOT NULL,
    server text COLLATE "C" NOT NULL,
    written_by xid8 NOT NULL
) WITH (fillfactor = 10);

-- One row: which service instances and API keys exist. Keys are never used again, so the next ones are stored.
CREATE TABLE directory (
    only_row boolean PRIMARY KEY CHECK (only_row),
    version bigint NOT NULL,
    next_service_id bigint NOT NULL,
    next_api_key_id bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO directory VALUES (true, 0, 1, 1);

-- cut_timeline_seq is the last timeline in which the service instance took a revision. Every commit updates rows of this table, so most of
-- each page is free for their next versions.
CREATE TABLE services (
    id bigint PRIMARY KEY,
    sid uuid NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    purged_revision bigint NOT NULL,
    user_count bigint NOT NULL,
    next_user_id bigint NOT NULL,
    next_binding_id bigint NOT NULL,
    next_ended_session_id bigint NOT NULL,
    cut_timeline_seq bigint NOT NULL,
    is_deleted boolean NOT NULL,
    reachability_enabled boolean NOT NULL,
    auto_create_users boolean NOT NULL,
    create_time bigint NOT NULL,
    update_time bigint NOT NULL,
    heartbeat_interval bigint NOT NULL,
    session_timeout bigint NOT NULL,
    offline_debounce bigint NOT NULL,
    configuration_revision bigint NOT NULL,
    switched_on_revision bigint NOT NULL,
    switch_revision bigint NOT NULL,
    configuration_update_time bigint NOT NULL,
    default_service_role_sid text COLLATE "C" NOT NULL,
    default_conversation_role_sid text COLLATE "C" NOT NULL,
    default_conversation_creator_role_sid text COLLATE "C" NOT NULL,
    friendly_name bytea NOT NULL
) WITH (fillfactor = 10);
CREATE UNIQUE INDEX services_by_sid ON services (sid) WHERE NOT is_deleted;
CREATE INDEX services_deleted ON services (id) WHERE is_deleted;

-- What a transition does not change of a user.
CREATE TABLE users (
    service_id bigint NOT NULL,
    id bigint NOT NULL,
    sid uuid NOT NULL,
    created_revision bigint NOT NULL,
    friendly_name_revision bigint NOT NULL,
    attributes_revision bigint NOT NULL,
    role_revision bigint NOT NULL,
    create_time bigint NOT NULL,
    update_time bigint NOT NULL,
    binding_count int NOT NULL,
    quiet_reasons int NOT NULL,
    had_binding boolean NOT NULL,
    role_sid text COLLATE "C" NOT NULL,
    identity bytea NOT NULL,
    friendly_name bytea NOT NULL,
    attributes bytea NOT NULL,
    PRIMARY KEY (service_id, id)
);
CREATE UNIQUE INDEX users_by_sid ON users (sid, service_id);
CREATE UNIQUE INDEX users_by_identity ON users ((service_id + 0), identity);

-- The narrow half of a user, which transitions write: PostgreSQL writes a whole row for each change of it. One row for each row of users.
-- Vacuum runs early, because each transition leaves a dead version of a row. A third of each page is free, so that most next versions of
-- its rows stay in the page.
CREATE TABLE presence (
    user_id bigint PRIMARY KEY,
    service_id bigint NOT NULL,
    revision bigint NOT NULL,
    known_revision bigint NOT NULL,
    online_revision bigint NOT NULL,
    notifiable_revision bigint NOT NULL,
    last_alive bigint NOT NULL,
    last_online_time bigint,
    is_online boolean NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX presence_by_revision ON presence (service_id, revision);
CREATE INDEX presence_online ON presence (service_id, user_id) WHERE is_online;
CREATE INDEX presence_offline ON presence (service_id, user_id) WHERE NOT is_online AND known_revision > 0;

CREATE TABLE tombstones (
    service_id bigint NOT NULL,
    revision bigint NOT NULL,
    delete_time bigint NOT NULL,
    sid uuid NOT NULL,
    identity bytea NOT NULL,
    PRIMARY KEY (service_id, revision)
);
CREATE INDEX tombstones_by_sid ON tombstones (sid);
CREATE INDEX tombstones_by_identity ON tombstones ((service_id + 0), identity, revision);
CREATE INDEX tombstones_by_time ON tombstones (delete_time);

CREATE TABLE push_bindings (
    id bigint PRIMARY KEY,
    service_id bigint NOT NULL,
    user_id bigint NOT NULL,
    sid uuid NOT NULL,
    create_time bigint NOT NULL,
    type int NOT NULL,
    endpoint bytea NOT NULL
);
CREATE UNIQUE INDEX push_bindings_by_sid ON push_bindings (sid, service_id);
CREATE UNIQUE INDEX push_bindings_by_address ON push_bindings ((service_id + 0), type, endpoint);
CREATE INDEX push_bindings_by_service ON push_bindings (service_id, id);
CREATE INDEX push_bindings_by_type ON push_bindings (service_id, type, id);
CREATE INDEX push_bindings_by_user ON push_bindings (user_id, id);

-- Session ids that no heartbeat may begin again up to an uptime. The user need not exist: deleting a user ends its sessions.
CREATE TABLE ended_sessions (
    id bigint PRIMARY KEY,
    service_id bigint NOT NULL,
    until bigint NOT NULL,
    identity bytea NOT NULL,
    session_id bytea NOT NULL
);
CREATE UNIQUE INDEX ended_sessions_by_session ON ended_sessions (service_id, identity, session_id);
CREATE INDEX ended_sessions_by_end ON ended_sessions (until);

-- One row: how long the server has run over all its starts, and the wall time at which that was stored. The writer replaces it every
-- second.
CREATE TABLE uptime (
    only_row boolean PRIMARY KEY CHECK (only_row),
    alive_time bigint,
    total bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO uptime VALUES (true, NULL, 0);

-- The URLs that receive the events of a service instance, and the progress of delivery. Filters are the names of events, separated by
-- commas.
CREATE TABLE webhooks (
    service_id bigint PRIMARY KEY,
    position bigint NOT NULL,
    known_since bigint,
    sweep_since bigint,
    sweep_after bigint,
    method int NOT NULL,
    pre_fails_closed boolean NOT NULL,
    secret_generation bigint NOT NULL,
    epoch bigint NOT NULL,
    pre_url bytea NOT NULL,
    post_url bytea NOT NULL,
    filters bytea NOT NULL
);

-- Settings that client libraries read and write, and that the server does not use: one JSON object.
CREATE TABLE notifications (
    service_id bigint PRIMARY KEY,
    settings text COLLATE "C" NOT NULL
);

-- This table contains no secret: the hash of a secret of 384 random bits cannot be inverted, and the salt is one of two inputs of a secret.
-- A scope is the SID of a service instance, not its key, because a revoked key remains after its service instance is deleted.
CREATE TABLE api_keys (
    id bigint PRIMARY KEY,
    sid uuid NOT NULL UNIQUE,
    role int NOT NULL,
    scope uuid,
    previous_until bigint NOT NULL,
    create_time bigint NOT NULL,
    rotate_time bigint,
    revoke_time bigint,
    secret_salt text COLLATE "C" NOT NULL,
    secret_hash text COLLATE "C" NOT NULL,
    previous_salt text COLLATE "C",
    previous_hash text COLLATE "C",
    certificate_name bytea NOT NULL,
    friendly_name bytea NOT NULL
);
CREATE INDEX api_keys_by_scope ON api_keys (scope);
CREATE UNIQUE INDEX api_keys_by_certificate_name ON api_keys (certificate_name) WHERE certificate_name <> '' AND revoke_time IS NULL;

-- One row for each start of the store.
CREATE TABLE timelines (
    seq bigint PRIMARY KEY,
    id uuid NOT NULL UNIQUE
);

-- Where a service instance left the timelines before this one: its revision before the first one that it took in this timeline. A timeline
-- in which it took none has no row, so a start costs nothing for each service instance.
CREATE TABLE timeline_cuts (
    service_id bigint NOT NULL,
    timeline_seq bigint NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (service_id, timeline_seq)
);
