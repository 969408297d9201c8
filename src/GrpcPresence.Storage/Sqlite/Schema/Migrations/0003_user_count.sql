-- How many users a service instance has, written with each change of one: whether there is room for another is asked inside the transaction that
-- would add it. Counted once for what is there already; one that is deleted takes no users any more.

ALTER TABLE services ADD COLUMN user_count INTEGER NOT NULL DEFAULT 0;

UPDATE services SET user_count = (SELECT count(*) FROM users WHERE users.service_id = services.id) WHERE is_deleted = 0;
