-- SIDs are kept as the 16 bytes behind the prefix, most significant first, not as 34 characters of text: every SID stands in a table and in an
-- index, and half the bytes is half the pages that a commit of random users writes. The order is that of the text; hex(sid) shows the digits.
-- Times are 100 ns ticks of UTC since the year 1 and durations are 100 ns ticks: etags are made of ticks, so nothing may be rounded.
-- Revisions of properties are 0 while the property was not changed since the user was created.

PRAGMA application_id = 1198674034; -- "GrPr"

-- One row: the id of the last transaction. It shows whether a commit that reported failure happened.
CREATE TABLE last_commit (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id INTEGER NOT NULL
) STRICT;

INSERT INTO last_commit VALUES (1, 0);

CREATE TABLE services (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    revision INTEGER NOT NULL,
    purged_revision INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL DEFAULT 0,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    reachability_enabled INTEGER NOT NULL,
    heartbeat_interval INTEGER NOT NULL,
    session_timeout INTEGER NOT NULL,
    offline_debounce INTEGER NOT NULL,
    auto_create_users INTEGER NOT NULL,
    default_service_role_sid TEXT NOT NULL,
    default_conversation_role_sid TEXT NOT NULL,
    default_conversation_creator_role_sid TEXT NOT NULL,
    configuration_revision INTEGER NOT NULL,
    switched_on_revision INTEGER NOT NULL,
    switch_revision INTEGER NOT NULL,
    configuration_update_time INTEGER NOT NULL,
    friendly_name TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX services_by_sid ON services (sid) WHERE is_deleted = 0;
CREATE INDEX services_deleted ON services (id) WHERE is_deleted = 1;

-- The long texts stand last, so that a scan for the numbers need not read past them.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    is_online INTEGER NOT NULL,
    known_revision INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    online_revision INTEGER NOT NULL,
    notifiable_revision INTEGER NOT NULL,
    last_online_time INTEGER,
    binding_count INTEGER NOT NULL,
    had_binding INTEGER NOT NULL,
    created_revision INTEGER NOT NULL,
    friendly_name_revision INTEGER NOT NULL,
    attributes_revision INTEGER NOT NULL,
    role_revision INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    role_sid TEXT NOT NULL,
    identity TEXT NOT NULL,
    friendly_name TEXT NOT NULL,
    attributes TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX users_by_sid ON users (service_id, sid);
CREATE UNIQUE INDEX users_by_identity ON users (service_id, identity);
CREATE INDEX users_by_revision ON users (service_id, revision);
CREATE INDEX users_by_service ON users (service_id, id);
-- The list of the online users of all service instances has no index of its own: it is read once, at the start, which has just read every page
-- for its check, and each transition would write a quarter more pages.
CREATE INDEX users_online ON users (service_id, id) WHERE is_online = 1;

CREATE TABLE tombstones (
    service_id INTEGER NOT NULL REFERENCES services (id),
    revision INTEGER NOT NULL,
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    identity TEXT NOT NULL,
    delete_time INTEGER NOT NULL,
    PRIMARY KEY (service_id, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX tombstones_by_sid ON tombstones (service_id, sid, revision);
CREATE INDEX tombstones_by_identity ON tombstones (service_id, identity, revision);
CREATE INDEX tombstones_by_time ON tombstones (delete_time);

CREATE TABLE push_bindings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    type INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    endpoint TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX push_bindings_by_sid ON push_bindings (service_id, sid);
CREATE UNIQUE INDEX push_bindings_by_address ON push_bindings (service_id, type, endpoint);
CREATE INDEX push_bindings_by_service ON push_bindings (service_id, id);
CREATE INDEX push_bindings_by_user ON push_bindings (user_id, id);

-- One row for each start of the store.
CREATE TABLE timelines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16)
) STRICT;

-- Where a service instance left the timelines before this one: its revision before the first one that it took in this timeline. A timeline in
-- which it took none has no row, so a start costs nothing for each service instance.
CREATE TABLE timeline_cuts (
    service_id INTEGER NOT NULL REFERENCES services (id),
    timeline_seq INTEGER NOT NULL REFERENCES timelines (seq),
    revision INTEGER NOT NULL,
    PRIMARY KEY (service_id, timeline_seq)
) STRICT, WITHOUT ROWID;
