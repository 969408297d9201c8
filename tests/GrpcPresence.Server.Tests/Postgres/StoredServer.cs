using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;

namespace GrpcPresence.Server.Tests.Postgres;

/// <summary>A server with a database of either kind, which restarts.</summary>
internal sealed class StoredServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string? _postgres;
    private IPresenceStore? _store; // null while the server is stopped

    private StoredServer(string? postgres) => _postgres = postgres;

    public TestServer Server { get; private set; } = null!;

    /// <summary>Starts a server on an empty database. Skips the test where PostgreSQL is not installed.</summary>
    public static async Task<StoredServer> StartAsync(StoreKind kind)
    {
        Assert.SkipWhen(
            kind == StoreKind.Postgres && PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");
        var started = new StoredServer(kind == StoreKind.Postgres ? PostgresServer.Shared.CreateSchema() : null);
        await started.StartAsync();
        return started;
    }

    /// <summary>Stops the server, and starts another one on the same data.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _directory.Dispose();
    }

    private async Task StartAsync()
    {
        _store = _postgres is null
            ? new SqlitePresenceStore(new SqliteStoreOptions { Path = _directory.File("presence.db") })
            : await PostgresPresenceStore.OpenAsync(new PostgresStoreOptions { ConnectionString = _postgres }, TestRun.Token);
        Server = await TestServer.StartAsync(store: _store, settings: new ServerSettings
        {
            SecretFile = _directory.File("presence.secret"),
            AdminSocket = _directory.File("operator.sock"),
            Postgres = _postgres is null ? null : PostgresConnection.Read(_postgres),
        });
    }

    private async Task StopAsync()
    {
        if (_store is null)
            return;
        await Server.DisposeAsync();
        _store.Dispose();
        _store = null;
    }
}
