using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Tests servers that are the nodes of a cluster.</summary>
public sealed class ClusterServerTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_heartbeat_to_any_node_is_seen_at_watches_on_every_node()
    {
        var nodes = _cluster.Nodes;
        var service = await nodes[0].CreateReachableServiceAsync();
        var watches = new List<Watch>();
        foreach (var node in nodes)
        {
            var watch = Watch.Open(node, new WatchUsersRequest { ServiceSid = service });
            await watch.Sync();
            watches.Add(watch);
        }
        foreach (var owner in nodes)
        {
            foreach (var ingress in nodes)
            {
                var user = _cluster.UsersOf(owner, service).Skip(nodes.ToList().IndexOf(ingress)).First();
                await ingress.BeatAsync(service, user);
                foreach (var watch in watches)
                {
                    var update = await watch.NextUpdate();
                    Assert.Equal((user, true), (update.User.Identity, update.User.IsOnline));
                }
                await ingress.BeatAsync(service, user);
                await ingress.EndAsync(service, user);
                foreach (var watch in watches)
                    Assert.False((await watch.NextUpdate()).User.IsOnline);
            }
        }
        watches.ForEach(watch => watch.Dispose());
    }
}
