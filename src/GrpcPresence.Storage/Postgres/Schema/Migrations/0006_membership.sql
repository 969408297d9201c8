-- Which nodes are alive. Only Orleans reads and writes these tables, by the statements of the table orleansquery, which it loads when a node
-- starts. Orleans fixes the name of that table, its columns and keys, the parameters, and the columns of results; the rest is ours. So a
-- node of an earlier version goes on with the statements that it has loaded: a later script must keep these working.

-- One row for each cluster. Each change of a member takes the next version, so that all nodes see the changes in one order.
CREATE TABLE membership_versions (
    cluster text COLLATE "C" PRIMARY KEY,
    version int NOT NULL
) WITH (fillfactor = 10);

-- One row for each run of a node. The times are by the clocks of the nodes. suspect_times names the nodes that suspect this one.
CREATE TABLE members (
    cluster text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    port int NOT NULL,
    generation int NOT NULL,
    silo_name text COLLATE "C" NOT NULL,
    host_name text COLLATE "C" NOT NULL,
    status int NOT NULL,
    proxy_port int NOT NULL,
    suspect_times text COLLATE "C",
    start_time timestamptz NOT NULL,
    alive_time timestamptz NOT NULL,
    PRIMARY KEY (cluster, address, port, generation)
) WITH (fillfactor = 50);

-- Returns the version that nodes see. A node ignores a version below the one that it knows, and a standby that was promoted may lack the
-- last ones. So versions of a later WAL timeline are above all of an earlier one. 2,047 timelines fit; after that, nodes may ignore changes
-- until the version has caught up.
CREATE FUNCTION membership_version(p_version int) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT greatest(
        p_version,
        least(('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint, 2047)::int * 1048576)
$$;

CREATE TABLE orleansquery (
    querykey text COLLATE "C" PRIMARY KEY,
    querytext text NOT NULL
);

INSERT INTO orleansquery VALUES
-- Creates the row of the version. The result says whether it is new.
('InsertMembershipVersionKey', $$
    WITH created AS (
        INSERT INTO membership_versions VALUES (@DeploymentId, 0) ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT count(*)::int FROM created
$$),

-- A cluster without members has one row, with its version only.
('MembershipReadAllKey', $$
    SELECT v.cluster AS DeploymentId, m.address AS Address, m.port AS Port, m.generation AS Generation, m.silo_name AS SiloName,
        m.host_name AS HostName, m.status AS Status, m.proxy_port AS ProxyPort, m.suspect_times AS SuspectTimes, m.start_time AS StartTime,
        m.alive_time AS IAmAliveTime, membership_version(v.version) AS Version
    FROM membership_versions AS v LEFT JOIN members AS m ON m.cluster = v.cluster
    WHERE v.cluster = @DeploymentId
$$),

('MembershipReadRowKey', $$
    SELECT v.cluster AS DeploymentId, m.address AS Address, m.port AS Port, m.generation AS Generation, m.silo_name AS SiloName,
        m.host_name AS HostName, m.status AS Status, m.proxy_port AS ProxyPort, m.suspect_times AS SuspectTimes, m.start_time AS StartTime,
        m.alive_time AS IAmAliveTime, membership_version(v.version) AS Version
    FROM membership_versions AS v
        LEFT JOIN members AS m
            ON m.cluster = v.cluster AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
    WHERE v.cluster = @DeploymentId
$$),

-- Writes only if the version is the one that the node has read. The insert takes its row from the update, so that it does nothing if that
-- did nothing. If the run exists, the version is taken and nothing is written: that does no harm, and the result is 0.
('InsertMembershipKey', $$
    WITH version AS (
        UPDATE membership_versions SET version = @Version + 1
        WHERE cluster = @DeploymentId AND membership_version(version) = @Version
        RETURNING cluster
    ), inserted AS (
        INSERT INTO members (
            cluster, address, port, generation, silo_name, host_name, status, proxy_port, start_time, alive_time)
        SELECT cluster, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM version
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*)::int FROM inserted
$$),

('UpdateMembershipKey', $$
    WITH version AS (
        UPDATE membership_versions SET version = @Version + 1
        WHERE cluster = @DeploymentId AND membership_version(version) = @Version
        RETURNING cluster
    ), updated AS (
        UPDATE members AS m SET status = @Status, suspect_times = @SuspectTimes, alive_time = @IAmAliveTime
        FROM version
        WHERE m.cluster = version.cluster AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
        RETURNING 1
    )
    SELECT count(*)::int FROM updated
$$),

-- Takes no version, because no node has to see it soon.
('UpdateIAmAlivetimeKey', $$
    UPDATE members SET alive_time = @IAmAliveTime
    WHERE cluster = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
$$),

-- 3 is an active member.
('CleanupDefunctSiloEntriesKey', $$
    DELETE FROM members WHERE cluster = @DeploymentId AND alive_time < @IAmAliveTime AND status <> 3
$$),

-- No node uses the last two, but Orleans wants to have them.
('DeleteMembershipTableEntriesKey', $$
    WITH deleted AS (DELETE FROM members WHERE cluster = @DeploymentId)
    DELETE FROM membership_versions WHERE cluster = @DeploymentId
$$),

('GatewaysQueryKey', $$
    SELECT address AS Address, proxy_port AS ProxyPort, generation AS Generation FROM members
    WHERE cluster = @DeploymentId AND status = @Status AND proxy_port > 0
$$);
