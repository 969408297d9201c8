-- What several nodes need that share the database. A node that uses it alone has no name, and writes none of these tables except
-- cluster_changes. Every node writes the shard of what it adds. Rows from before have none: the first start of a cluster fills them in, and
-- then creates the indices that need them. So a database that one node uses alone pays nothing for them.

-- The row of a node of a cluster is its fence row. Its name belongs to one machine and address. A commit holds the row until it ends.
ALTER TABLE nodes
    ADD COLUMN name text COLLATE "C",
    ADD COLUMN last_lost_shards int[] NOT NULL DEFAULT '{}',
    ADD COLUMN last_switch_epoch bigint;
CREATE UNIQUE INDEX nodes_by_name ON nodes (name) WHERE name IS NOT NULL;

-- A row for each node of a cluster, apart from the fence row, so that a commit delays no renewal. Members have the form of node_text().
CREATE TABLE node_leases (
    node bigint PRIMARY KEY,
    renewal bigint NOT NULL,
    members text[] COLLATE "C" NOT NULL,
    acknowledged text[] COLLATE "C" NOT NULL
) WITH (fillfactor = 10);

-- One row. A call that changes members or holders of shards takes its lock first, so that a higher epoch is never visible before a lower one.
-- Data is the line of commits that the rows belong to: null until a node joins. secret_check is a keyed hash, and no secret.
CREATE TABLE cluster (
    only_row boolean PRIMARY KEY CHECK (only_row),
    id text COLLATE "C",
    secret_check bytea,
    has_shards boolean NOT NULL,
    data text COLLATE "C",
    timeline_seq bigint NOT NULL,
    epoch bigint NOT NULL,
    members_version bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO cluster VALUES (true, NULL, NULL, false, NULL, 0, 0, 0);

-- One row, raised by commits of API keys, webhook settings and notification settings. Apart from the row above, because a commit takes its
-- lock after those of service instances.
CREATE TABLE cluster_changes (
    only_row boolean PRIMARY KEY CHECK (only_row),
    version bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO cluster_changes VALUES (true, 1);

-- Owner is the id of a node; null if none holds the shard. The epoch is 0 if none ever did.
CREATE TABLE shards (
    no int PRIMARY KEY,
    owner bigint,
    incarnation bigint,
    epoch bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO shards (no, epoch) SELECT no, 0 FROM generate_series(0, 1023) AS no;
CREATE INDEX shards_by_epoch ON shards (epoch);
CREATE INDEX shards_by_owner ON shards (owner) WHERE owner IS NOT NULL;

-- The program computes the shard. It never changes, because it depends on the SID and the identity only.
ALTER TABLE services ADD COLUMN home_shard int;
ALTER TABLE presence ADD COLUMN shard int;
ALTER TABLE ended_sessions ADD COLUMN shard int;

-- The form in which rows and the program name a run of a node. A name may contain any character.
CREATE FUNCTION node_text(p_incarnation bigint, p_name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT p_incarnation || ':' || p_name
$$;

-- The active nodes of the cluster.
CREATE FUNCTION member_texts() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(node_text(incarnation, name)), '{}') FROM nodes WHERE name IS NOT NULL AND state = 'active'
$$;

-- The line of commits that this session reads and writes. As server_identity(), with the timeline of the log as a number at the end.
CREATE FUNCTION data_identity() RETURNS text LANGUAGE sql AS $$
    SELECT concat(
        (SELECT system_identifier FROM pg_control_system()), '/',
        (SELECT oid FROM pg_database WHERE datname = current_database()), '/',
        'nodes'::regclass::oid, '@',
        ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint)
$$;

-- Returns data_identity(). If the data went back since the last write, first begins a timeline, and moves the epoch above each one that was
-- given before: no standby is a million changes of shards behind. Every webhook endpoint receives the present state of every user. The
-- same for the first node that joins after a node used the database alone.
CREATE FUNCTION settle_data() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_data text := data_identity();
    v_before text;
    v_seq bigint;
BEGIN
    IF EXISTS (SELECT FROM cluster WHERE data = v_data) THEN
        RETURN v_data;
    END IF;
    SELECT data INTO v_before FROM cluster FOR UPDATE;
    IF v_before = v_data THEN
        RETURN v_data;
    END IF;
    INSERT INTO timelines (seq, id) SELECT coalesce(max(seq), 0) + 1, gen_random_uuid() FROM timelines RETURNING seq INTO v_seq;
    UPDATE cluster SET data = v_data, timeline_seq = v_seq, members_version = members_version + 1,
        epoch = greatest(epoch + 1000000, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    UPDATE cluster_changes SET version = version + 1;
    IF v_before IS NOT NULL OR EXISTS (
        SELECT FROM nodes WHERE name IS NULL AND timeline_seq > 0 AND NOT (server = server_identity() AND written_by::xid = xmin))
    THEN
        UPDATE webhooks SET epoch = greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint),
            sweep_since = CASE WHEN octet_length(post_url) > 0 THEN 0 END, sweep_after = CASE WHEN octet_length(post_url) > 0 THEN 0 END;
    END IF;
    RETURN v_data;
END
$$;

-- The order of locks is always: the fence row of a node, its lease row, the row of the cluster, the shards, the directory, the service
-- instances by ascending key, the uptime, the changes. Only a write that finds other data takes the row of the cluster earlier.

-- Ends a run whose fence row and lease row the caller has locked, and makes its shards ownerless.
CREATE FUNCTION end_node(p_node bigint, p_state text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_epoch bigint;
BEGIN
    UPDATE nodes SET state = p_state WHERE id = p_node;
    PERFORM FROM cluster FOR UPDATE;
    UPDATE cluster SET members_version = members_version + 1,
        epoch = epoch + EXISTS (SELECT FROM shards WHERE owner = p_node)::int
    RETURNING epoch INTO v_epoch;
    UPDATE shards SET owner = NULL, incarnation = NULL, epoch = v_epoch WHERE owner = p_node;
END
$$;

-- Adds a run. Returns the id of the node, and while an earlier run is active its incarnation and its lease.
CREATE FUNCTION join_cluster(
    p_name text, p_incarnation bigint,
    OUT id bigint, OUT data text, OUT earlier bigint, OUT renewal bigint, OUT members text[], OUT acknowledged text[])
LANGUAGE plpgsql AS $$
DECLARE
    v_row nodes;
BEGIN
    data := settle_data();
    SELECT * INTO v_row FROM nodes AS n WHERE n.name = p_name FOR UPDATE;
    id := v_row.id;
    IF v_row.incarnation > p_incarnation OR (v_row.incarnation = p_incarnation AND v_row.state <> 'active') THEN
        RAISE EXCEPTION 'This run of the node has ended.' USING ERRCODE = 'GP001';
    END IF;
    IF v_row.state = 'active' THEN
        IF v_row.incarnation < p_incarnation THEN
            earlier := v_row.incarnation;
            SELECT l.renewal, l.members, l.acknowledged INTO renewal, members, acknowledged FROM node_leases AS l WHERE l.node = v_row.id;
        END IF;
        RETURN;
    END IF;

    PERFORM FROM cluster FOR UPDATE;
    IF EXISTS (SELECT FROM nodes AS n WHERE n.name IS NULL AND n.state = 'active') THEN
        RAISE EXCEPTION 'A node without a cluster has taken the database.' USING ERRCODE = 'GP005';
    END IF;
    IF id IS NULL THEN
        INSERT INTO nodes AS n (
            id, incarnation, state, generation, last_commit, last_directory_stale, last_stale, last_revisions, timeline_seq, renewed_at,
            server, written_by, name)
        SELECT greatest(max(o.id), 1000) + 1, p_incarnation, 'active', 0, 0, false, '{}', '{}', 0, clock_timestamp(),
            '', pg_current_xact_id(), p_name
        FROM nodes AS o
        ON CONFLICT DO NOTHING
        RETURNING n.id INTO id;
        IF id IS NULL THEN
            RAISE EXCEPTION 'Another run of the node joins at the same time.' USING ERRCODE = 'GP002';
        END IF;
    ELSE
        UPDATE nodes AS n SET incarnation = p_incarnation, state = 'active', renewed_at = clock_timestamp(), written_by = pg_current_xact_id()
        WHERE n.id = v_row.id;
    END IF;
    INSERT INTO node_leases AS l (node, renewal, members, acknowledged) VALUES (join_cluster.id, 0, '{}', '{}')
    ON CONFLICT (node) DO UPDATE SET renewal = 0, members = '{}', acknowledged = '{}';
    UPDATE cluster SET members_version = members_version + 1;
END
$$;

CREATE FUNCTION leave_cluster(p_name text, p_incarnation bigint, p_data text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_node bigint;
BEGIN
    IF settle_data() <> p_data THEN
        RETURN false;
    END IF;
    SELECT id INTO v_node FROM nodes WHERE name = p_name AND incarnation = p_incarnation AND state = 'active' FOR UPDATE;
    IF FOUND THEN
        PERFORM FROM node_leases WHERE node = v_node FOR UPDATE;
        PERFORM end_node(v_node, 'left');
    END IF;
    RETURN true;
END
$$;

-- Waits only shortly for a commit of the run: the caller then ends the sessions of the run, and calls this again.
CREATE FUNCTION evict_node(p_name text, p_incarnation bigint, p_data text, p_renewal bigint) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '300ms' AS $$
DECLARE
    v_node bigint;
BEGIN
    IF settle_data() <> p_data THEN
        RETURN false;
    END IF;
    SELECT id INTO v_node FROM nodes WHERE name = p_name AND incarnation = p_incarnation AND state = 'active' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM node_leases WHERE node = v_node AND renewal = p_renewal FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM end_node(v_node, 'dead');
    RETURN true;
END
$$;

-- The lock of the lease row is enough: an eviction takes it before it marks the run as dead. So no commit of the run delays a renewal.
CREATE FUNCTION renew_lease(
    p_name text, p_incarnation bigint, p_number bigint, p_acknowledged text[], OUT data text, OUT members text[])
LANGUAGE plpgsql AS $$
DECLARE
    v_node bigint;
    v_has_renewed boolean;
BEGIN
    data := settle_data();
    SELECT id INTO v_node FROM nodes WHERE name = p_name;
    UPDATE node_leases AS l SET renewal = p_number, members = member_texts(), acknowledged = p_acknowledged
    WHERE l.node = v_node AND l.renewal < p_number
    RETURNING l.members INTO members;
    v_has_renewed := FOUND;
    IF NOT EXISTS (SELECT FROM nodes WHERE id = v_node AND incarnation = p_incarnation AND state = 'active') THEN
        RAISE EXCEPTION 'This run of the node is not active.' USING ERRCODE = 'GP001';
    END IF;
    IF NOT v_has_renewed THEN
        RAISE EXCEPTION 'A later renewal of the lease has happened.' USING ERRCODE = 'GP002';
    END IF;
END
$$;

-- The lock of the row of the cluster is enough: an eviction takes it before it frees the shards of the run.
CREATE FUNCTION claim_shards(p_name text, p_incarnation bigint, p_data text, p_shards int[]) RETURNS TABLE (shard int, given_epoch bigint)
LANGUAGE plpgsql AS $$
DECLARE
    v_data text := settle_data();
    v_node bigint;
    v_epoch bigint;
BEGIN
    PERFORM FROM cluster FOR UPDATE;
    SELECT id INTO v_node FROM nodes WHERE name = p_name AND incarnation = p_incarnation AND state = 'active';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This run of the node is not active.' USING ERRCODE = 'GP001';
    END IF;
    IF v_data <> p_data OR NOT EXISTS (SELECT FROM shards WHERE no = ANY (p_shards) AND owner IS NULL) THEN
        RETURN;
    END IF;
    UPDATE cluster SET epoch = epoch + 1 RETURNING epoch INTO v_epoch;
    RETURN QUERY
        UPDATE shards SET owner = v_node, incarnation = p_incarnation, epoch = v_epoch WHERE no = ANY (p_shards) AND owner IS NULL
        RETURNING no, epoch;
END
$$;

-- Gives shards that the caller holds to the receivers, which have the form of node_text(). Returns their epoch, or null if one of the
-- receivers is not active. Elements without a receiver stay.
CREATE FUNCTION switch_shards(p_shards int[], p_receivers text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_epoch bigint;
BEGIN
    PERFORM FROM cluster FOR UPDATE;
    IF NOT array_remove(p_receivers, NULL) <@ member_texts() THEN
        RETURN NULL;
    END IF;
    UPDATE cluster SET epoch = epoch + 1 RETURNING epoch INTO v_epoch;
    UPDATE shards AS s SET owner = r.id, incarnation = r.incarnation, epoch = v_epoch
    FROM unnest(p_shards, p_receivers) AS n (shard, receiver)
    JOIN nodes AS r ON r.name IS NOT NULL AND r.state = 'active' AND node_text(r.incarnation, r.name) = n.receiver
    WHERE s.no = n.shard;
    RETURN v_epoch;
END
$$;

-- As purge_rows(), for the service instances whose home shard the node holds.
CREATE FUNCTION purge_home_rows(p_node bigint, p_incarnation bigint, p_tombstones_before bigint, p_limit int) RETURNS int
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    v_left int := p_limit;
    v_count int;
    v_service bigint;
    v_table text;
BEGIN
    PERFORM FROM nodes WHERE id = p_node AND state = 'active' AND incarnation = p_incarnation FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This run of the node is not active.' USING ERRCODE = 'GP001';
    END IF;
    PERFORM settle_data();

    WHILE v_left > 0 LOOP
        SELECT s.id INTO v_service FROM services AS s JOIN shards AS h ON h.no = s.home_shard AND h.owner = p_node
        WHERE s.is_deleted ORDER BY s.id LIMIT 1;
        EXIT WHEN NOT FOUND;
        FOREACH v_table IN ARRAY ARRAY[
            'push_bindings', 'presence', 'users', 'tombstones', 'timeline_cuts', 'ended_sessions', 'webhooks', 'notifications'] LOOP
            EXECUTE format(
                'DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE service_id = $1 LIMIT $2))', v_table)
            USING v_service, v_left;
            GET DIAGNOSTICS v_count = ROW_COUNT;
            v_left := v_left - v_count;
        END LOOP;
        IF v_left > 0 THEN
            DELETE FROM services WHERE id = v_service;
            v_left := v_left - 1;
        END IF;
    END LOOP;

    WITH old AS (
        SELECT t.service_id, t.revision FROM tombstones AS t
        JOIN services AS s ON s.id = t.service_id JOIN shards AS h ON h.no = s.home_shard AND h.owner = p_node
        WHERE t.delete_time < p_tombstones_before ORDER BY t.delete_time LIMIT v_left
    ), locked AS (
        SELECT id FROM services WHERE id = ANY (ARRAY(SELECT service_id FROM old)) ORDER BY id FOR UPDATE
    ), raised AS (
        UPDATE services AS s SET purged_revision = greatest(s.purged_revision, n.revision)
        FROM (SELECT service_id, max(revision) AS revision FROM old JOIN locked ON id = service_id GROUP BY service_id) AS n
        WHERE s.id = n.service_id
    )
    DELETE FROM tombstones AS t USING old WHERE t.service_id = old.service_id AND t.revision = old.revision;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_left := v_left - v_count;

    DELETE FROM ended_sessions WHERE id = ANY (ARRAY(
        SELECT e.id FROM ended_sessions AS e
        JOIN services AS s ON s.id = e.service_id JOIN shards AS h ON h.no = s.home_shard AND h.owner = p_node
        WHERE e.until <= (SELECT total FROM uptime) ORDER BY e.until LIMIT v_left));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN p_limit - v_left + v_count;
END
$$;

-- Writes one batch. Lists are parallel arrays with one element for each row; p_…_service is the position of the row's service instance in
-- p_service_id. p_position is the node, its incarnation, its generation and the number of the commit, because a function has at most 100
-- parameters. p_server is server_identity(), and in a cluster data_identity(). Every statement below finds its rows by a key, so the
-- settings keep the planner from scanning a table that has grown since it was analyzed last.
CREATE FUNCTION commit_changes(
    p_position bigint[], p_server text, p_shard int[], p_shard_epoch bigint[], p_shard_receiver text[],
    p_directory_version bigint, p_changes_directory boolean, p_uptime bigint[], p_users_per_service bigint,
    p_service_id bigint[], p_service_sid uuid[], p_service_home_shard int[], p_service_version bigint[], p_service_is_new boolean[], p_service_is_deleted boolean[],
    p_service_changes_settings boolean[], p_service_depends_on_revision boolean[], p_service_read_revision bigint[],
    p_service_read_user_count bigint[], p_service_read_next_user_id bigint[], p_service_read_next_binding_id bigint[],
    p_service_revision bigint[], p_service_purged_revision bigint[], p_service_user_count bigint[], p_service_next_user_id bigint[],
    p_service_next_binding_id bigint[], p_service_reachability_enabled boolean[], p_service_auto_create_users boolean[],
    p_service_create_time bigint[], p_service_update_time bigint[], p_service_heartbeat_interval bigint[], p_service_session_timeout bigint[],
    p_service_offline_debounce bigint[], p_service_configuration_revision bigint[], p_service_switched_on_revision bigint[],
    p_service_switch_revision bigint[], p_service_configuration_update_time bigint[], p_service_service_role text[],
    p_service_conversation_role text[], p_service_creator_role text[], p_service_friendly_name bytea[],
    p_deleted_binding_service int[], p_deleted_binding_id bigint[],
    p_deleted_user_service int[], p_deleted_user_id bigint[], p_deleted_user_version bigint[],
    p_tombstone_service int[], p_tombstone_revision bigint[], p_tombstone_delete_time bigint[], p_tombstone_sid uuid[],
    p_tombstone_identity bytea[],
    p_user_service int[], p_user_id bigint[], p_user_is_new boolean[], p_user_sid uuid[], p_user_created_revision bigint[],
    p_user_friendly_name_revision bigint[], p_user_attributes_revision bigint[], p_user_role_revision bigint[],
    p_user_create_time bigint[], p_user_update_time bigint[], p_user_binding_count int[], p_user_quiet_reasons int[],
    p_user_had_binding boolean[], p_user_role_sid text[], p_user_identity bytea[], p_user_friendly_name bytea[], p_user_attributes bytea[],
    p_presence_service int[], p_presence_user_id bigint[], p_presence_version bigint[], p_presence_revision bigint[],
    p_presence_known_revision bigint[], p_presence_online_revision bigint[], p_presence_notifiable_revision bigint[],
    p_presence_last_alive bigint[], p_presence_last_online_time bigint[], p_presence_is_online boolean[], p_presence_shard int[],
    p_binding_service int[], p_binding_id bigint[], p_binding_user_id bigint[], p_binding_sid uuid[], p_binding_create_time bigint[],
    p_binding_type int[], p_binding_endpoint bytea[],
    p_ended_service int[], p_ended_identity bytea[], p_ended_session_id bytea[], p_ended_is_forgotten boolean[], p_ended_until bigint[],
    p_ended_shard int[],
    p_alive_service_id bigint[], p_alive_user_id bigint[], p_alive_uptime bigint[],
    p_notification_service int[], p_notification_settings text[],
    p_webhooks jsonb, p_api_keys jsonb, p_deleted_api_key_id bigint[],
    OUT is_directory_stale boolean, OUT stale boolean[], OUT revisions bigint[], OUT user_counts bigint[], OUT next_user_ids bigint[],
    OUT next_binding_ids bigint[], OUT lost_shards int[], OUT switch_epoch bigint)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    v_node bigint := p_position[1];
    v_incarnation bigint := p_position[2];
    v_is_of_cluster boolean;
    v_timeline bigint;
    v_has_new boolean;
    v_has_deleted boolean;
    v_has_cut boolean;
    v_has_moved boolean;
    v_revision_from bigint[];
    v_revision_shift bigint[];
    v_user_shift bigint[];
    v_binding_shift bigint[];
    v_found boolean[];
    v_rows bigint;
    v_service int;
    v_key bigint;
    v_ended_key bigint[];
BEGIN
    -- The fence. Without the row nothing may be written, and the next commit of the same node waits for its lock.
    UPDATE nodes
    SET last_commit = p_position[4], renewed_at = clock_timestamp(), written_by = pg_current_xact_id()
    WHERE id = v_node AND state = 'active' AND incarnation = v_incarnation AND generation = p_position[3]
        AND last_commit = p_position[4] - 1 AND (server = p_server OR name IS NOT NULL)
    RETURNING timeline_seq, name IS NOT NULL INTO v_timeline, v_is_of_cluster;
    IF NOT FOUND THEN
        SELECT name IS NOT NULL INTO v_is_of_cluster
        FROM nodes WHERE id = v_node AND state = 'active' AND incarnation = v_incarnation;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Another node has taken the database.' USING ERRCODE = 'GP001';
        END IF;
        -- After the data went back, generation and number may be anything.
        IF NOT v_is_of_cluster OR data_identity() = p_server THEN
            RAISE EXCEPTION 'The commit is of an earlier generation of the writer, or its number is not the next one.' USING ERRCODE = 'GP002';
        END IF;
    END IF;
    IF v_is_of_cluster THEN
        IF settle_data() <> p_server THEN
            RAISE EXCEPTION 'The commit names other data than the database has.' USING ERRCODE = 'GP004';
        END IF;
        SELECT timeline_seq INTO v_timeline FROM cluster;
    ELSIF server_identity() <> p_server THEN
        RAISE EXCEPTION 'The session is on another server than the one that the writer opened.' USING ERRCODE = 'GP002';
    END IF;

    -- No other transaction changes the shards of a node whose fence row this one has, so they need no lock.
    lost_shards := '{}';
    IF cardinality(p_shard) > 0 THEN
        SELECT coalesce(array_agg(n.shard ORDER BY n.number), '{}') INTO lost_shards
        FROM unnest(p_shard, p_shard_epoch) WITH ORDINALITY AS n (shard, epoch, number)
        LEFT JOIN shards AS s ON s.no = n.shard
        WHERE (s.owner, s.incarnation, s.epoch) IS DISTINCT FROM (v_node, v_incarnation, n.epoch);
        IF lost_shards = '{}' AND cardinality(array_remove(p_shard_receiver, NULL)) > 0 THEN
            switch_epoch := switch_shards(p_shard, p_shard_receiver);
        END IF;
        IF lost_shards <> '{}' OR (switch_epoch IS NULL AND cardinality(array_remove(p_shard_receiver, NULL)) > 0) THEN
            stale := array_fill(true, ARRAY[cardinality(p_service_id)]);
            revisions := array_fill(0::bigint, ARRAY[cardinality(p_service_id)]);
            user_counts := revisions;
            next_user_ids := revisions;
            next_binding_ids := revisions;
            is_directory_stale := false;
            UPDATE nodes SET last_directory_stale = false, last_stale = stale, last_revisions = revisions, last_user_counts = user_counts,
                last_next_user_ids = next_user_ids, last_next_binding_ids = next_binding_ids, last_lost_shards = lost_shards,
                last_switch_epoch = NULL
            WHERE id = v_node;
            RETURN;
        END IF;
    END IF;

    is_directory_stale := false;
    IF p_changes_directory OR p_directory_version IS NOT NULL THEN
        SELECT version <> p_directory_version INTO is_directory_stale FROM directory FOR UPDATE;
        is_directory_stale := coalesce(is_directory_stale, false);
    END IF;

    -- Those of the marks too: two writers that mark each other's users would otherwise wait for each other's rows. Not the deleted ones,
    -- whose rows a purge removes before it removes the service instance.
    PERFORM FROM services WHERE id = ANY (p_service_id || p_alive_service_id) AND NOT is_deleted ORDER BY id FOR UPDATE;
    SELECT array_agg(
            CASE
                WHEN is_directory_stale THEN true
                WHEN n.is_new THEN EXISTS (
                    SELECT FROM services AS taken
                    WHERE taken.sid = n.sid AND NOT taken.is_deleted AND NOT EXISTS (
                        SELECT FROM unnest(p_service_id, p_service_is_deleted) AS freed (id, is_deleted)
                        WHERE freed.is_deleted AND freed.id = taken.id))
                ELSE s.id IS NULL OR s.version <> n.version
                    OR (n.depends_on_revision AND s.revision <> n.read_revision)
                    OR (n.user_count > n.read_user_count AND s.user_count + n.user_count - n.read_user_count > p_users_per_service)
            END ORDER BY n.number),
        array_agg(CASE WHEN n.is_new THEN n.read_revision ELSE coalesce(s.revision, 0) END ORDER BY n.number),
        array_agg(CASE WHEN n.is_new THEN n.read_user_count ELSE coalesce(s.user_count, 0) END ORDER BY n.number),
        array_agg(CASE WHEN n.is_new THEN n.read_next_user_id ELSE coalesce(s.next_user_id, 0) END ORDER BY n.number),
        array_agg(CASE WHEN n.is_new THEN n.read_next_binding_id ELSE coalesce(s.next_binding_id, 0) END ORDER BY n.number),
        bool_or(n.is_new),
        bool_or(n.is_deleted),
        bool_or(n.revision > n.read_revision AND s.cut_timeline_seq < v_timeline),
        bool_or(NOT n.is_new AND (
            s.revision <> n.read_revision OR s.next_user_id <> n.read_next_user_id OR s.next_binding_id <> n.read_next_binding_id))
    INTO stale, revisions, user_counts, next_user_ids, next_binding_ids, v_has_new, v_has_deleted, v_has_cut, v_has_moved
    FROM unnest(
            p_service_id, p_service_sid, p_service_version, p_service_is_new, p_service_is_deleted, p_service_depends_on_revision,
            p_service_revision, p_service_user_count, p_service_read_revision, p_service_read_user_count, p_service_read_next_user_id,
            p_service_read_next_binding_id) WITH ORDINALITY
        AS n (
            id, sid, version, is_new, is_deleted, depends_on_revision,
            revision, user_count, read_revision, read_user_count, read_next_user_id,
            read_next_binding_id, number)
    LEFT JOIN services AS s ON s.id = n.id AND NOT s.is_deleted;
    stale := coalesce(stale, '{}');
    revisions := coalesce(revisions, '{}');
    user_counts := coalesce(user_counts, '{}');
    next_user_ids := coalesce(next_user_ids, '{}');
    next_binding_ids := coalesce(next_binding_ids, '{}');
    -- A service instance that is created or deleted changes the directory. If it is stale, everything is decided again.
    IF true = ANY (stale) AND (v_has_new OR v_has_deleted) THEN
        SELECT is_directory_stale OR bool_or(n.is_stale AND (n.is_new OR n.is_deleted)) INTO is_directory_stale
        FROM unnest(stale, p_service_is_new, p_service_is_deleted) AS n (is_stale, is_new, is_deleted);
    END IF;
    IF is_directory_stale THEN
        stale := array_fill(true, ARRAY[cardinality(stale)]);
    END IF;

    IF is_directory_stale THEN
        UPDATE nodes SET last_directory_stale = true, last_stale = stale, last_revisions = revisions, last_user_counts = user_counts,
            last_next_user_ids = next_user_ids, last_next_binding_ids = next_binding_ids, last_lost_shards = '{}',
            last_switch_epoch = switch_epoch
        WHERE id = v_node;
        RETURN;
    END IF;

    -- Another writer has taken revisions or keys since they were read. Those of this commit move up.
    IF v_has_moved THEN
        SELECT
            array_agg(n.read_revision + 1 ORDER BY n.number),
            array_agg(n.revision - n.read_revision ORDER BY n.number),
            array_agg(n.user_id - n.read_user_id ORDER BY n.number),
            array_agg(n.binding_id - n.read_binding_id ORDER BY n.number)
        INTO v_revision_from, v_revision_shift, v_user_shift, v_binding_shift
        FROM unnest(
                revisions, p_service_read_revision, next_user_ids, p_service_read_next_user_id, next_binding_ids,
                p_service_read_next_binding_id) WITH ORDINALITY
            AS n (revision, read_revision, user_id, read_user_id, binding_id, read_binding_id, number);
        p_service_configuration_revision := moved(p_service_configuration_revision, NULL, v_revision_from, v_revision_shift);
        p_service_switched_on_revision := moved(p_service_switched_on_revision, NULL, v_revision_from, v_revision_shift);
        p_service_switch_revision := moved(p_service_switch_revision, NULL, v_revision_from, v_revision_shift);
        p_tombstone_revision := moved(p_tombstone_revision, p_tombstone_service, v_revision_from, v_revision_shift);
        p_user_id := moved(p_user_id, p_user_service, p_service_read_next_user_id, v_user_shift);
        p_user_created_revision := moved(p_user_created_revision, p_user_service, v_revision_from, v_revision_shift);
        p_user_friendly_name_revision := moved(p_user_friendly_name_revision, p_user_service, v_revision_from, v_revision_shift);
        p_user_attributes_revision := moved(p_user_attributes_revision, p_user_service, v_revision_from, v_revision_shift);
        p_user_role_revision := moved(p_user_role_revision, p_user_service, v_revision_from, v_revision_shift);
        p_presence_user_id := moved(p_presence_user_id, p_presence_service, p_service_read_next_user_id, v_user_shift);
        p_presence_revision := moved(p_presence_revision, p_presence_service, v_revision_from, v_revision_shift);
        p_presence_known_revision := moved(p_presence_known_revision, p_presence_service, v_revision_from, v_revision_shift);
        p_presence_online_revision := moved(p_presence_online_revision, p_presence_service, v_revision_from, v_revision_shift);
        p_presence_notifiable_revision := moved(p_presence_notifiable_revision, p_presence_service, v_revision_from, v_revision_shift);
        p_binding_id := moved(p_binding_id, p_binding_service, p_service_read_next_binding_id, v_binding_shift);
        p_binding_user_id := moved(p_binding_user_id, p_binding_service, p_service_read_next_user_id, v_user_shift);
    END IF;

    -- The rows that were read are compared while they are written, because they nearly always match. The second time, the service instances
    -- whose rows do not match are left out.
    LOOP BEGIN
        -- A service instance that is deleted frees its SID for one that is created.
        IF v_has_deleted THEN
            UPDATE services AS s SET is_deleted = true, version = s.version + 1
            FROM unnest(p_service_id, p_service_is_new, p_service_is_deleted, stale) AS n (id, is_new, is_deleted, skip)
            WHERE s.id = n.id AND n.is_deleted AND NOT n.is_new AND NOT n.skip;
        END IF;
        IF v_has_new THEN
            INSERT INTO services (
                id, sid, version, revision, purged_revision, user_count, next_user_id, next_binding_id, next_ended_session_id, cut_timeline_seq,
                is_deleted, reachability_enabled, auto_create_users, create_time, update_time, heartbeat_interval, session_timeout,
                offline_debounce, configuration_revision, switched_on_revision, switch_revision, configuration_update_time,
                default_service_role_sid, default_conversation_role_sid, default_conversation_creator_role_sid, friendly_name, home_shard)
            SELECT p_service_id[n], p_service_sid[n], 1, p_service_revision[n], p_service_purged_revision[n], p_service_user_count[n],
                p_service_next_user_id[n], p_service_next_binding_id[n], (p_service_id[n] << 36) + 1,
                CASE WHEN p_service_revision[n] > 0 THEN v_timeline ELSE 0 END,
                p_service_is_deleted[n], p_service_reachability_enabled[n], p_service_auto_create_users[n], p_service_create_time[n],
                p_service_update_time[n], p_service_heartbeat_interval[n], p_service_session_timeout[n], p_service_offline_debounce[n],
                p_service_configuration_revision[n], p_service_switched_on_revision[n], p_service_switch_revision[n],
                p_service_configuration_update_time[n], p_service_service_role[n], p_service_conversation_role[n], p_service_creator_role[n],
                p_service_friendly_name[n], p_service_home_shard[n]
            FROM generate_subscripts(p_service_id, 1) AS n
            WHERE p_service_is_new[n] AND NOT stale[n];
            -- Keys are used again after a restore. Without a cut, a lost service instance of the same key and SID would go on in this one.
            INSERT INTO timeline_cuts (service_id, timeline_seq, revision)
            SELECT p_service_id[n], v_timeline, 0
            FROM generate_subscripts(p_service_id, 1) AS n
            WHERE p_service_is_new[n] AND NOT stale[n] AND p_service_revision[n] > 0;
            UPDATE directory SET next_service_id = greatest(next_service_id, (
                SELECT max(n.id) + 1 FROM unnest(p_service_id, p_service_is_new, stale) AS n (id, is_new, skip) WHERE n.is_new AND NOT n.skip));
        END IF;
        IF v_has_cut THEN
            INSERT INTO timeline_cuts (service_id, timeline_seq, revision)
            SELECT s.id, v_timeline, s.revision
            FROM unnest(p_service_id, p_service_revision, p_service_read_revision, p_service_is_new, p_service_is_deleted, stale)
                AS n (id, revision, read_revision, is_new, is_deleted, skip)
            JOIN services AS s ON s.id = n.id
            WHERE NOT n.is_new AND NOT n.is_deleted AND NOT n.skip AND n.revision > n.read_revision AND s.cut_timeline_seq < v_timeline;
        END IF;
        UPDATE services AS s SET
            version = s.version + n.changes_settings::int, revision = s.revision + n.revision - n.read_revision,
            user_count = s.user_count + n.user_count - n.read_user_count, next_user_id = s.next_user_id + n.next_user_id - n.read_next_user_id,
            next_binding_id = s.next_binding_id + n.next_binding_id - n.read_next_binding_id,
            cut_timeline_seq = CASE WHEN n.revision > n.read_revision THEN greatest(s.cut_timeline_seq, v_timeline) ELSE s.cut_timeline_seq END,
            reachability_enabled = n.reachability_enabled, auto_create_users = n.auto_create_users, update_time = n.update_time,
            heartbeat_interval = n.heartbeat_interval, session_timeout = n.session_timeout, offline_debounce = n.offline_debounce,
            configuration_revision = n.configuration_revision, switched_on_revision = n.switched_on_revision,
            switch_revision = n.switch_revision, configuration_update_time = n.configuration_update_time,
            default_service_role_sid = n.service_role, default_conversation_role_sid = n.conversation_role,
            default_conversation_creator_role_sid = n.creator_role, friendly_name = n.friendly_name
        FROM unnest(
                p_service_id, p_service_is_new, p_service_is_deleted, stale, p_service_changes_settings, p_service_revision,
                p_service_user_count, p_service_next_user_id, p_service_next_binding_id, p_service_read_revision, p_service_read_user_count,
                p_service_read_next_user_id, p_service_read_next_binding_id, p_service_reachability_enabled, p_service_auto_create_users, p_service_update_time,
                p_service_heartbeat_interval, p_service_session_timeout, p_service_offline_debounce, p_service_configuration_revision,
                p_service_switched_on_revision, p_service_switch_revision, p_service_configuration_update_time, p_service_service_role,
                p_service_conversation_role, p_service_creator_role, p_service_friendly_name)
            AS n (
                id, is_new, is_deleted, skip, changes_settings, revision,
                user_count, next_user_id, next_binding_id, read_revision, read_user_count,
                read_next_user_id, read_next_binding_id, reachability_enabled, auto_create_users, update_time,
                heartbeat_interval, session_timeout, offline_debounce, configuration_revision,
                switched_on_revision, switch_revision, configuration_update_time, service_role,
                conversation_role, creator_role, friendly_name)
        WHERE s.id = n.id AND NOT n.is_new AND NOT n.is_deleted AND NOT n.skip;

        -- Removals before additions, so that an identity or an address that is freed can be taken in the same commit.
        IF cardinality(p_deleted_binding_id) > 0 THEN
            DELETE FROM push_bindings AS b USING unnest(p_deleted_binding_service, p_deleted_binding_id) AS n (service, id)
            WHERE b.id = n.id AND NOT stale[n.service];
        END IF;
        IF cardinality(p_deleted_user_id) > 0 THEN
            DELETE FROM push_bindings AS b USING unnest(p_deleted_user_service, p_deleted_user_id) AS n (service, id)
            WHERE b.user_id = n.id AND NOT stale[n.service];
            DELETE FROM presence AS p USING unnest(p_deleted_user_service, p_deleted_user_id, p_deleted_user_version) AS n (service, id, version)
            WHERE p.user_id = n.id AND p.version = n.version AND NOT stale[n.service];
            GET DIAGNOSTICS v_rows = ROW_COUNT;
            IF v_rows < (SELECT count(*) FROM unnest(p_deleted_user_service) AS n (service) WHERE NOT stale[n.service]) THEN
                RAISE EXCEPTION 'A user has changed since it was read.' USING ERRCODE = 'GP003';
            END IF;
            DELETE FROM users AS u USING unnest(p_deleted_user_service, p_deleted_user_id) AS n (service, id)
            WHERE u.service_id = p_service_id[n.service] AND u.id = n.id AND NOT stale[n.service];
        END IF;
        IF cardinality(p_tombstone_revision) > 0 THEN
            -- A user that the batch added and removed has only a tombstone. Its identity must have been free.
            IF cardinality(p_tombstone_revision) > cardinality(p_deleted_user_id) AND EXISTS (
                SELECT FROM unnest(p_tombstone_service, p_tombstone_identity) AS n (service, identity)
                JOIN users AS u ON u.service_id + 0 = p_service_id[n.service] AND u.identity = n.identity
                WHERE NOT stale[n.service])
            THEN
                RAISE EXCEPTION 'An identity is taken.' USING ERRCODE = 'GP003';
            END IF;
            INSERT INTO tombstones (service_id, revision, delete_time, sid, identity)
            SELECT p_service_id[n.service], n.revision, n.delete_time, n.sid, n.identity
            FROM unnest(p_tombstone_service, p_tombstone_revision, p_tombstone_delete_time, p_tombstone_sid, p_tombstone_identity)
                AS n (service, revision, delete_time, sid, identity)
            WHERE NOT stale[n.service];
        END IF;
        IF cardinality(p_user_id) > 0 THEN
            UPDATE users AS u SET
                friendly_name_revision = n.friendly_name_revision, attributes_revision = n.attributes_revision, role_revision = n.role_revision,
                update_time = n.update_time, binding_count = n.binding_count, quiet_reasons = n.quiet_reasons, had_binding = n.had_binding,
                role_sid = n.role_sid, friendly_name = n.friendly_name, attributes = n.attributes
            FROM unnest(
                    p_user_service, p_user_id, p_user_is_new, p_user_friendly_name_revision, p_user_attributes_revision, p_user_role_revision,
                    p_user_update_time, p_user_binding_count, p_user_quiet_reasons, p_user_had_binding, p_user_role_sid, p_user_friendly_name,
                    p_user_attributes)
                AS n (
                    service, id, is_new, friendly_name_revision, attributes_revision, role_revision,
                    update_time, binding_count, quiet_reasons, had_binding, role_sid, friendly_name,
                    attributes)
            WHERE u.service_id = p_service_id[n.service] AND u.id = n.id AND NOT n.is_new AND NOT stale[n.service];
            INSERT INTO users (
                service_id, id, sid, created_revision, friendly_name_revision, attributes_revision, role_revision, create_time, update_time,
                binding_count, quiet_reasons, had_binding, role_sid, identity, friendly_name, attributes)
            SELECT p_service_id[n.service], n.id, n.sid, n.created_revision, n.friendly_name_revision, n.attributes_revision, n.role_revision,
                n.create_time, n.update_time, n.binding_count, n.quiet_reasons, n.had_binding, n.role_sid, n.identity, n.friendly_name,
                n.attributes
            FROM unnest(
                    p_user_service, p_user_id, p_user_is_new, p_user_sid, p_user_created_revision, p_user_friendly_name_revision,
                    p_user_attributes_revision, p_user_role_revision, p_user_create_time, p_user_update_time, p_user_binding_count,
                    p_user_quiet_reasons, p_user_had_binding, p_user_role_sid, p_user_identity, p_user_friendly_name, p_user_attributes)
                AS n (
                    service, id, is_new, sid, created_revision, friendly_name_revision,
                    attributes_revision, role_revision, create_time, update_time, binding_count,
                    quiet_reasons, had_binding, role_sid, identity, friendly_name, attributes)
            WHERE n.is_new AND NOT stale[n.service];
        END IF;
        IF cardinality(p_presence_user_id) > 0 THEN
            UPDATE presence AS p SET
                version = p.version + 1, revision = n.revision, known_revision = n.known_revision, online_revision = n.online_revision,
                notifiable_revision = n.notifiable_revision, last_online_time = n.last_online_time, is_online = n.is_online,
                last_alive = greatest(p.last_alive, n.last_alive) -- a mark raises no version
            FROM unnest(
                    p_presence_service, p_presence_user_id, p_presence_version, p_presence_revision, p_presence_known_revision,
                    p_presence_online_revision, p_presence_notifiable_revision, p_presence_last_alive, p_presence_last_online_time,
                    p_presence_is_online)
                AS n (
                    service, user_id, version, revision, known_revision,
                    online_revision, notifiable_revision, last_alive, last_online_time,
                    is_online)
            WHERE p.user_id = n.user_id AND p.version = n.version AND NOT stale[n.service];
            GET DIAGNOSTICS v_rows = ROW_COUNT;
            IF v_rows < (
                SELECT count(n.version) FROM unnest(p_presence_service, p_presence_version) AS n (service, version) WHERE NOT stale[n.service])
            THEN
                RAISE EXCEPTION 'A user has changed since it was read.' USING ERRCODE = 'GP003';
            END IF;
            IF array_position(p_presence_version, NULL) IS NOT NULL THEN
                INSERT INTO presence (
                    user_id, service_id, revision, known_revision, online_revision, notifiable_revision, last_alive, last_online_time, is_online,
                    shard)
                SELECT n.user_id, p_service_id[n.service], n.revision, n.known_revision, n.online_revision, n.notifiable_revision, n.last_alive,
                    n.last_online_time, n.is_online, n.shard
                FROM unnest(
                        p_presence_service, p_presence_user_id, p_presence_version, p_presence_revision, p_presence_known_revision,
                        p_presence_online_revision, p_presence_notifiable_revision, p_presence_last_alive, p_presence_last_online_time,
                        p_presence_is_online, p_presence_shard)
                    AS n (
                        service, user_id, version, revision, known_revision,
                        online_revision, notifiable_revision, last_alive, last_online_time,
                        is_online, shard)
                WHERE n.version IS NULL AND NOT stale[n.service];
            END IF;
        END IF;
        IF cardinality(p_binding_id) > 0 THEN
            INSERT INTO push_bindings (id, service_id, user_id, sid, create_time, type, endpoint)
            SELECT n.id, p_service_id[n.service], n.user_id, n.sid, n.create_time, n.type, n.endpoint
            FROM unnest(
                    p_binding_service, p_binding_id, p_binding_user_id, p_binding_sid, p_binding_create_time, p_binding_type, p_binding_endpoint)
                AS n (service, id, user_id, sid, create_time, type, endpoint)
            WHERE NOT stale[n.service];
        END IF;
        IF cardinality(p_ended_session_id) > 0 THEN
            IF true = ANY (p_ended_is_forgotten) THEN
                DELETE FROM ended_sessions AS e
                USING unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_is_forgotten)
                    AS n (service, identity, session_id, is_forgotten)
                WHERE e.service_id = p_service_id[n.service] AND e.identity = n.identity AND e.session_id = n.session_id AND n.is_forgotten
                    AND NOT stale[n.service];
            END IF;
            -- The rows of a service instance follow each other, so that its first row gives the keys of all.
            v_ended_key := array_fill(0::bigint, ARRAY[cardinality(p_service_id)]);
            FOR v_service, v_key IN
                UPDATE services AS s SET next_ended_session_id = s.next_ended_session_id + n.added
                FROM (
                    SELECT service, count(*) AS added, min(number) AS first
                    FROM unnest(p_ended_service) WITH ORDINALITY AS u (service, number) GROUP BY service) AS n
                WHERE s.id = p_service_id[n.service]
                RETURNING n.service, s.next_ended_session_id - n.added - n.first
            LOOP
                v_ended_key[v_service] := v_key;
            END LOOP;
            -- Nearly always every row is new, and an insert that expects no conflict costs a quarter less.
            BEGIN
                INSERT INTO ended_sessions (id, service_id, until, identity, session_id, shard)
                SELECT v_ended_key[n.service] + n.number, p_service_id[n.service], n.until, n.identity, n.session_id, n.shard
                FROM unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_until, p_ended_shard) WITH ORDINALITY
                    AS n (service, identity, session_id, until, shard, number)
                WHERE n.until IS NOT NULL AND NOT stale[n.service];
            EXCEPTION WHEN unique_violation THEN
                INSERT INTO ended_sessions (id, service_id, until, identity, session_id, shard)
                SELECT v_ended_key[n.service] + n.number, p_service_id[n.service], n.until, n.identity, n.session_id, n.shard
                FROM unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_until, p_ended_shard) WITH ORDINALITY
                    AS n (service, identity, session_id, until, shard, number)
                WHERE n.until IS NOT NULL AND NOT stale[n.service]
                ON CONFLICT (service_id, identity, session_id) DO UPDATE SET until = greatest(ended_sessions.until, excluded.until);
            END;
        END IF;
        IF p_webhooks IS NOT NULL THEN
            UPDATE webhooks AS w SET
                position = n.position, known_since = n.known_since, sweep_since = n.sweep_since, sweep_after = n.sweep_after,
                method = n.method, pre_fails_closed = n.pre_fails_closed, secret_generation = n.secret_generation, epoch = n.epoch,
                pre_url = decode(n.pre_url, 'base64'), post_url = decode(n.post_url, 'base64'), filters = decode(n.filters, 'base64')
            FROM jsonb_to_recordset(p_webhooks) AS n (
                service int, position bigint, known_since bigint, sweep_since bigint, sweep_after bigint, method int, pre_fails_closed boolean,
                secret_generation bigint, epoch bigint, pre_url text, post_url text, filters text, read_position bigint,
                read_known_since bigint, read_sweep_since bigint, read_sweep_after bigint)
            WHERE w.service_id = p_service_id[n.service] AND NOT stale[n.service] AND w.position = n.read_position
                AND w.known_since IS NOT DISTINCT FROM n.read_known_since AND w.sweep_since IS NOT DISTINCT FROM n.read_sweep_since
                AND w.sweep_after IS NOT DISTINCT FROM n.read_sweep_after;
            GET DIAGNOSTICS v_rows = ROW_COUNT;
            IF v_rows < (
                SELECT count(n.read_position) FROM jsonb_to_recordset(p_webhooks) AS n (service int, read_position bigint)
                WHERE NOT stale[n.service])
            THEN
                RAISE EXCEPTION 'A webhook has changed since it was read.' USING ERRCODE = 'GP003';
            END IF;
            INSERT INTO webhooks (
                service_id, position, known_since, sweep_since, sweep_after, method, pre_fails_closed, secret_generation, epoch, pre_url, post_url,
                filters)
            SELECT p_service_id[n.service], n.position, n.known_since, n.sweep_since, n.sweep_after, n.method, n.pre_fails_closed,
                n.secret_generation, n.epoch, decode(n.pre_url, 'base64'), decode(n.post_url, 'base64'), decode(n.filters, 'base64')
            FROM jsonb_to_recordset(p_webhooks) AS n (
                service int, position bigint, known_since bigint, sweep_since bigint, sweep_after bigint, method int, pre_fails_closed boolean,
                secret_generation bigint, epoch bigint, pre_url text, post_url text, filters text, read_position bigint)
            WHERE NOT stale[n.service] AND n.read_position IS NULL;
        END IF;
        IF cardinality(p_notification_service) > 0 THEN
            INSERT INTO notifications (service_id, settings)
            SELECT p_service_id[n.service], n.settings
            FROM unnest(p_notification_service, p_notification_settings) AS n (service, settings)
            WHERE NOT stale[n.service]
            ON CONFLICT (service_id) DO UPDATE SET settings = excluded.settings;
        END IF;
        IF cardinality(p_alive_user_id) > 0 THEN
            UPDATE presence AS p SET last_alive = CASE WHEN v_is_of_cluster THEN greatest(p.last_alive, n.uptime) ELSE n.uptime END
            FROM unnest(p_alive_service_id, p_alive_user_id, p_alive_uptime) AS n (service_id, user_id, uptime)
            JOIN services AS s ON s.id = n.service_id AND NOT s.is_deleted
            WHERE p.user_id = n.user_id AND p.service_id = n.service_id;
        END IF;

        DELETE FROM api_keys WHERE id = ANY (p_deleted_api_key_id);
        IF p_api_keys IS NOT NULL THEN
            UPDATE api_keys AS k SET
                secret_salt = n.secret_salt, secret_hash = n.secret_hash, previous_salt = n.previous_salt, previous_hash = n.previous_hash,
                previous_until = n.previous_until, rotate_time = n.rotate_time, revoke_time = n.revoke_time
            FROM jsonb_to_recordset(p_api_keys) AS n (
                id bigint, is_new boolean, secret_salt text, secret_hash text, previous_salt text, previous_hash text, previous_until bigint,
                rotate_time bigint, revoke_time bigint)
            WHERE k.id = n.id AND NOT n.is_new;
            INSERT INTO api_keys (
                id, sid, role, scope, previous_until, create_time, rotate_time, revoke_time, secret_salt, secret_hash, previous_salt,
                previous_hash, certificate_name, friendly_name)
            SELECT n.id, n.sid, n.role, n.scope, n.previous_until, n.create_time, n.rotate_time, n.revoke_time, n.secret_salt, n.secret_hash,
                n.previous_salt, n.previous_hash, decode(n.certificate_name, 'base64'), decode(n.friendly_name, 'base64')
            FROM jsonb_to_recordset(p_api_keys) AS n (
                id bigint, is_new boolean, sid uuid, role int, scope uuid, previous_until bigint, create_time bigint, rotate_time bigint,
                revoke_time bigint, secret_salt text, secret_hash text, previous_salt text, previous_hash text, certificate_name text,
                friendly_name text)
            WHERE n.is_new;
            UPDATE directory SET next_api_key_id = greatest(next_api_key_id, (
                SELECT max(n.id) + 1 FROM jsonb_to_recordset(p_api_keys) AS n (id bigint, is_new boolean) WHERE n.is_new));
        END IF;
        IF p_changes_directory THEN
            UPDATE directory SET version = version + 1;
        END IF;
        IF p_uptime IS NOT NULL THEN
            UPDATE uptime SET alive_time = CASE WHEN v_is_of_cluster THEN greatest(alive_time, p_uptime[1]) ELSE p_uptime[1] END,
                total = CASE WHEN v_is_of_cluster THEN greatest(total, p_uptime[2]) ELSE p_uptime[2] END;
        END IF;
        EXIT;
    EXCEPTION WHEN SQLSTATE 'GP003' OR unique_violation THEN
        v_found := stale;
        FOR v_service IN
            SELECT n.service FROM unnest(p_presence_service, p_presence_user_id, p_presence_version) AS n (service, user_id, version)
            WHERE n.version IS NOT NULL
                AND NOT EXISTS (SELECT FROM presence AS p WHERE p.user_id = n.user_id AND p.version = n.version)
            UNION ALL
            SELECT n.service FROM unnest(p_deleted_user_service, p_deleted_user_id, p_deleted_user_version) AS n (service, id, version)
            WHERE NOT EXISTS (SELECT FROM presence AS p WHERE p.user_id = n.id AND p.version = n.version)
            UNION ALL
            SELECT n.service FROM unnest(p_user_service, p_user_is_new, p_user_sid, p_user_identity) AS n (service, is_new, sid, identity)
            WHERE n.is_new AND EXISTS (
                SELECT FROM users AS u
                WHERE u.id <> ALL (p_deleted_user_id)
                    AND ((u.service_id + 0 = p_service_id[n.service] AND u.identity = n.identity)
                        OR (u.sid = n.sid AND u.service_id = p_service_id[n.service])))
            UNION ALL
            SELECT n.service FROM unnest(p_tombstone_service, p_tombstone_identity) AS n (service, identity)
            JOIN users AS u ON u.service_id + 0 = p_service_id[n.service] AND u.identity = n.identity
            WHERE u.id <> ALL (p_deleted_user_id)
            UNION ALL
            SELECT n.service FROM unnest(p_binding_service, p_binding_sid, p_binding_type, p_binding_endpoint)
                AS n (service, sid, type, endpoint)
            WHERE EXISTS (
                SELECT FROM push_bindings AS b
                WHERE b.id <> ALL (p_deleted_binding_id) AND b.user_id <> ALL (p_deleted_user_id)
                    AND ((b.service_id + 0 = p_service_id[n.service] AND b.type = n.type AND b.endpoint = n.endpoint)
                        OR (b.sid = n.sid AND b.service_id = p_service_id[n.service])))
            UNION ALL
            SELECT n.service
            FROM jsonb_to_recordset(p_webhooks) AS n (
                service int, read_position bigint, read_known_since bigint, read_sweep_since bigint, read_sweep_after bigint)
            LEFT JOIN webhooks AS w ON w.service_id = p_service_id[n.service]
            WHERE (w.position, w.known_since, w.sweep_since, w.sweep_after)
                IS DISTINCT FROM (n.read_position, n.read_known_since, n.read_sweep_since, n.read_sweep_after)
        LOOP
            v_found[v_service] := true;
        END LOOP;
        IF v_found = stale THEN
            RAISE;
        END IF;
        stale := v_found;
    END; END LOOP;
    IF cardinality(p_deleted_api_key_id) > 0 OR p_api_keys IS NOT NULL
        OR EXISTS (
            SELECT FROM unnest(p_notification_service) AS n (service) WHERE NOT stale[n.service] AND p_service_changes_settings[n.service])
        OR EXISTS (
            SELECT FROM jsonb_to_recordset(p_webhooks) AS n (service int)
            WHERE NOT stale[n.service] AND p_service_changes_settings[n.service])
    THEN
        UPDATE cluster_changes SET version = version + 1;
    END IF;
    UPDATE nodes SET last_directory_stale = false, last_stale = stale, last_revisions = revisions, last_user_counts = user_counts,
        last_next_user_ids = next_user_ids, last_next_binding_ids = next_binding_ids, last_lost_shards = '{}',
        last_switch_epoch = switch_epoch
    WHERE id = v_node;
END
$$;
