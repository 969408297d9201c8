namespace GrpcPresence.Cluster.Tests.Fixture;

/// <summary>Some nodes of one cluster, each in a process of its own.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly List<NodeProcess> _nodes = [];

    private TestCluster(string database) => Database = database;

    /// <summary>The connection string of the database.</summary>
    public string Database { get; }

    /// <summary>A node, in the order of the starts.</summary>
    public NodeProcess this[int index] => _nodes[index];

    /// <summary>Starts some nodes, and waits until each sees all of them. Skips the test if PostgreSQL is not installed.</summary>
    public static async Task<TestCluster> StartAsync(int count, string? database = null)
    {
        var cluster = new TestCluster(database ?? TestDatabase.Create());
        try
        {
            // All at once, as a deployment does.
            for (var index = 0; index < count; index++)
                cluster._nodes.Add(NodeProcess.Start(cluster.Database));
            foreach (var node in cluster._nodes)
                await node.SelfAsync();
            foreach (var node in cluster._nodes)
                await node.SeesAsync([.. cluster._nodes]);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts another run of a node at its address. It has joined when this returns.</summary>
    public async Task<NodeProcess> RestartAsync(NodeProcess node)
    {
        var next = NodeProcess.Start(Database, node.Address);
        _nodes.Add(next);
        await next.SelfAsync();
        return next;
    }

    /// <summary>Starts another node. Its run is known when this returns.</summary>
    public async Task<NodeProcess> AddAsync()
    {
        var added = NodeProcess.Start(Database);
        _nodes.Add(added);
        await added.SelfAsync();
        return added;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }
}
