using System.Net;
using System.Net.Sockets;
using GrpcPresence.Cluster;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Tests how the connection to the other nodes begins and ends with the node, on PostgreSQL.</summary>
[Collection(SharedCluster.Collection)]
public sealed class NodeTransportTests
{
    private const string ClusterId = "test";

    public NodeTransportTests() =>
        Assert.SkipWhen(PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");

    [Fact]
    public async Task Live_a_node_that_ends_leaves_the_view_of_the_others_while_its_server_still_stops()
    {
        var database = PostgresServer.Shared.CreateSchema();
        await using var node = await StartAsync(database, await OpenStoreAsync(database));
        await using var peer = await ClusterTransport.CreateAsync(
            new ClusterTransportOptions { ClusterId = ClusterId, AdvertisedAddress = FreeAddress(), ConnectionString = database },
            NullLoggerFactory.Instance,
            TestRun.Token);
        var (both, alone) = (new Barrier("the peer saw both nodes"), new Barrier("the node left the view of the peer"));
        peer.ViewChanged += view =>
        {
            if (view.Nodes.Length == 2)
                both.Reach();
            else if (view.Contains(peer.View.Self))
                alone.Reach();
        };
        await peer.StartAsync(TestRun.Token);
        await both.Wait();

        node.Get<ClusterNode>().Fail("A test ends it.");

        // The host of the server still runs.
        await alone.Wait();
        Assert.Equal([peer.View.Self], peer.View.Current.Nodes);
    }

    [Fact]
    public async Task Start_a_node_waits_for_a_database_that_goes_away_after_the_store_was_opened()
    {
        using var server = PostgresServer.Start();
        var database = server.CreateSchema();
        var store = await OpenStoreAsync(database);
        server.Crash();
        using var log = new AwaitedLog("PostgreSQL at ");
        using var signals = new StopSignals();

        var starting = Task.Run(() => StartAsync(database, store, services =>
        {
            services.AddSingleton(signals);
            services.AddSingleton<StoreStart>();
            services.AddSingleton<ILoggerProvider>(log);
        }));
        await log.Seen.Wait();
        server.Resume();

        await Barrier.Within(starting, "the node started");
        await using var node = await starting;
        await TestCluster.ReadyAsync(node);
    }

    private static async Task<PostgresPresenceStore> OpenStoreAsync(string database) => await PostgresClusterStore.OpenAsync(
        new PostgresStoreOptions { ConnectionString = database },
        new PostgresClusterOptions { ClusterId = ClusterId, SecretCheck = new byte[32] },
        TestRun.Token);

    private static Task<TestServer> StartAsync(
        string database, PostgresPresenceStore store, Action<IServiceCollection>? services = null) => TestServer.StartAsync(
        store: store,
        settings: new ServerSettings
        {
            ClusterId = ClusterId,
            NodeAddress = FreeAddress(),
            Postgres = PostgresConnection.Read(database),
        },
        services: collection =>
        {
            collection.AddNode();
            services?.Invoke(collection);
        });

    private static IPEndPoint FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (IPEndPoint)listener.LocalEndpoint;
    }

    /// <summary>Sees an entry that begins with a text.</summary>
    private sealed class AwaitedLog(string begin) : ILoggerProvider, ILogger
    {
        public Barrier Seen { get; } = new($"the log said '{begin}'");

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).StartsWith(begin, StringComparison.Ordinal))
                Seen.Reach();
        }

        public void Dispose()
        {
        }
    }
}
