using System.Text;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>What a hint would have brought, and was lost, the poll brings as well.</summary>
public sealed class PollTests : IAsyncLifetime
{
    private static readonly string[] Users = [.. Enumerable.Range(0, 40).Select(number => $"user{number}")];

    private readonly RunningNodes _nodes = new();
    private SimulatedNode _home = null!; // the home owner of the service instance
    private SimulatedNode _other = null!;

    public async ValueTask InitializeAsync()
    {
        await _nodes.CreateServiceAsync();
        SimulatedNode[] nodes = [_nodes.Start("a"), _nodes.Start("b")];
        Advance(seconds: 8);
        _home = nodes.Single(node => node.Answers(Shard.Of(_nodes.Service)));
        _other = nodes.Single(node => node != _home);
        foreach (var node in nodes)
            await node.Services.GetAsync(_nodes.Service, default);
    }

    public ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Live_a_deletion_whose_hint_was_lost_ends_watches()
    {
        var session = await _other.Hub.OpenAsync(
            new WatchRequest(_nodes.Service, new WatchFilter([], UpdateReasons.None, UserView.Full), StartNow: false, Token: null),
            _other.Store,
            default);
        using (session)
        {
            var messages = session.ReadAsync(default).GetAsyncEnumerator();
            var next = messages.MoveNextAsync().AsTask();
            while (next.IsCompletedSuccessfully)
                next = messages.MoveNextAsync().AsTask();
            Assert.False(next.IsCompleted);

            _nodes.Store.CommitFromOutside(image => image.With(image.Get(_nodes.Service) with { IsDeleted = true }));
            Advance(seconds: 1);

            var error = Assert.IsType<PresenceException>(next.Exception?.InnerException);
            Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);
        }
    }

    [Fact]
    public void Webhooks_settings_whose_hint_was_lost_are_applied()
    {
        SetWebhook();
        Advance(seconds: 1);

        Create();
        Advance(seconds: 1);

        Assert.NotEqual(0, _nodes.WebhooksSent);
    }

    [Fact]
    public void Webhooks_the_home_owner_delivers_a_commit_of_another_node_whose_hint_was_lost()
    {
        SetWebhook();
        Advance(seconds: 1);
        _nodes.Network.CutPair("a", "b");
        Assert.Equal(0, _nodes.WebhooksSent);

        Create();
        Advance(seconds: 1);

        Assert.NotEqual(0, _nodes.WebhooksSent);
    }

    [Fact]
    public void Live_a_change_is_known_within_2_s_although_a_poll_gets_no_answer()
    {
        HangNextPoll(_home);

        SetWebhook();
        Advance(seconds: 2);

        Create();
        Advance(seconds: 1);
        Assert.NotEqual(0, _nodes.WebhooksSent);
        Assert.Equal(0, _home.Store.ClusterFaults.Held); // the poll was cancelled
    }

    [Fact]
    public void Live_a_store_that_takes_more_than_a_second_for_each_poll_brings_changes()
    {
        var faults = _home.Store.ClusterFaults;
        faults.Hold(ClusterCall.Poll);
        SetWebhook();
        var (polls, age, answered) = (faults.CountOf(ClusterCall.Poll), TimeSpan.Zero, 0);
        for (var time = TimeSpan.Zero; time < TimeSpan.FromSeconds(10); time += Limits.NodeStep)
        {
            _nodes.Advance(Limits.NodeStep);
            age = faults.CountOf(ClusterCall.Poll) == polls ? age + Limits.NodeStep : TimeSpan.Zero;
            polls = faults.CountOf(ClusterCall.Poll);
            if (age >= TimeSpan.FromSeconds(1.5))
            {
                faults.Release(0);
                answered++;
            }
        }

        Assert.Equal(5, answered); // once it knows how slow the store is, the node replaces no poll
        Create();
        Advance(seconds: 1);
        Assert.NotEqual(0, _nodes.WebhooksSent);
    }

    [Fact]
    public async Task Live_a_key_that_is_created_while_the_keys_are_being_read_is_known()
    {
        _home.Store.Faults.StallAllReads(after: 0);
        CreateKey(1);
        Advance(seconds: 1);
        Assert.True(_home.Store.Faults.AreReadsHanging); // it has read the first key only
        CreateKey(2);
        Advance(seconds: 1);

        _home.Store.Faults.Clear(); // the read goes on, on another thread
        for (var began = Environment.TickCount64; IsReading(); await Task.Yield())
        {
            Advance(seconds: 0.5);
            Assert.True(Environment.TickCount64 - began < 10_000, "It did not happen within 10 s that the keys were read.");
        }

        Assert.NotNull(_home.Keys.Find(new ApiKeySid(2)));

        bool IsReading() =>
            _home.Node.ReadStatus().StoreCalls.Any(call => call.Kind == StoreCallKind.Reload && call.WaitingFor is not null);
    }

    [Fact]
    public void Live_a_key_is_known_soon_after_reads_that_failed_while_polls_were_answered()
    {
        _home.Store.Faults.FailReads(true);
        CreateKey(1);
        Advance(seconds: 3);
        Assert.Null(_home.Keys.Find(new ApiKeySid(1)));

        _home.Store.Faults.FailReads(false);
        Advance(seconds: 1);

        Assert.NotNull(_home.Keys.Find(new ApiKeySid(1)));
    }

    private void HangNextPoll(SimulatedNode node)
    {
        node.Store.ClusterFaults.Hold(ClusterCall.Poll);
        Advance(seconds: 0.6);
        Assert.Equal(1, node.Store.ClusterFaults.Held);
        node.Store.ClusterFaults.Hold(ClusterCall.None);
    }

    /// <summary>Sets a URL as another node does whose hint is lost.</summary>
    private void SetWebhook() => _nodes.Store.CommitFromOutside(image =>
    {
        var service = image.Get(_nodes.Service);
        var webhook = StoredWebhook.DefaultOf(service.Record);
        var settings = webhook.Settings with { PostUrl = ClusterBackEnd.Url, Filters = [WebhookEvents.UserAdded] };
        return image.With(service with { Webhook = webhook with { Settings = settings } }) with
        {
            Cluster = image.Cluster with { ChangesVersion = image.Cluster.ChangesVersion + 1 },
        };
    });

    /// <summary>Creates an API key as another node does whose hint is lost.</summary>
    private void CreateKey(int number) => _nodes.Store.CommitFromOutside(image => image with
    {
        ApiKeys = image.ApiKeys.SetItem(number, new ApiKey
        {
            Id = number,
            Sid = new ApiKeySid((UInt128)number),
            Secret = new ApiKeySecret("salt", "hash"),
            FriendlyName = "",
            Role = ApiKeyRole.Admin,
            CertificateName = "",
            CreateTime = default,
        }),
        Cluster = image.Cluster with { ChangesVersion = image.Cluster.ChangesVersion + 1 },
    });

    /// <summary>Creates a user whose shard the other node holds, there.</summary>
    private void Create()
    {
        var user = Users.First(name => _other.Answers(Shard.Of(_nodes.Service, World.Id(name))));
        _ = _other.Node.Router.CallAsync(
            Shard.Of(_nodes.Service, World.Id(user)), RequestKind.Write, Encoding.UTF8.GetBytes($"0\ncreate\n{user}"), _ => { });
    }

    private void Advance(double seconds) => _nodes.Advance(TimeSpan.FromSeconds(seconds));
}
