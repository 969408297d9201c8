using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.DependencyInjection;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using Serving = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Tests how nodes of a cluster start, stop and end.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterStopTests
{
    [Fact]
    public async Task A_node_is_ready_when_it_has_opened_its_shards_and_not_before()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 1);
        var added = await cluster.AddAsync();
        await TestCluster.StatusAsync(added, Serving.NotServing);
        await TestCluster.ReadyAsync(added);
        var service = await added.CreateReachableServiceAsync();
        await added.BeatAsync(service, cluster.UsersOf(added, service).First());
    }

    [Fact]
    public async Task A_planned_stop_costs_no_heartbeat_more_than_a_retry_and_takes_nobody_offline()
    {
        await using var cluster = await TestCluster.StartAsync();
        var (first, second, stopped) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);
        var service = await first.CreateReachableServiceAsync();
        var users = cluster.Nodes.SelectMany(owner => cluster.UsersOf(owner, service).Take(10)).ToList();
        foreach (var user in users)
            await first.BeatAsync(service, user);
        using var watch = Watch.Open(second, new WatchUsersRequest { ServiceSid = service });
        await watch.Sync();

        var stop = cluster.StopAsync(stopped);
        for (var rounds = 0; rounds < 3 || !stop.IsCompleted; rounds++)
        {
            foreach (var user in users)
                await BeatAsync(rounds % 2 == 0 ? first : second, user);
        }
        await stop;

        Assert.False(stopped.Get<ServerFault>().HasOccurred);
        Assert.All(stopped.Log.Problems, entry => Assert.Fail(entry.Text));
        await first.BeatAsync(service, "last-one");
        var update = await watch.NextUpdate();
        Assert.Equal("last-one", update.User.Identity); // none before it

        async Task BeatAsync(TestServer node, string user)
        {
            try
            {
                await node.BeatAsync(service, user);
            }
            catch (global::Grpc.Core.RpcException)
            {
                await node.BeatAsync(service, user);
            }
        }
    }

    [Fact]
    public async Task A_watch_of_a_node_that_stops_goes_on_at_another_node_with_its_token()
    {
        await using var cluster = await TestCluster.StartAsync();
        var (first, stopped) = (cluster.Nodes[0], cluster.Nodes[2]);
        var service = await first.CreateReachableServiceAsync();
        using var watch = Watch.Open(stopped, new WatchUsersRequest { ServiceSid = service });
        await watch.Sync();
        await first.BeatAsync(service, "ada");
        await watch.Next();

        var ended = watch.Ended();
        await cluster.StopAsync(stopped);
        var end = await ended;
        Assert.Equal("SERVER_STOPPING", end.Reason);
        await first.BeatAsync(service, "bob");

        var request = new WatchUsersRequest { ServiceSid = service, ResumeToken = end.Metadata["resume_token"] };
        using var resumed = Watch.Open(cluster.Nodes[1], request);
        var messages = await resumed.Sync();
        Assert.DoesNotContain(messages, message => message.Reset is not null);
        Assert.Equal(["bob"], messages.SelectMany(message => message.Updates?.Updates ?? []).Select(update => update.User.Identity));
    }

    [Fact]
    public async Task A_node_that_the_others_believe_to_be_dead_ends_its_streams_and_stops_with_a_fault()
    {
        await using var cluster = await TestCluster.StartAsync();
        var (first, dead) = (cluster.Nodes[0], cluster.Nodes[2]);
        var service = await first.CreateReachableServiceAsync();
        using var watch = Watch.Open(dead, new WatchUsersRequest { ServiceSid = service });
        await watch.Sync();
        using var stream = await HeartbeatStream.OpenAsync(dead, service, endSessionsOnClose: true);
        var user = cluster.UsersOf(first, service).First();
        Assert.Equal(1, (await stream.BeatAsync((user, "s1"))).Accepted);
        await watch.Next();
        var (watchEnd, streamEnd) = (watch.Ended(), stream.Ended());

        cluster.RemoveFromView(dead);

        Assert.Equal("SERVER_STOPPING", (await watchEnd).Reason);
        Assert.Equal("SERVER_STOPPING", (await streamEnd).Reason);
        await TestCluster.StatusAsync(dead, Serving.NotServing);
        Assert.True(dead.Get<ServerFault>().HasOccurred);
        Assert.True((await first.GetUserAsync(service, user)).IsOnline);
        await Barrier.Within(dead.StopAsync(), "the node stopped");
    }

    [Fact]
    public async Task A_node_whose_loop_fails_ends_at_once()
    {
        var channels = new List<FailingChannel>();
        await using var cluster = await TestCluster.StartAsync(nodes: 2, services: services =>
        {
            var connect = services.Last(service => service.ServiceType == typeof(INodeChannel)).ImplementationFactory!;
            services.AddSingleton<INodeChannel>(provider =>
            {
                var channel = new FailingChannel((INodeChannel)connect(provider));
                channels.Add(channel);
                return channel;
            });
        });
        var failed = cluster.Nodes[1];
        var ended = new Barrier("the node ended");
        failed.Get<ClusterNode>().Ended += _ => ended.Reach();

        channels[1].IsFailing = true;

        await ended.Wait();
        Assert.Equal(NodeEndReason.Faulted, failed.Get<ClusterNode>().End?.Reason);
        Assert.True(failed.Get<ServerFault>().HasOccurred);
        await TestCluster.StatusAsync(failed, Serving.NotServing);
        channels[1].IsFailing = false;
    }

    [Fact]
    public async Task A_node_that_has_left_does_not_log_that_its_store_refuses_what_its_writer_still_tries()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 1);
        var left = cluster.Nodes[0];
        var ended = new Barrier("the node ended");
        left.Get<ClusterNode>().Ended += _ => ended.Reach();
        left.Get<ClusterNode>().Leave();
        await ended.Wait();

        var write = left.Get<CommandQueue>().SubmitAsync(new RevokeApiKey(new ApiKeySid(1)));

        await Assert.ThrowsAnyAsync<NodeEvictedException>(() => write.WaitAsync(TestRun.Token));
        await cluster.StopAsync(left);
        Assert.Equal(NodeEndReason.Left, left.Get<ClusterNode>().End?.Reason);
        Assert.All(left.Log.Problems, entry => Assert.Fail(entry.Text));
    }

    private sealed class FailingChannel(INodeChannel channel) : INodeChannel
    {
        private volatile bool _isFailing;

        public bool IsFailing
        {
            set => _isFailing = value;
        }

        public void Send(NodeId receiver, NodeMessage message)
        {
            if (_isFailing)
                throw new InvalidOperationException("A bug of the channel.");
            channel.Send(receiver, message);
        }
    }
}
