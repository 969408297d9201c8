using System.Net;
using Npgsql;

namespace GrpcPresence.Cluster.Membership;

/// <summary>
/// The connections to the tables of the membership. They are apart from those of the store: reads of callers must not delay the membership.
/// </summary>
internal sealed class MembershipDatabase : IAsyncDisposable
{
    /// <summary>Orleans reads the table each second, and writes when a node joins, leaves, suspects another one or is alive.</summary>
    private const int MaxConnections = 4;

    /// <summary>
    /// For a connection as well as for a statement. A server that does not answer must not keep a node from asking the next one behind the
    /// address.
    /// </summary>
    private const int TimeoutSeconds = 3;

    private readonly NpgsqlDataSource _source;

    private MembershipDatabase(NpgsqlDataSource source) => _source = source;

    /// <summary>What Orleans opens connections with.</summary>
    public NpgsqlDataSource Source => _source;

    /// <summary>Checks that the database answers and has the tables.</summary>
    /// <exception cref="ClusterTransportException">It does not.</exception>
    public static async Task<MembershipDatabase> OpenAsync(string connectionString, CancellationToken cancellationToken)
    {
        NpgsqlConnectionStringBuilder settings;
        NpgsqlDataSource source;
        try
        {
            settings = Configure(connectionString);
            source = NpgsqlDataSource.Create(settings);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidOperationException)
        {
            throw new ClusterTransportException($"The connection string of the membership is not valid: {exception.Message}", exception);
        }
        try
        {
            await using var _ = source;
            // Statements of the membership name no schema. In a schema that another role may write to, they could find its objects.
            settings.SearchPath = await FindSchemaAsync(source, cancellationToken).ConfigureAwait(false);
            return new MembershipDatabase(NpgsqlDataSource.Create(settings));
        }
        catch (NpgsqlException exception)
        {
            throw Unreachable(exception);
        }
    }

    /// <summary>Returns the greatest incarnation of the runs at the address that the table knows; 0 if it knows none.</summary>
    /// <exception cref="ClusterTransportException">The database does not answer.</exception>
    public async Task<int> ReadLastIncarnationAsync(string clusterId, IPEndPoint address, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = _source.CreateCommand(
                "SELECT coalesce(max(generation), 0) FROM members WHERE cluster = $1 AND address = $2 AND port = $3");
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = clusterId });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = address.Address.ToString() });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = address.Port });
            return (int)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }
        catch (NpgsqlException exception)
        {
            throw Unreachable(exception);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private static async Task<string> FindSchemaAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            """
            SELECT CASE WHEN to_regclass(format('%I.orleansquery', current_schema())) IS NOT NULL THEN quote_ident(current_schema()) END
            """);
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as string
            ?? throw new ClusterTransportException(
                "The database has no tables of the membership in the first schema of its search path. Start a server of this version on it "
                    + "first.");
    }

    private static NpgsqlConnectionStringBuilder Configure(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "presence-membership",
            Pooling = true,
            MinPoolSize = 0,
            MaxPoolSize = MaxConnections,
            Timeout = TimeoutSeconds,
            CommandTimeout = TimeoutSeconds,
            CancellationTimeout = -1, // a server that does not answer does not answer a cancellation either
            KeepAlive = 0,
            Multiplexing = false,
            NoResetOnClose = true,
            IncludeErrorDetail = false,
            Enlist = false,
        };
        if (string.IsNullOrEmpty(settings.Host))
            throw new ArgumentException("Host is missing");
        // A standby shows an earlier membership. The driver rejects a choice for one host.
        settings.TargetSessionAttributes = null;
        if (settings.Host.Contains(',', StringComparison.Ordinal))
        {
            settings.TargetSessionAttributes = "primary";
            settings.LoadBalanceHosts = false;
            settings.HostRecheckSeconds = 0;
        }
        return settings;
    }

    private static ClusterTransportException Unreachable(NpgsqlException exception) =>
        new($"The database of the membership cannot be used: {exception.Message}", exception) { Problem = ClusterTransportProblem.Away };
}
