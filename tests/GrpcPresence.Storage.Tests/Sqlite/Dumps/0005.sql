PRAGMA application_id = 1198674034;
PRAGMA user_version = 5;
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
INSERT INTO "api_keys" VALUES(1,X'D711D1717B9F0E795DA8298610B978FA','',3,NULL,'','bf7fc2f176e0f548918a83c0229124a0','196477a8836a72248d2c6220639606cd3dfb869569dc10ee72a31de4eb1d9cd9',NULL,NULL,0,639312959209348865,NULL,NULL);
CREATE TABLE ended_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    until INTEGER NOT NULL,
    identity TEXT NOT NULL,
    session_id TEXT NOT NULL
) STRICT;
INSERT INTO "ended_sessions" VALUES(1,1,753112393,'bob','s1');
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
INSERT INTO "push_bindings" VALUES(1,1,2,X'4E045DBC730A26FBF2541CA1CBED428D',2,639312959202499631,'token');
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
INSERT INTO "services" VALUES(1,X'23F5A91EAEFDC2BFD7AC01AB79EEFC1E',9,0,0,639312959200856683,639312959201311854,1,300000000,750000000,50000000,1,'','','',1,1,1,639312959201198946,'one',4);
INSERT INTO "services" VALUES(2,X'DFCC0CF3E9D6F783C6F5F752FE8F36F5',0,0,0,639312959201340512,639312959201340512,0,300000000,750000000,50000000,1,'','','',0,0,0,639312959201340512,'two',0);
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
INSERT INTO "timelines" VALUES(1,X'D2DAA3B63AA0AD417095C22F37A78330');
INSERT INTO "timelines" VALUES(2,X'AA31A2CDE36949CD8486A955DFB2F1D3');
CREATE TABLE tombstones (
    service_id INTEGER NOT NULL REFERENCES services (id),
    revision INTEGER NOT NULL,
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    identity TEXT NOT NULL,
    delete_time INTEGER NOT NULL,
    PRIMARY KEY (service_id, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO "tombstones" VALUES(1,9,X'EE78CE48C6548BE1A4F14CE4D9C80237','eve',639312959202641650);
CREATE TABLE uptime (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    alive_time INTEGER,
    total INTEGER NOT NULL
) STRICT;
INSERT INTO "uptime" VALUES(1,639312959207187145,1948659);
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
INSERT INTO "users" VALUES(2,1,X'FC41853A3423859A751A71C7887C899C',1,3,8,3,8,NULL,1,1,3,0,0,0,639312959201898490,639312959201898490,'','ada','','{}',0,3046746);
INSERT INTO "users" VALUES(3,1,X'5C3DA27B1281EC45374915B205A445FF',0,4,7,7,0,639312959202414835,0,0,4,0,0,0,639312959201965555,639312959201965555,'','bob','','{}',0,3563077);
INSERT INTO "users" VALUES(4,1,X'BF61D440BF3750C8BEA50E443F461D28',1,5,5,5,0,NULL,0,0,5,0,0,0,639312959201987230,639312959201987230,'','cay','','{}',0,3135475);
INSERT INTO "users" VALUES(5,1,X'970F5418ACFB2DCF364E4E7F463F0925',0,0,6,0,0,NULL,0,0,6,0,0,0,639312959202021365,639312959202021365,'','dan','','{"a":1}',0,0);
CREATE TABLE webhooks (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    position INTEGER NOT NULL,
    method INTEGER NOT NULL,
    pre_url TEXT NOT NULL,
    post_url TEXT NOT NULL,
    filters TEXT NOT NULL
) STRICT;
INSERT INTO "webhooks" VALUES(1,2,1,'','http://webhook.example/hook','onUserUpdated');
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('timelines',2);
INSERT INTO "sqlite_sequence" VALUES('services',2);
INSERT INTO "sqlite_sequence" VALUES('users',5);
INSERT INTO "sqlite_sequence" VALUES('ended_sessions',1);
INSERT INTO "sqlite_sequence" VALUES('push_bindings',1);
INSERT INTO "sqlite_sequence" VALUES('api_keys',1);
COMMIT;
