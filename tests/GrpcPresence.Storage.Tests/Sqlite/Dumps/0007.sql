PRAGMA application_id = 1198674034;
PRAGMA user_version = 7;
BEGIN TRANSACTION;
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
INSERT INTO "api_keys" VALUES(1,X'C82F3138FB2208F5187E29FB0FD67C84','',3,NULL,'','4957b4d59eb66616bf9f4d6acaf5945d','5cc5a6da4c1ca7cc669fbf355717376853f1c4fe82f8e5ff8a9ea42ad4e01b79',NULL,NULL,0,639313065775217828,NULL,NULL);
CREATE TABLE ended_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    until INTEGER NOT NULL,
    identity TEXT NOT NULL,
    session_id TEXT NOT NULL
) STRICT;
INSERT INTO "ended_sessions" VALUES(1,1,755497096,'bob','s1');
CREATE TABLE last_commit (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id INTEGER NOT NULL
) STRICT;
INSERT INTO "last_commit" VALUES(1,20);
CREATE TABLE notifications (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    settings TEXT NOT NULL
) STRICT;
CREATE TABLE push_bindings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    type INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    endpoint TEXT NOT NULL
) STRICT;
INSERT INTO "push_bindings" VALUES(1,1,2,X'9E922B1AEEBBBE1F6AA2134BA08B20DC',2,639313065763732717,'token');
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
, user_count INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "services" VALUES(1,X'F0A1B4F27432D771BCE9E7D9C73122D3',9,0,0,639313065760655883,639313065761760203,1,300000000,750000000,50000000,1,'','','',1,1,1,639313065761538684,'one',4);
INSERT INTO "services" VALUES(2,X'C58AE2672D74CF8B751A186C2AFA710E',0,0,0,639313065761879747,639313065761879747,0,300000000,750000000,50000000,1,'','','',0,0,0,639313065761879747,'two',0);
CREATE TABLE timeline_cuts (
    service_id INTEGER NOT NULL REFERENCES services (id),
    timeline_seq INTEGER NOT NULL REFERENCES timelines (seq),
    revision INTEGER NOT NULL,
    PRIMARY KEY (service_id, timeline_seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "timeline_cuts" VALUES(1,1,0);
CREATE TABLE timelines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16)
) STRICT;
INSERT INTO "timelines" VALUES(1,X'1541EEA318967C860BAA5EC07178E43F');
INSERT INTO "timelines" VALUES(2,X'F3B638C7C1C3AECEC6D991F66298A4C8');
CREATE TABLE tombstones (
    service_id INTEGER NOT NULL REFERENCES services (id),
    revision INTEGER NOT NULL,
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    identity TEXT NOT NULL,
    delete_time INTEGER NOT NULL,
    PRIMARY KEY (service_id, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO "tombstones" VALUES(1,9,X'DA5828842910BAF535D0CA6C6ED1295D','eve',639313065763852361);
CREATE TABLE uptime (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    alive_time INTEGER,
    total INTEGER NOT NULL
) STRICT;
INSERT INTO "uptime" VALUES(1,639313065771949806,3107782);
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
, quiet_reasons INTEGER NOT NULL DEFAULT 0, last_alive INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "users" VALUES(2,1,X'3BDA68DD380078582B841692CD35B2D9',1,3,8,3,8,NULL,1,1,3,0,0,0,639313065762633643,639313065762633643,'','ada','','{}',0,5284667);
INSERT INTO "users" VALUES(3,1,X'A8CB168ED4C65AD55343C5497ECC3E97',0,4,7,7,0,639313065763661375,0,0,4,0,0,0,639313065762857242,639313065762857242,'','bob','','{}',0,6312383);
INSERT INTO "users" VALUES(4,1,X'CED43EB1512ED4ED72F650719F903215',1,5,5,5,0,NULL,0,0,5,0,0,0,639313065763052427,639313065763052427,'','cay','','{}',0,5703446);
INSERT INTO "users" VALUES(5,1,X'CB051008F8CD50E5F3CBEE6282896CF4',0,0,6,0,0,NULL,0,0,6,0,0,0,639313065763412725,639313065763412725,'','dan','','{"a":1}',0,0);
CREATE TABLE webhooks (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    position INTEGER NOT NULL,
    method INTEGER NOT NULL,
    pre_url TEXT NOT NULL,
    post_url TEXT NOT NULL,
    filters TEXT NOT NULL
, known_since INTEGER, sweep_since INTEGER, sweep_after INTEGER, epoch INTEGER NOT NULL DEFAULT 0, pre_fails_closed INTEGER NOT NULL DEFAULT 0, secret_generation INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "webhooks" VALUES(1,2,1,'','http://webhook.example/hook','onUserUpdated',1,NULL,NULL,1795709776198,0,1);
CREATE UNIQUE INDEX services_by_sid ON services (sid) WHERE is_deleted = 0;
CREATE INDEX services_deleted ON services (id) WHERE is_deleted = 1;
CREATE UNIQUE INDEX users_by_sid ON users (service_id, sid);
CREATE UNIQUE INDEX users_by_identity ON users (service_id, identity);
CREATE INDEX users_by_revision ON users (service_id, revision);
CREATE INDEX users_by_service ON users (service_id, id);
CREATE INDEX users_online ON users (service_id, id) WHERE is_online = 1;
CREATE INDEX tombstones_by_sid ON tombstones (service_id, sid, revision);
CREATE INDEX tombstones_by_identity ON tombstones (service_id, identity, revision);
CREATE INDEX tombstones_by_time ON tombstones (delete_time);
CREATE UNIQUE INDEX push_bindings_by_sid ON push_bindings (service_id, sid);
CREATE UNIQUE INDEX push_bindings_by_address ON push_bindings (service_id, type, endpoint);
CREATE INDEX push_bindings_by_service ON push_bindings (service_id, id);
CREATE INDEX push_bindings_by_user ON push_bindings (user_id, id);
CREATE INDEX api_keys_by_scope ON api_keys (scope, revoke_time);
CREATE UNIQUE INDEX api_keys_by_certificate_name ON api_keys (certificate_name) WHERE certificate_name <> '' AND revoke_time IS NULL;
CREATE INDEX push_bindings_by_type ON push_bindings (service_id, type, id);
CREATE UNIQUE INDEX ended_sessions_by_session ON ended_sessions (service_id, identity, session_id);
CREATE INDEX ended_sessions_by_end ON ended_sessions (until);
CREATE INDEX users_offline ON users (service_id, id) WHERE is_online = 0 AND known_revision > 0;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('timelines',2);
INSERT INTO "sqlite_sequence" VALUES('services',2);
INSERT INTO "sqlite_sequence" VALUES('users',5);
INSERT INTO "sqlite_sequence" VALUES('ended_sessions',1);
INSERT INTO "sqlite_sequence" VALUES('push_bindings',1);
INSERT INTO "sqlite_sequence" VALUES('api_keys',1);
COMMIT;
