-- Without this index, a page of the offline users would read all online users in between. Users whose reachability was never known are in no list
-- of offline users, so that creating a user does not write to the index.
CREATE INDEX users_offline ON users (service_id, id) WHERE is_online = 0 AND known_revision > 0;
