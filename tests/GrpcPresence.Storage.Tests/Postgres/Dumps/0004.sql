--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: commit_changes(bigint, bigint, bigint, bigint, text, bigint, boolean, bigint, bigint, bigint[], uuid[], bigint[], boolean[], boolean[], bigint[], bigint[], bigint[], bigint[], bigint[], boolean[], boolean[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[], text[], bytea[], integer[], bigint[], integer[], bigint[], integer[], bigint[], bigint[], uuid[], bytea[], integer[], bigint[], boolean[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], integer[], boolean[], text[], bytea[], bytea[], bytea[], integer[], bigint[], boolean[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], boolean[], integer[], bigint[], bigint[], uuid[], bigint[], integer[], bytea[], integer[], bytea[], bytea[], boolean[], bigint[], bigint[], bigint[], bigint[], integer[], text[], jsonb, jsonb, bigint[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.commit_changes(p_node bigint, p_incarnation bigint, p_generation bigint, p_number bigint, p_server text, p_directory_version bigint, p_changes_directory boolean, p_uptime_alive_time bigint, p_uptime_total bigint, p_service_id bigint[], p_service_sid uuid[], p_service_version bigint[], p_service_is_new boolean[], p_service_is_deleted boolean[], p_service_revision bigint[], p_service_purged_revision bigint[], p_service_user_count bigint[], p_service_next_user_id bigint[], p_service_next_binding_id bigint[], p_service_reachability_enabled boolean[], p_service_auto_create_users boolean[], p_service_create_time bigint[], p_service_update_time bigint[], p_service_heartbeat_interval bigint[], p_service_session_timeout bigint[], p_service_offline_debounce bigint[], p_service_configuration_revision bigint[], p_service_switched_on_revision bigint[], p_service_switch_revision bigint[], p_service_configuration_update_time bigint[], p_service_service_role text[], p_service_conversation_role text[], p_service_creator_role text[], p_service_friendly_name bytea[], p_deleted_binding_service integer[], p_deleted_binding_id bigint[], p_deleted_user_service integer[], p_deleted_user_id bigint[], p_tombstone_service integer[], p_tombstone_revision bigint[], p_tombstone_delete_time bigint[], p_tombstone_sid uuid[], p_tombstone_identity bytea[], p_user_service integer[], p_user_id bigint[], p_user_is_new boolean[], p_user_sid uuid[], p_user_created_revision bigint[], p_user_friendly_name_revision bigint[], p_user_attributes_revision bigint[], p_user_role_revision bigint[], p_user_create_time bigint[], p_user_update_time bigint[], p_user_binding_count integer[], p_user_quiet_reasons integer[], p_user_had_binding boolean[], p_user_role_sid text[], p_user_identity bytea[], p_user_friendly_name bytea[], p_user_attributes bytea[], p_presence_service integer[], p_presence_user_id bigint[], p_presence_is_new boolean[], p_presence_revision bigint[], p_presence_known_revision bigint[], p_presence_online_revision bigint[], p_presence_notifiable_revision bigint[], p_presence_last_alive bigint[], p_presence_last_online_time bigint[], p_presence_is_online boolean[], p_binding_service integer[], p_binding_id bigint[], p_binding_user_id bigint[], p_binding_sid uuid[], p_binding_create_time bigint[], p_binding_type integer[], p_binding_endpoint bytea[], p_ended_service integer[], p_ended_identity bytea[], p_ended_session_id bytea[], p_ended_is_forgotten boolean[], p_ended_until bigint[], p_alive_service_id bigint[], p_alive_user_id bigint[], p_alive_uptime bigint[], p_notification_service integer[], p_notification_settings text[], p_webhooks jsonb, p_api_keys jsonb, p_deleted_api_key_id bigint[], OUT is_directory_stale boolean, OUT stale boolean[], OUT revisions bigint[]) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    v_timeline bigint;
    v_has_new boolean;
    v_has_deleted boolean;
    v_has_cut boolean;
    v_service int;
    v_key bigint;
    v_ended_key bigint[];
BEGIN
    -- The fence. Without the row nothing may be written, and the next commit of the same node waits for its lock.
    UPDATE nodes
    SET last_commit = p_number, renewed_at = clock_timestamp(), written_by = pg_current_xact_id(),
        last_directory_stale = false, last_stale = '{}', last_revisions = '{}'
    WHERE id = p_node AND state = 'active' AND incarnation = p_incarnation AND generation = p_generation AND last_commit = p_number - 1
        AND server = p_server
    RETURNING timeline_seq INTO v_timeline;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM nodes WHERE id = p_node AND state = 'active' AND incarnation = p_incarnation) THEN
            RAISE EXCEPTION 'The commit is of an earlier generation of the writer, or its number is not the next one.' USING ERRCODE = 'GP002';
        END IF;
        RAISE EXCEPTION 'Another node has taken the database.' USING ERRCODE = 'GP001';
    END IF;
    IF server_identity() <> p_server THEN
        RAISE EXCEPTION 'The session is on another server than the one that the writer opened.' USING ERRCODE = 'GP002';
    END IF;

    is_directory_stale := false;
    IF p_changes_directory OR p_directory_version IS NOT NULL THEN
        SELECT version <> p_directory_version INTO is_directory_stale FROM directory FOR UPDATE;
        is_directory_stale := coalesce(is_directory_stale, false);
    END IF;

    PERFORM FROM services WHERE id = ANY (p_service_id) ORDER BY id FOR UPDATE;
    SELECT array_agg(
            CASE
                WHEN is_directory_stale THEN true
                WHEN n.is_new THEN EXISTS (
                    SELECT FROM services AS taken
                    WHERE taken.sid = n.sid AND NOT taken.is_deleted AND NOT EXISTS (
                        SELECT FROM unnest(p_service_id, p_service_is_deleted) AS freed (id, is_deleted)
                        WHERE freed.is_deleted AND freed.id = taken.id))
                ELSE s.version IS DISTINCT FROM n.version
            END ORDER BY n.number),
        array_agg(CASE WHEN n.is_new THEN 0 ELSE coalesce(s.revision, 0) END ORDER BY n.number),
        bool_or(n.is_new),
        bool_or(n.is_deleted),
        bool_or(n.revision > s.revision AND s.cut_timeline_seq < v_timeline)
    INTO stale, revisions, v_has_new, v_has_deleted, v_has_cut
    FROM unnest(p_service_id, p_service_sid, p_service_version, p_service_is_new, p_service_is_deleted, p_service_revision) WITH ORDINALITY
        AS n (id, sid, version, is_new, is_deleted, revision, number)
    LEFT JOIN services AS s ON s.id = n.id AND NOT s.is_deleted;
    stale := coalesce(stale, '{}');
    revisions := coalesce(revisions, '{}');
    -- A service instance that is created or deleted changes the directory. If it is stale, everything is decided again.
    IF true = ANY (stale) AND (v_has_new OR v_has_deleted) THEN
        SELECT is_directory_stale OR bool_or(n.is_stale AND (n.is_new OR n.is_deleted)) INTO is_directory_stale
        FROM unnest(stale, p_service_is_new, p_service_is_deleted) AS n (is_stale, is_new, is_deleted);
    END IF;
    IF is_directory_stale THEN
        stale := array_fill(true, ARRAY[cardinality(stale)]);
    END IF;

    UPDATE nodes SET last_directory_stale = is_directory_stale, last_stale = stale, last_revisions = revisions WHERE id = p_node;
    IF is_directory_stale THEN
        RETURN;
    END IF;

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
            default_service_role_sid, default_conversation_role_sid, default_conversation_creator_role_sid, friendly_name)
        SELECT p_service_id[n], p_service_sid[n], 1, p_service_revision[n], p_service_purged_revision[n], p_service_user_count[n],
            p_service_next_user_id[n], p_service_next_binding_id[n], (p_service_id[n] << 36) + 1,
            CASE WHEN p_service_revision[n] > 0 THEN v_timeline ELSE 0 END,
            p_service_is_deleted[n], p_service_reachability_enabled[n], p_service_auto_create_users[n], p_service_create_time[n],
            p_service_update_time[n], p_service_heartbeat_interval[n], p_service_session_timeout[n], p_service_offline_debounce[n],
            p_service_configuration_revision[n], p_service_switched_on_revision[n], p_service_switch_revision[n],
            p_service_configuration_update_time[n], p_service_service_role[n], p_service_conversation_role[n], p_service_creator_role[n],
            p_service_friendly_name[n]
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
        FROM unnest(p_service_id, p_service_revision, p_service_is_new, p_service_is_deleted, stale)
            AS n (id, revision, is_new, is_deleted, skip)
        JOIN services AS s ON s.id = n.id
        WHERE NOT n.is_new AND NOT n.is_deleted AND NOT n.skip AND n.revision > s.revision AND s.cut_timeline_seq < v_timeline;
    END IF;
    UPDATE services AS s SET
        version = s.version + 1, revision = n.revision, user_count = n.user_count, next_user_id = n.next_user_id,
        next_binding_id = n.next_binding_id,
        cut_timeline_seq = CASE WHEN n.revision > s.revision THEN v_timeline ELSE s.cut_timeline_seq END,
        reachability_enabled = n.reachability_enabled, auto_create_users = n.auto_create_users, update_time = n.update_time,
        heartbeat_interval = n.heartbeat_interval, session_timeout = n.session_timeout, offline_debounce = n.offline_debounce,
        configuration_revision = n.configuration_revision, switched_on_revision = n.switched_on_revision,
        switch_revision = n.switch_revision, configuration_update_time = n.configuration_update_time,
        default_service_role_sid = n.service_role, default_conversation_role_sid = n.conversation_role,
        default_conversation_creator_role_sid = n.creator_role, friendly_name = n.friendly_name
    FROM unnest(
            p_service_id, p_service_is_new, p_service_is_deleted, stale, p_service_revision, p_service_user_count, p_service_next_user_id,
            p_service_next_binding_id, p_service_reachability_enabled, p_service_auto_create_users, p_service_update_time,
            p_service_heartbeat_interval, p_service_session_timeout, p_service_offline_debounce, p_service_configuration_revision,
            p_service_switched_on_revision, p_service_switch_revision, p_service_configuration_update_time, p_service_service_role,
            p_service_conversation_role, p_service_creator_role, p_service_friendly_name)
        AS n (
            id, is_new, is_deleted, skip, revision, user_count, next_user_id,
            next_binding_id, reachability_enabled, auto_create_users, update_time,
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
        DELETE FROM presence AS p USING unnest(p_deleted_user_service, p_deleted_user_id) AS n (service, id)
        WHERE p.user_id = n.id AND NOT stale[n.service];
        DELETE FROM users AS u USING unnest(p_deleted_user_service, p_deleted_user_id) AS n (service, id)
        WHERE u.service_id = p_service_id[n.service] AND u.id = n.id AND NOT stale[n.service];
    END IF;
    IF cardinality(p_tombstone_revision) > 0 THEN
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
            revision = n.revision, known_revision = n.known_revision, online_revision = n.online_revision,
            notifiable_revision = n.notifiable_revision, last_alive = n.last_alive, last_online_time = n.last_online_time,
            is_online = n.is_online
        FROM unnest(
                p_presence_service, p_presence_user_id, p_presence_is_new, p_presence_revision, p_presence_known_revision,
                p_presence_online_revision, p_presence_notifiable_revision, p_presence_last_alive, p_presence_last_online_time,
                p_presence_is_online)
            AS n (
                service, user_id, is_new, revision, known_revision,
                online_revision, notifiable_revision, last_alive, last_online_time,
                is_online)
        WHERE p.user_id = n.user_id AND NOT n.is_new AND NOT stale[n.service];
        IF true = ANY (p_presence_is_new) THEN
            INSERT INTO presence (
                user_id, service_id, revision, known_revision, online_revision, notifiable_revision, last_alive, last_online_time, is_online)
            SELECT n.user_id, p_service_id[n.service], n.revision, n.known_revision, n.online_revision, n.notifiable_revision, n.last_alive,
                n.last_online_time, n.is_online
            FROM unnest(
                    p_presence_service, p_presence_user_id, p_presence_is_new, p_presence_revision, p_presence_known_revision,
                    p_presence_online_revision, p_presence_notifiable_revision, p_presence_last_alive, p_presence_last_online_time,
                    p_presence_is_online)
                AS n (
                    service, user_id, is_new, revision, known_revision,
                    online_revision, notifiable_revision, last_alive, last_online_time,
                    is_online)
            WHERE n.is_new AND NOT stale[n.service];
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
            INSERT INTO ended_sessions (id, service_id, until, identity, session_id)
            SELECT v_ended_key[n.service] + n.number, p_service_id[n.service], n.until, n.identity, n.session_id
            FROM unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_until) WITH ORDINALITY
                AS n (service, identity, session_id, until, number)
            WHERE n.until IS NOT NULL AND NOT stale[n.service];
        EXCEPTION WHEN unique_violation THEN
            INSERT INTO ended_sessions (id, service_id, until, identity, session_id)
            SELECT v_ended_key[n.service] + n.number, p_service_id[n.service], n.until, n.identity, n.session_id
            FROM unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_until) WITH ORDINALITY
                AS n (service, identity, session_id, until, number)
            WHERE n.until IS NOT NULL AND NOT stale[n.service]
            ON CONFLICT (service_id, identity, session_id) DO UPDATE SET until = greatest(ended_sessions.until, excluded.until);
        END;
    END IF;
    IF p_webhooks IS NOT NULL THEN
        INSERT INTO webhooks (
            service_id, position, known_since, sweep_since, sweep_after, method, pre_fails_closed, secret_generation, epoch, pre_url, post_url,
            filters)
        SELECT p_service_id[n.service], n.position, n.known_since, n.sweep_since, n.sweep_after, n.method, n.pre_fails_closed,
            n.secret_generation, n.epoch, decode(n.pre_url, 'base64'), decode(n.post_url, 'base64'), decode(n.filters, 'base64')
        FROM jsonb_to_recordset(p_webhooks) AS n (
            service int, position bigint, known_since bigint, sweep_since bigint, sweep_after bigint, method int, pre_fails_closed boolean,
            secret_generation bigint, epoch bigint, pre_url text, post_url text, filters text)
        WHERE NOT stale[n.service]
        ON CONFLICT (service_id) DO UPDATE SET
            position = excluded.position, known_since = excluded.known_since, sweep_since = excluded.sweep_since,
            sweep_after = excluded.sweep_after, method = excluded.method, pre_fails_closed = excluded.pre_fails_closed,
            secret_generation = excluded.secret_generation, epoch = excluded.epoch, pre_url = excluded.pre_url, post_url = excluded.post_url,
            filters = excluded.filters;
    END IF;
    IF cardinality(p_notification_service) > 0 THEN
        INSERT INTO notifications (service_id, settings)
        SELECT p_service_id[n.service], n.settings
        FROM unnest(p_notification_service, p_notification_settings) AS n (service, settings)
        WHERE NOT stale[n.service]
        ON CONFLICT (service_id) DO UPDATE SET settings = excluded.settings;
    END IF;
    IF cardinality(p_alive_user_id) > 0 THEN
        UPDATE presence AS p SET last_alive = n.uptime
        FROM unnest(p_alive_service_id, p_alive_user_id, p_alive_uptime) AS n (service_id, user_id, uptime)
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
    IF p_uptime_total IS NOT NULL THEN
        UPDATE uptime SET alive_time = p_uptime_alive_time, total = p_uptime_total;
    END IF;
