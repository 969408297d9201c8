PRAGMA application_id = 1198674034;
PRAGMA user_version = 8;
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
INSERT INTO "api_keys" VALUES(1,X'3C13DDC6B553242AB1BC9697A9ADECD7','',3,NULL,'','b34dc54531bfaea9a877aac1fe9fef3a','ce052d05de57bc169a8277e63b422b614b46be3d66595f2022624fa6367bf11e',NULL,NULL,0,639313215915059637,NULL,NULL);
CREATE TABLE ended_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id INTEGER NOT NULL REFERENCES services (id),
    until INTEGER NOT NULL,
    identity TEXT NOT NULL,
    session_id TEXT NOT NULL
) STRICT;
INSERT INTO "ended_sessions" VALUES(1,1,753534188,'bob','s1');
CREATE TABLE last_commit (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id INTEGER NOT NULL
, directory_version INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "last_commit" VALUES(1,18,3);
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
INSERT INTO "push_bindings" VALUES(68719476737,1,68719476738,X'12527027FC87C73EDD4160BFCA74417A',2,639313215909003920,'token');
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
, user_count INTEGER NOT NULL DEFAULT 0, next_user_id INTEGER NOT NULL DEFAULT 0, next_binding_id INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "services" VALUES(1,X'5F82BD0013DD96F7F6A0222A3F2635BB',9,0,0,639313215907549709,639313215908164841,1,300000000,750000000,50000000,1,'','','',1,1,1,639313215908059993,'one',4,68719476742,68719476738,14);
INSERT INTO "services" VALUES(2,X'AB67302B5C1CD431328CD39107607664',0,0,0,639313215908193205,639313215908193205,0,300000000,750000000,50000000,1,'','','',0,0,0,639313215908193205,'two',0,137438953473,137438953473,1);
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
INSERT INTO "timelines" VALUES(1,X'B7014FD8490388B299749965D2B11C08');
INSERT INTO "timelines" VALUES(2,X'84456ACEDB6BA6868DA2CCA33B3C626D');
CREATE TABLE tombstones (
    service_id INTEGER NOT NULL REFERENCES services (id),
    revision INTEGER NOT NULL,
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    identity TEXT NOT NULL,
    delete_time INTEGER NOT NULL,
    PRIMARY KEY (service_id, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO "tombstones" VALUES(1,9,X'FDA4B2BB0B2263EF36119C7DA7D8EC8A','eve',639313215909225007);
CREATE TABLE uptime (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    alive_time INTEGER,
    total INTEGER NOT NULL
) STRICT;
INSERT INTO "uptime" VALUES(1,639313215913465377,1892908);
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
INSERT INTO "users" VALUES(68719476738,1,X'FA652F21720FF1A11CC6C60720C3A3C2',1,3,8,3,8,NULL,1,1,3,0,0,0,639313215908648475,639313215908648475,'','ada','','{}',0,3460267);
INSERT INTO "users" VALUES(68719476739,1,X'693A65663987B3315A9A6AEF263C0315',0,4,7,7,0,639313215908919032,0,0,4,0,0,0,639313215908724142,639313215908724142,'','bob','','{}',0,3730813);
INSERT INTO "users" VALUES(68719476740,1,X'BD5593084DC7BEC88E9DE502F2B65BEC',1,5,5,5,0,NULL,0,0,5,0,0,0,639313215908763188,639313215908763188,'','cay','','{}',0,3574969);
INSERT INTO "users" VALUES(68719476741,1,X'9F78124CAAE8D6F97E4F0119DF75CE70',0,0,6,0,0,NULL,0,0,6,0,0,0,639313215908794759,639313215908794759,'','dan','','{"a":1}',0,0);
CREATE TABLE webhooks (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    position INTEGER NOT NULL,
    method INTEGER NOT NULL,
    pre_url TEXT NOT NULL,
    post_url TEXT NOT NULL,
    filters TEXT NOT NULL
, known_since INTEGER, sweep_since INTEGER, sweep_after INTEGER, epoch INTEGER NOT NULL DEFAULT 0, pre_fails_closed INTEGER NOT NULL DEFAULT 0, secret_generation INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "webhooks" VALUES(1,2,1,'','http://webhook.example/hook','onUserUpdated',1,NULL,NULL,1795724790829,0,1);
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
INSERT INTO "sqlite_sequence" VALUES('users',68719476741);
INSERT INTO "sqlite_sequence" VALUES('ended_sessions',1);
INSERT INTO "sqlite_sequence" VALUES('push_bindings',68719476737);
INSERT INTO "sqlite_sequence" VALUES('api_keys',1);
COMMIT;
