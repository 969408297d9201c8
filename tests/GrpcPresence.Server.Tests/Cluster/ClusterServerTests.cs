using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Tests servers that are the nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterServerTests(SharedCluster shared)
{
    private readonly TestCluster _cluster = shared.Cluster;

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

    [Fact]
    public async Task A_message_of_a_heartbeat_stream_is_answered_in_order_for_users_of_all_owners()
    {
        var ingress = _cluster.Nodes[0];
        var service = await ingress.CreateReachableServiceAsync();
        var users = _cluster.Nodes.SelectMany(owner => _cluster.UsersOf(owner, service).Take(20)).ToArray();
        var named = await ingress.CreateUserAsync(service, _cluster.UsersOf(_cluster.Nodes[1], service).Skip(20).First());
        await ingress.BeatAsync(service, users[^1]);
        await ingress.EndAsync(service, users[^1]);

        using var stream = await HeartbeatStream.OpenAsync(ingress, service);
        var beats = users.Prepend(named.Sid).Select(user => (user, "s1")).Append(("", "s1")).ToArray();
        for (var i = 0; i < 3; i++)
            await stream.SendBeats(beats);
        for (var i = 0; i < 3; i++)
        {
            var reply = await stream.Reply();
            Assert.Equal(
                [(users.Length, ErrorReason.SessionEnded), (users.Length + 1, ErrorReason.FieldRequired)],
                reply.Rejected.Select(rejected => (rejected.Index, rejected.Reason)));
            Assert.Equal(beats.Length - 2, reply.Accepted);
        }
        Assert.True((await _cluster.Nodes[2].GetUserAsync(service, named.Identity)).IsOnline);
        Assert.Equal(2, (await stream.EndAsync((users[0], "s1"), (named.Sid, "s1"))).Accepted);
        Assert.False((await _cluster.Nodes[2].GetUserAsync(service, named.Identity)).IsOnline);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_sessions_of_a_stream_end_with_it_at_each_owner_if_the_client_has_asked_for_it(bool endSessionsOnClose)
    {
        var ingress = _cluster.Nodes[0];
        var service = await ingress.CreateReachableServiceAsync();
        await ingress.Configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration { ServiceSid = service, OfflineDebounce = new Duration() },
            UpdateMask = FieldMask.FromString("offline_debounce"),
        });
        var users = _cluster.Nodes.Select(owner => _cluster.UsersOf(owner, service).First()).ToList();
        using var watch = Watch.Open(_cluster.Nodes[1], new WatchUsersRequest { ServiceSid = service });
        await watch.Sync();
        using (var stream = await HeartbeatStream.OpenAsync(ingress, service, endSessionsOnClose))
        {
            Assert.Equal(users.Count, (await stream.BeatAsync([.. users.Select(user => (user, "s1"))])).Accepted);
            await Barrier.Within(OnlineAsync(users, isOnline: true), "all users came online");
            await stream.Close();
        }
        if (endSessionsOnClose)
        {
            await Barrier.Within(OnlineAsync(users, isOnline: false), "all users went offline");
            return;
        }
        foreach (var user in users)
            Assert.True((await ingress.GetUserAsync(service, user)).IsOnline);

        async Task OnlineAsync(IEnumerable<string> expected, bool isOnline)
        {
            var left = expected.ToHashSet();
            while (left.Count > 0)
            {
                foreach (var update in (await watch.Next()).Updates?.Updates ?? [])
                {
                    if (update.User.IsOnline == isOnline)
                        left.Remove(update.User.Identity);
                }
            }
        }
    }

    [Fact]
    public async Task Sessions_are_listed_at_any_node()
    {
        var service = await _cluster.Nodes[0].CreateReachableServiceAsync();
        foreach (var owner in _cluster.Nodes)
        {
            var user = _cluster.UsersOf(owner, service).First();
            await _cluster.Nodes[0].BeatAsync(service, user, "s1");
            await _cluster.Nodes[1].BeatAsync(service, user, "s2");
            foreach (var node in _cluster.Nodes)
            {
                var list = await node.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = service, UserKey = user });
                Assert.Equal(["s2", "s1"], list.Sessions.Select(session => session.SessionId));
            }
        }
    }

    [Fact]
    public async Task A_push_binding_is_set_moved_and_deleted_at_any_node()
    {
        var nodes = _cluster.Nodes;
        var service = await nodes[0].CreateServiceAsync();
        var (ada, bob) = (_cluster.UsersOf(nodes[1], service).First(), _cluster.UsersOf(nodes[2], service).First());
        await nodes[0].CreateUserAsync(service, ada);
        await nodes[0].CreateUserAsync(service, bob);
        var request = new SetPushBindingRequest { ServiceSid = service, BindingType = BindingType.Fcm, Endpoint = "token" };
        var set = (await nodes[0].Users.SetPushBindingAsync(new(request) { UserKey = ada })).PushBinding;
        var moved = (await nodes[1].Users.SetPushBindingAsync(new(request) { UserKey = bob })).PushBinding;
        Assert.Equal((set.Sid, bob), (moved.Sid, moved.Identity));
        var deletion = new DeletePushBindingRequest { ServiceSid = service, PushBindingSid = set.Sid };
        await nodes[0].Users.DeletePushBindingAsync(deletion);
        var error = await CallError.Of(nodes[1].Users.DeletePushBindingAsync(deletion));
        Assert.Equal(("PUSH_BINDING_NOT_FOUND", set.Sid), (error.Reason, error.Metadata["push_binding_sid"]));
    }
}
