-- The URLs that receive the events of a service instance, and the progress of delivery: position is the revision up to which all events were
-- delivered, and 0 while no post_url is set. Filters are the names of events, separated by commas.
CREATE TABLE webhooks (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    position INTEGER NOT NULL,
    method INTEGER NOT NULL,
    pre_url TEXT NOT NULL,
    post_url TEXT NOT NULL,
    filters TEXT NOT NULL
) STRICT;

-- Settings that client libraries read and write, and that the server does not use: one JSON object.
CREATE TABLE notifications (
    service_id INTEGER PRIMARY KEY REFERENCES services (id),
    settings TEXT NOT NULL
) STRICT;

-- The bits of UpdateReasons whose last change skipped webhooks.
ALTER TABLE users ADD COLUMN quiet_reasons INTEGER NOT NULL DEFAULT 0;

-- Without this index, a page of a rare type of push binding would read all push bindings of the service instance.
CREATE INDEX push_bindings_by_type ON push_bindings (service_id, type, id);