END
$$;


--
-- Name: commit_changes(bigint, bigint, bigint, bigint, text, bigint, boolean, bigint, bigint, bigint, bigint[], uuid[], bigint[], boolean[], boolean[], boolean[], boolean[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], boolean[], boolean[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[], text[], bytea[], integer[], bigint[], integer[], bigint[], bigint[], integer[], bigint[], bigint[], uuid[], bytea[], integer[], bigint[], boolean[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], integer[], boolean[], text[], bytea[], bytea[], bytea[], integer[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], boolean[], integer[], bigint[], bigint[], uuid[], bigint[], integer[], bytea[], integer[], bytea[], bytea[], boolean[], bigint[], bigint[], bigint[], bigint[], integer[], text[], jsonb, jsonb, bigint[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.commit_changes(p_node bigint, p_incarnation bigint, p_generation bigint, p_number bigint, p_server text, p_directory_version bigint, p_changes_directory boolean, p_uptime_alive_time bigint, p_uptime_total bigint, p_users_per_service bigint, p_service_id bigint[], p_service_sid uuid[], p_service_version bigint[], p_service_is_new boolean[], p_service_is_deleted boolean[], p_service_changes_settings boolean[], p_service_depends_on_revision boolean[], p_service_read_revision bigint[], p_service_read_user_count bigint[], p_service_read_next_user_id bigint[], p_service_read_next_binding_id bigint[], p_service_revision bigint[], p_service_purged_revision bigint[], p_service_user_count bigint[], p_service_next_user_id bigint[], p_service_next_binding_id bigint[], p_service_reachability_enabled boolean[], p_service_auto_create_users boolean[], p_service_create_time bigint[], p_service_update_time bigint[], p_service_heartbeat_interval bigint[], p_service_session_timeout bigint[], p_service_offline_debounce bigint[], p_service_configuration_revision bigint[], p_service_switched_on_revision bigint[], p_service_switch_revision bigint[], p_service_configuration_update_time bigint[], p_service_service_role text[], p_service_conversation_role text[], p_service_creator_role text[], p_service_friendly_name bytea[], p_deleted_binding_service integer[], p_deleted_binding_id bigint[], p_deleted_user_service integer[], p_deleted_user_id bigint[], p_deleted_user_version bigint[], p_tombstone_service integer[], p_tombstone_revision bigint[], p_tombstone_delete_time bigint[], p_tombstone_sid uuid[], p_tombstone_identity bytea[], p_user_service integer[], p_user_id bigint[], p_user_is_new boolean[], p_user_sid uuid[], p_user_created_revision bigint[], p_user_friendly_name_revision bigint[], p_user_attributes_revision bigint[], p_user_role_revision bigint[], p_user_create_time bigint[], p_user_update_time bigint[], p_user_binding_count integer[], p_user_quiet_reasons integer[], p_user_had_binding boolean[], p_user_role_sid text[], p_user_identity bytea[], p_user_friendly_name bytea[], p_user_attributes bytea[], p_presence_service integer[], p_presence_user_id bigint[], p_presence_version bigint[], p_presence_revision bigint[], p_presence_known_revision bigint[], p_presence_online_revision bigint[], p_presence_notifiable_revision bigint[], p_presence_last_alive bigint[], p_presence_last_online_time bigint[], p_presence_is_online boolean[], p_binding_service integer[], p_binding_id bigint[], p_binding_user_id bigint[], p_binding_sid uuid[], p_binding_create_time bigint[], p_binding_type integer[], p_binding_endpoint bytea[], p_ended_service integer[], p_ended_identity bytea[], p_ended_session_id bytea[], p_ended_is_forgotten boolean[], p_ended_until bigint[], p_alive_service_id bigint[], p_alive_user_id bigint[], p_alive_uptime bigint[], p_notification_service integer[], p_notification_settings text[], p_webhooks jsonb, p_api_keys jsonb, p_deleted_api_key_id bigint[], OUT is_directory_stale boolean, OUT stale boolean[], OUT revisions bigint[], OUT user_counts bigint[], OUT next_user_ids bigint[], OUT next_binding_ids bigint[]) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
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
    SET last_commit = p_number, renewed_at = clock_timestamp(), written_by = pg_current_xact_id()
    WHERE id = p_node AND state = 'active' AND incarnation = p_incarnation AND generation = p_generation AND last_commit = p_number - 1
        AND server = p_server
    RETURNING timeline_seq INTO v_timeline;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM nodes WHERE id = p_node AND state = 'active' AND incarnation = p_incarnation) THEN
            RAISE EXCEPTION 'The commit is of an earlier generation of the writer, or its number is not the next one.' USING ERRCODE = 'GP002';
        END IF;
        RAISE EXCEPTION 'Another node has taken the database.' USING ERRCODE = 'GP001';
    END IF;
    IF server_identity() <> p_server THEN
        RAISE EXCEPTION 'The session is on another server than the one that the writer opened.' USING ERRCODE = 'GP002';
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
            last_next_user_ids = next_user_ids, last_next_binding_ids = next_binding_ids
        WHERE id = p_node;
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
                default_service_role_sid, default_conversation_role_sid, default_conversation_creator_role_sid, friendly_name)
            SELECT p_service_id[n], p_service_sid[n], 1, p_service_revision[n], p_service_purged_revision[n], p_service_user_count[n],
                p_service_next_user_id[n], p_service_next_binding_id[n], (p_service_id[n] << 36) + 1,
                CASE WHEN p_service_revision[n] > 0 THEN v_timeline ELSE 0 END,
                p_service_is_deleted[n], p_service_reachability_enabled[n], p_service_auto_create_users[n], p_service_create_time[n],
                p_service_update_time[n], p_service_heartbeat_interval[n], p_service_session_timeout[n], p_service_offline_debounce[n],
                p_service_configuration_revision[n], p_service_switched_on_revision[n], p_service_switch_revision[n],
                p_service_configuration_update_time[n], p_service_service_role[n], p_service_conversation_role[n], p_service_creator_role[n],
                p_service_friendly_name[n]
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
                    user_id, service_id, revision, known_revision, online_revision, notifiable_revision, last_alive, last_online_time, is_online)
                SELECT n.user_id, p_service_id[n.service], n.revision, n.known_revision, n.online_revision, n.notifiable_revision, n.last_alive,
                    n.last_online_time, n.is_online
                FROM unnest(
                        p_presence_service, p_presence_user_id, p_presence_version, p_presence_revision, p_presence_known_revision,
                        p_presence_online_revision, p_presence_notifiable_revision, p_presence_last_alive, p_presence_last_online_time,
                        p_presence_is_online)
                    AS n (
                        service, user_id, version, revision, known_revision,
                        online_revision, notifiable_revision, last_alive, last_online_time,
                        is_online)
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
                INSERT INTO ended_sessions (id, service_id, until, identity, session_id)
                SELECT v_ended_key[n.service] + n.number, p_service_id[n.service], n.until, n.identity, n.session_id
                FROM unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_until) WITH ORDINALITY
                    AS n (service, identity, session_id, until, number)
                WHERE n.until IS NOT NULL AND NOT stale[n.service];
            EXCEPTION WHEN unique_violation THEN
                INSERT INTO ended_sessions (id, service_id, until, identity, session_id)
                SELECT v_ended_key[n.service] + n.number, p_service_id[n.service], n.until, n.identity, n.session_id
                FROM unnest(p_ended_service, p_ended_identity, p_ended_session_id, p_ended_until) WITH ORDINALITY
                    AS n (service, identity, session_id, until, number)
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
            UPDATE presence AS p SET last_alive = n.uptime
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
        IF p_uptime_total IS NOT NULL THEN
            UPDATE uptime SET alive_time = p_uptime_alive_time, total = p_uptime_total;
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
    UPDATE nodes SET last_directory_stale = false, last_stale = stale, last_revisions = revisions, last_user_counts = user_counts,
        last_next_user_ids = next_user_ids, last_next_binding_ids = next_binding_ids
    WHERE id = p_node;
