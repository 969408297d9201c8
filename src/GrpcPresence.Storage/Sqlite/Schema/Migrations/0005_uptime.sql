-- One row: how long the server has run over all its starts (total), and the wall time at which that was stored. The writer replaces it every
-- second. What must survive a restart and ends with a lease is stored in this time, because it stands still while the server does.
CREATE TABLE uptime (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    alive_time INTEGER,
    total INTEGER NOT NULL
) STRICT;

INSERT INTO uptime VALUES (1, NULL, 0);

-- The uptime at which the store last learned that the user is alive. About one write an hour for each user that stays online.
ALTER TABLE users ADD COLUMN last_alive INTEGER NOT NULL DEFAULT 0;

-- Session ids that no heartbeat may begin again up to an uptime. The user need not exist: deleting a user ends its sessions.
CREATE TABLE ended_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    until INTEGER NOT NULL,
    identity TEXT NOT NULL,
    session_id TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX ended_sessions_by_session ON ended_sessions (service_id, identity, session_id);
CREATE INDEX ended_sessions_by_end ON ended_sessions (until);
