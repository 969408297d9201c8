-- The number of users of a service instance, written with each change of it. The transaction that adds a user checks the limit against it. Existing
-- service instances are counted here, once. A deleted service instance takes no new users, so it is not counted.

ALTER TABLE services ADD COLUMN user_count INTEGER NOT NULL DEFAULT 0;

UPDATE services SET user_count = (SELECT count(*) FROM users WHERE users.service_id = services.id) WHERE is_deleted = 0;