END
$$;


--
-- Name: moved(bigint[], integer[], bigint[], bigint[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.moved(p_values bigint[], p_service integer[], p_from bigint[], p_shift bigint[]) RETURNS bigint[]
    LANGUAGE sql
    AS $$
    SELECT coalesce(array_agg(n.value + CASE WHEN n.value >= p_from[n.service] THEN p_shift[n.service] ELSE 0 END ORDER BY n.number), '{}')
    FROM (
        SELECT value, coalesce(service, number::int) AS service, number
        FROM unnest(p_values, p_service) WITH ORDINALITY AS u (value, service, number)) AS n
$$;


--
-- Name: purge_rows(bigint, bigint, bigint, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.purge_rows(p_node bigint, p_incarnation bigint, p_tombstones_before bigint, p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    AS $_$
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
$_$;


--
-- Name: server_identity(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.server_identity() RETURNS text
    LANGUAGE sql
    AS $$
    SELECT concat_ws(
        '/',
        (SELECT system_identifier FROM pg_control_system()),
        substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'nodes'::regclass::oid)
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    id bigint NOT NULL,
    sid uuid NOT NULL,
    role integer NOT NULL,
    scope uuid,
    previous_until bigint NOT NULL,
    create_time bigint NOT NULL,
    rotate_time bigint,
    revoke_time bigint,
    secret_salt text NOT NULL COLLATE pg_catalog."C",
    secret_hash text NOT NULL COLLATE pg_catalog."C",
    previous_salt text COLLATE pg_catalog."C",
    previous_hash text COLLATE pg_catalog."C",
    certificate_name bytea NOT NULL,
    friendly_name bytea NOT NULL
);


--
-- Name: directory; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.directory (
    only_row boolean NOT NULL,
    version bigint NOT NULL,
    next_service_id bigint NOT NULL,
    next_api_key_id bigint NOT NULL,
    CONSTRAINT directory_only_row_check CHECK (only_row)
)
WITH (fillfactor='10');


--
-- Name: ended_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ended_sessions (
    id bigint NOT NULL,
    service_id bigint NOT NULL,
    until bigint NOT NULL,
    identity bytea NOT NULL,
    session_id bytea NOT NULL
);


--
-- Name: nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.nodes (
    id bigint NOT NULL,
    incarnation bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    last_commit bigint NOT NULL,
    last_directory_stale boolean NOT NULL,
    last_stale boolean[] NOT NULL,
    last_revisions bigint[] NOT NULL,
    timeline_seq bigint NOT NULL,
    renewed_at timestamp with time zone NOT NULL,
    server text NOT NULL COLLATE pg_catalog."C",
    written_by xid8 NOT NULL,
    last_user_counts bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    last_next_user_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    last_next_binding_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL
)
WITH (fillfactor='10');


--
-- Name: notifications; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notifications (
    service_id bigint NOT NULL,
    settings text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: presence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.presence (
    user_id bigint NOT NULL,
    service_id bigint NOT NULL,
    revision bigint NOT NULL,
    known_revision bigint NOT NULL,
    online_revision bigint NOT NULL,
    notifiable_revision bigint NOT NULL,
    last_alive bigint NOT NULL,
    last_online_time bigint,
    is_online boolean NOT NULL,
    version bigint DEFAULT 1 NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.05');


--
-- Name: push_bindings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.push_bindings (
    id bigint NOT NULL,
    service_id bigint NOT NULL,
    user_id bigint NOT NULL,
    sid uuid NOT NULL,
    create_time bigint NOT NULL,
    type integer NOT NULL,
    endpoint bytea NOT NULL
);


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    version integer NOT NULL,
    usable_from integer NOT NULL
);


--
-- Name: services; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.services (
    id bigint NOT NULL,
    sid uuid NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    purged_revision bigint NOT NULL,
    user_count bigint NOT NULL,
    next_user_id bigint NOT NULL,
    next_binding_id bigint NOT NULL,
    next_ended_session_id bigint NOT NULL,
    cut_timeline_seq bigint NOT NULL,
    is_deleted boolean NOT NULL,
    reachability_enabled boolean NOT NULL,
    auto_create_users boolean NOT NULL,
    create_time bigint NOT NULL,
    update_time bigint NOT NULL,
    heartbeat_interval bigint NOT NULL,
    session_timeout bigint NOT NULL,
    offline_debounce bigint NOT NULL,
    configuration_revision bigint NOT NULL,
    switched_on_revision bigint NOT NULL,
    switch_revision bigint NOT NULL,
    configuration_update_time bigint NOT NULL,
    default_service_role_sid text NOT NULL COLLATE pg_catalog."C",
    default_conversation_role_sid text NOT NULL COLLATE pg_catalog."C",
    default_conversation_creator_role_sid text NOT NULL COLLATE pg_catalog."C",
    friendly_name bytea NOT NULL
)
WITH (fillfactor='10');


--
-- Name: timeline_cuts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.timeline_cuts (
    service_id bigint NOT NULL,
    timeline_seq bigint NOT NULL,
    revision bigint NOT NULL
);


--
-- Name: timelines; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.timelines (
    seq bigint NOT NULL,
    id uuid NOT NULL
);


--
-- Name: tombstones; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tombstones (
    service_id bigint NOT NULL,
    revision bigint NOT NULL,
    delete_time bigint NOT NULL,
    sid uuid NOT NULL,
    identity bytea NOT NULL
);


--
-- Name: uptime; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.uptime (
    only_row boolean NOT NULL,
    alive_time bigint,
    total bigint NOT NULL,
    CONSTRAINT uptime_only_row_check CHECK (only_row)
)
WITH (fillfactor='10');


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    service_id bigint NOT NULL,
    id bigint NOT NULL,
    sid uuid NOT NULL,
    created_revision bigint NOT NULL,
    friendly_name_revision bigint NOT NULL,
    attributes_revision bigint NOT NULL,
    role_revision bigint NOT NULL,
    create_time bigint NOT NULL,
    update_time bigint NOT NULL,
    binding_count integer NOT NULL,
    quiet_reasons integer NOT NULL,
    had_binding boolean NOT NULL,
    role_sid text NOT NULL COLLATE pg_catalog."C",
    identity bytea NOT NULL,
    friendly_name bytea NOT NULL,
    attributes bytea NOT NULL
);


--
-- Name: webhooks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.webhooks (
    service_id bigint NOT NULL,
    "position" bigint NOT NULL,
    known_since bigint,
    sweep_since bigint,
    sweep_after bigint,
    method integer NOT NULL,
    pre_fails_closed boolean NOT NULL,
    secret_generation bigint NOT NULL,
    epoch bigint NOT NULL,
    pre_url bytea NOT NULL,
    post_url bytea NOT NULL,
    filters bytea NOT NULL
);


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.api_keys (id, sid, role, scope, previous_until, create_time, rotate_time, revoke_time, secret_salt, secret_hash, previous_salt, previous_hash, certificate_name, friendly_name) FROM stdin;
1	9bf26079-cbc5-cb5f-254e-f3ae65b5a0dc	3	\N	0	639313604531690653	\N	\N	41fddbdc63bd489c3d653dfc003df72a	b79145d2048d189e3b2f3d15b3c402278548875c3f643d158118ff50669f167d	\N	\N	\\x	\\x
\.


--
-- Data for Name: directory; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.directory (only_row, version, next_service_id, next_api_key_id) FROM stdin;
t	3	3	2
\.


--
-- Data for Name: ended_sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.ended_sessions (id, service_id, until, identity, session_id) FROM stdin;
68719476737	1	762658002	\\x626f62	\\x7331
\.


--
-- Data for Name: nodes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.nodes (id, incarnation, state, generation, last_commit, last_directory_stale, last_stale, last_revisions, timeline_seq, renewed_at, server, written_by, last_user_counts, last_next_user_ids, last_next_binding_ids) FROM stdin;
1	4992092004377493423	released	4	19	f	{}	{}	2	2026-11-27 07:14:13.290215+00	7712746138977525342/00000001/16384/16388	755	{}	{}	{}
\.


--
-- Data for Name: notifications; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.notifications (service_id, settings) FROM stdin;
\.


--
-- Data for Name: presence; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.presence (user_id, service_id, revision, known_revision, online_revision, notifiable_revision, last_alive, last_online_time, is_online, version) FROM stdin;
68719476740	1	5	5	5	0	13140257	\N	t	1
68719476741	1	6	0	0	0	0	\N	f	1
68719476739	1	7	4	7	0	13723774	639313604513601344	f	1
68719476738	1	8	3	3	8	12574372	\N	t	1
\.


--
-- Data for Name: push_bindings; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.push_bindings (id, service_id, user_id, sid, create_time, type, endpoint) FROM stdin;
68719476737	1	68719476738	ed6153bb-39b2-126f-8b6b-cea7487cfe5e	639313604513847629	2	\\x746f6b656e
\.


--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.schema_version (version, usable_from) FROM stdin;
4	3
\.


--
-- Data for Name: services; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.services (id, sid, version, revision, purged_revision, user_count, next_user_id, next_binding_id, next_ended_session_id, cut_timeline_seq, is_deleted, reachability_enabled, auto_create_users, create_time, update_time, heartbeat_interval, session_timeout, offline_debounce, configuration_revision, switched_on_revision, switch_revision, configuration_update_time, default_service_role_sid, default_conversation_role_sid, default_conversation_creator_role_sid, friendly_name) FROM stdin;
1	1d50a213-b03a-042c-0229-c61247729449	14	9	0	4	68719476742	68719476738	68719476738	1	f	t	t	639313604507116516	639313604509339310	300000000	750000000	50000000	1	1	1	639313604508669803				\\x6f6e65
2	609950ea-e264-adf6-6051-6f2695106745	1	0	0	0	137438953473	137438953473	137438953473	0	f	f	t	639313604509453541	639313604509453541	300000000	750000000	50000000	0	0	0	639313604509453541				\\x74776f
\.


--
-- Data for Name: timeline_cuts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.timeline_cuts (service_id, timeline_seq, revision) FROM stdin;
1	1	0
\.


--
-- Data for Name: timelines; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.timelines (seq, id) FROM stdin;
1	5295539c-cffd-f8c5-dbf3-c0579d66147b
2	6cfb371c-9ff7-f00a-0e91-069f0ce30a47
\.


--
-- Data for Name: tombstones; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tombstones (service_id, revision, delete_time, sid, identity) FROM stdin;
1	9	639313604513993975	db007e25-d30d-76bd-6a71-dbbb7b673912	\\x657665
\.


--
-- Data for Name: uptime; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.uptime (only_row, alive_time, total) FROM stdin;
t	639313604528923948	16731051
\.


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.users (service_id, id, sid, created_revision, friendly_name_revision, attributes_revision, role_revision, create_time, update_time, binding_count, quiet_reasons, had_binding, role_sid, identity, friendly_name, attributes) FROM stdin;
1	68719476739	fa54d333-8ea6-3b64-4a7b-7cc5624e642e	4	0	0	0	639313604512586846	639313604512586846	0	0	f		\\x626f62	\\x	\\x7b7d
1	68719476740	535326d8-ad6f-aa8f-eb0d-af7fed66c01f	5	0	0	0	639313604513017824	639313604513017824	0	0	f		\\x636179	\\x	\\x7b7d
1	68719476741	f0491133-2808-59cc-3b83-2793929f6288	6	0	0	0	639313604513212201	639313604513212201	0	0	f		\\x64616e	\\x	\\x7b2261223a317d
1	68719476738	1097ace2-75da-7423-0d8a-bb0779d9cd88	3	0	0	0	639313604512451932	639313604512451932	1	0	t		\\x616461	\\x	\\x7b7d
\.


--
-- Data for Name: webhooks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.webhooks (service_id, "position", known_since, sweep_since, sweep_after, method, pre_fails_closed, secret_generation, epoch, pre_url, post_url, filters) FROM stdin;
1	2	1	\N	\N	1	f	1	1795763650976	\\x	\\x687474703a2f2f776562686f6f6b2e6578616d706c652f686f6f6b	\\x6f6e5573657255706461746564
\.


--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);


--
-- Name: api_keys api_keys_sid_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_sid_key UNIQUE (sid);


--
-- Name: directory directory_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.directory
    ADD CONSTRAINT directory_pkey PRIMARY KEY (only_row);


--
-- Name: ended_sessions ended_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ended_sessions
    ADD CONSTRAINT ended_sessions_pkey PRIMARY KEY (id);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (id);


--
-- Name: notifications notifications_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (service_id);


--
-- Name: presence presence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.presence
    ADD CONSTRAINT presence_pkey PRIMARY KEY (user_id);


--
-- Name: push_bindings push_bindings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.push_bindings
    ADD CONSTRAINT push_bindings_pkey PRIMARY KEY (id);


--
-- Name: services services_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.services
    ADD CONSTRAINT services_pkey PRIMARY KEY (id);


--
-- Name: timeline_cuts timeline_cuts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.timeline_cuts
    ADD CONSTRAINT timeline_cuts_pkey PRIMARY KEY (service_id, timeline_seq);


--
-- Name: timelines timelines_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.timelines
    ADD CONSTRAINT timelines_id_key UNIQUE (id);


--
-- Name: timelines timelines_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.timelines
    ADD CONSTRAINT timelines_pkey PRIMARY KEY (seq);


--
-- Name: tombstones tombstones_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tombstones
    ADD CONSTRAINT tombstones_pkey PRIMARY KEY (service_id, revision);


--
-- Name: uptime uptime_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.uptime
    ADD CONSTRAINT uptime_pkey PRIMARY KEY (only_row);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (service_id, id);


--
-- Name: webhooks webhooks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (service_id);


--
-- Name: api_keys_by_certificate_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX api_keys_by_certificate_name ON public.api_keys USING btree (certificate_name) WHERE ((certificate_name <> '\x'::bytea) AND (revoke_time IS NULL));


--
-- Name: api_keys_by_scope; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_keys_by_scope ON public.api_keys USING btree (scope);


--
-- Name: ended_sessions_by_end; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ended_sessions_by_end ON public.ended_sessions USING btree (until);


--
-- Name: ended_sessions_by_session; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ended_sessions_by_session ON public.ended_sessions USING btree (service_id, identity, session_id);


--
-- Name: presence_by_revision; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX presence_by_revision ON public.presence USING btree (service_id, revision);


--
-- Name: presence_offline; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX presence_offline ON public.presence USING btree (service_id, user_id) WHERE ((NOT is_online) AND (known_revision > 0));


--
-- Name: presence_online; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX presence_online ON public.presence USING btree (service_id, user_id) WHERE is_online;


--
-- Name: push_bindings_by_address; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX push_bindings_by_address ON public.push_bindings USING btree (((service_id + 0)), type, endpoint);


--
-- Name: push_bindings_by_service; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX push_bindings_by_service ON public.push_bindings USING btree (service_id, id);


--
-- Name: push_bindings_by_sid; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX push_bindings_by_sid ON public.push_bindings USING btree (sid, service_id);


--
-- Name: push_bindings_by_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX push_bindings_by_type ON public.push_bindings USING btree (service_id, type, id);


--
-- Name: push_bindings_by_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX push_bindings_by_user ON public.push_bindings USING btree (user_id, id);


--
-- Name: services_by_sid; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX services_by_sid ON public.services USING btree (sid) WHERE (NOT is_deleted);


--
-- Name: services_deleted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX services_deleted ON public.services USING btree (id) WHERE is_deleted;


--
-- Name: tombstones_by_identity; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tombstones_by_identity ON public.tombstones USING btree (((service_id + 0)), identity, revision);


--
-- Name: tombstones_by_sid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tombstones_by_sid ON public.tombstones USING btree (sid);


--
-- Name: tombstones_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tombstones_by_time ON public.tombstones USING btree (delete_time);


--
-- Name: users_by_identity; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_by_identity ON public.users USING btree (((service_id + 0)), identity);


--
-- Name: users_by_sid; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_by_sid ON public.users USING btree (sid, service_id);


--
-- PostgreSQL database dump complete
--


