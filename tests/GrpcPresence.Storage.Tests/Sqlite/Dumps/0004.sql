PRAGMA application_id = 1198674034;
PRAGMA user_version = 4;
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
INSERT INTO "api_keys" VALUES(1,X'B7182AFFBFAD11541B5DF1799C7DDFC3','',3,NULL,'','c5771e31caacd57456c4c89b686b9da6','613a8844a8a0e1e4cfd8dd7e824b33662741b7527a9b9682d5012adae311edeb',NULL,NULL,0,639312959192563009,NULL,NULL);
CREATE TABLE last_commit (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id INTEGER NOT NULL
) STRICT;
INSERT INTO "last_commit" VALUES(1,17);
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
INSERT INTO "push_bindings" VALUES(1,1,2,X'B60C5F8C3DB722BD0B1D0B9AABC2293E',2,639312959187302006,'token');
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
INSERT INTO "services" VALUES(1,X'AE76E8F4A689C23F48259E61E40A23AB',9,0,0,639312959185736916,639312959186239101,1,300000000,750000000,50000000,1,'','','',1,1,1,639312959186121316,'one',4);
INSERT INTO "services" VALUES(2,X'A217B8021F967EF88CA5E844D1D97F90',0,0,0,639312959186281655,639312959186281655,0,300000000,750000000,50000000,1,'','','',0,0,0,639312959186281655,'two',0);
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
INSERT INTO "timelines" VALUES(1,X'296DDF166627406B00D662E4AA54128C');
INSERT INTO "timelines" VALUES(2,X'C6C0D53FCA7F4EB8A275A5DD570DE39B');
CREATE TABLE tombstones (
    service_id INTEGER NOT NULL REFERENCES services (id),
    revision INTEGER NOT NULL,
    sid BLOB NOT NULL CHECK (length(sid) = 16),
    identity TEXT NOT NULL,
    delete_time INTEGER NOT NULL,
    PRIMARY KEY (service_id, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO "tombstones" VALUES(1,9,X'856878C77AFEB98B3D9034BB9360405F','eve',639312959187406210);
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
, quiet_reasons INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "users" VALUES(2,1,X'2F78C854183DC40D149769BE4721FE55',1,3,8,3,8,NULL,1,1,3,0,0,0,639312959186825918,639312959186825918,'','ada','','{}',0);
INSERT INTO "users" VALUES(3,1,X'DD4A5DA5DE4E453776865C3D1C475D4A',0,4,7,7,0,639312959187216718,0,0,4,0,0,0,639312959186936751,639312959186936751,'','bob','','{}',0);
INSERT INTO "users" VALUES(4,1,X'04C82E7CC642ED16B396A8EF4925B509',1,5,5,5,0,NULL,0,0,5,0,0,0,639312959187012375,639312959187012375,'','cay','','{}',0);
INSERT INTO "users" VALUES(5,1,X'B2C94C6FD17B350BF6F3A116B6971FF7',0,0,6,0,0,NULL,0,0,6,0,0,0,639312959187071603,639312959187071603,'','dan','','{"a":1}',0);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('timelines',2);
INSERT INTO "sqlite_sequence" VALUES('services',2);
INSERT INTO "sqlite_sequence" VALUES('users',5);
INSERT INTO "sqlite_sequence" VALUES('push_bindings',1);
INSERT INTO "sqlite_sequence" VALUES('api_keys',1);
COMMIT;
