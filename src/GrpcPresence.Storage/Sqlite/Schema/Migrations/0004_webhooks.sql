-- Whom the events of a service instance are told, and how far that has come: position is the revision up to which everything was told, and 0 while
-- there is no URL to tell. Filters are the names of events with commas between.
CREATE TABLE webhooks (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    position INTEGER NOT NULL,
    method INTEGER NOT NULL,
    pre_url TEXT NOT NULL,
    post_url TEXT NOT NULL,
    filters TEXT NOT NULL
) STRICT;

-- What libraries read and write and nothing here looks into: one JSON object.
CREATE TABLE notifications (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    settings TEXT NOT NULL
) STRICT;

-- The bits of UpdateReasons whose last change webhooks were not told of.
ALTER TABLE users ADD COLUMN quiet_reasons INTEGER NOT NULL DEFAULT 0;

-- A page of the push bindings of a type that few have would else be looked for among all of the service instance.
CREATE INDEX push_bindings_by_type ON push_bindings (service_id, type, id);
