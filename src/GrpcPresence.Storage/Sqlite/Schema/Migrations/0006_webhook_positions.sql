-- The position of webhooks covers what no row shows: known_since is the revision at which the on-period began whose reachability the endpoint may
-- have received, and NULL while reachability was off. A sweep sends the present state of the users that became known at sweep_since or later (0: of
-- every user), in the order of their keys, and has reached sweep_after; both are NULL without a sweep.
ALTER TABLE webhooks ADD COLUMN known_since INTEGER;
ALTER TABLE webhooks ADD COLUMN sweep_since INTEGER;
ALTER TABLE webhooks ADD COLUMN sweep_after INTEGER;

-- Revisions go back when a backup is restored. The epoch does not, so that the pair orders the events of a user: the time in milliseconds at which
-- the URL was set or the data went back.
ALTER TABLE webhooks ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Whether the server rejects an edit that the endpoint of pre_url did not answer.
ALTER TABLE webhooks ADD COLUMN pre_fails_closed INTEGER NOT NULL DEFAULT 0;

-- The secret that signs the webhooks is derived from a file outside the database, the key of the service instance, and this number.
ALTER TABLE webhooks ADD COLUMN secret_generation INTEGER NOT NULL DEFAULT 1;

UPDATE webhooks SET known_since = (
    SELECT switched_on_revision FROM services WHERE services.id = webhooks.service_id AND reachability_enabled = 1
) WHERE post_url <> '';

-- Earlier versions sent nothing when an on-period ended. Where one did, the endpoints may still believe in its reachability.
UPDATE webhooks SET sweep_since = 1, sweep_after = 0 WHERE post_url <> '' AND EXISTS (
    SELECT 1 FROM services AS s WHERE s.id = webhooks.service_id AND s.switch_revision > 0 AND (
        s.reachability_enabled = 0 OR EXISTS (
            SELECT 1 FROM users AS u WHERE u.service_id = s.id AND u.known_revision > 0 AND u.known_revision < s.switched_on_revision)));
