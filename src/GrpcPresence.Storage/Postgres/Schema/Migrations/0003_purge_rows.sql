-- Removes at most p_limit rows that are no longer needed, and returns how many. Only the active node may purge, as only it may commit.
CREATE FUNCTION purge_rows(p_node bigint, p_incarnation bigint, p_tombstones_before bigint, p_limit int) RETURNS int
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
        RAISE EXCEPTION 'Another node has taken the database.' USING ERRCODE = 'GP001';
    END IF;

    WHILE v_left > 0 LOOP
        SELECT id INTO v_service FROM services WHERE is_deleted ORDER BY id LIMIT 1;
        EXIT WHEN NOT FOUND;
        -- The service instance last: it says that there is something left to purge.
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
        SELECT service_id, revision FROM tombstones WHERE delete_time < p_tombstones_before ORDER BY delete_time LIMIT v_left
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
        SELECT id FROM ended_sessions WHERE until <= (SELECT total FROM uptime) ORDER BY until LIMIT v_left));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN p_limit - v_left + v_count;
END
$$;
