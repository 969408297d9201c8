using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Watching;

/// <summary>
/// Cuts a recorded stream of the real server behind every byte: between messages, within their lengths, and within users. The client then
/// resumes at the server with whatever token it got.
/// </summary>
public sealed class CutStreamTests : IAsyncLifetime
{
    private PresenceServer _server = null!;
    private Network _network = null!;

    private string Service => _server.ServiceSid;

    public async ValueTask InitializeAsync()
    {
        _server = await PresenceServer.StartAsync();
        _network = _server.NewNetwork();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Convergent_a_watch_that_is_cut_behind_any_byte_gets_to_the_true_state()
    {
        var recorded = await RecordFirstAsync();
        var truth = await _server.ReadUsersAsync(Service);

        for (var bytes = 0; bytes <= recorded.Length; bytes++)
            await ReplayAsync(truth, recorded[..bytes]);

        Assert.InRange(recorded.Length, 500, 5000);
    }

    /// <summary>
    /// The resumed stream catches up with users that changed several times, were deleted, and were deleted and created again. Then it is
    /// live, and the same users change again. Or reachability was switched meanwhile, so that the stream begins with a reset.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Convergent_a_resumed_watch_that_is_cut_behind_any_byte_raises_each_change_once(bool isReset)
    {
        var (first, resumed) = await RecordResumedAsync(isReset);
        var truth = await _server.ReadUsersAsync(Service);

        var raised = new HashSet<string>();
        for (var bytes = 0; bytes <= resumed.Length; bytes++)
            raised.Add(await ReplayAsync(truth, first, resumed[..bytes]));

        Assert.InRange(resumed.Length, 500, 5000);
        // The cuts reached all cases: before the changes that the stream catches up with, behind them, and between the live changes.
        Assert.Equal(3, raised.Count);
    }

    // A snapshot of two users, and changes of each kind.
    private async Task<byte[]> RecordFirstAsync()
    {
        await _server.CreateUserAsync(Service, "ada");
        await _server.BeatAsync(Service, "bob");
        using var recorder = new RecordedStream(_network.NewHandler());
        await using var client = Client(() => recorder);
        await using var watch = await ObservedWatch.OpenAsync(client);

        await _server.EndAsync(Service, "bob");
        await watch.UntilAsync(() => watch.Watch["bob"].IsOnline == false, "bob is offline");
        await _server.BeatAsync(Service, "cay");
        await watch.UntilAsync(() => watch.Watch["cay"].Exists, "cay is known");
        await _server.DeleteUserAsync(Service, "ada");
        await watch.UntilAsync(() => !watch.Watch["ada"].Exists, "ada is gone");
        await _server.RenameAsync(Service, "cay", "Cay");
        await watch.UntilAsync(() => watch.Watch["cay"].FriendlyName == "Cay", "cay has a name");
        return recorder.Recorded[0];
    }

    private async Task<(byte[] First, byte[] Resumed)> RecordResumedAsync(bool isReset)
    {
        await _server.CreateUserAsync(Service, "ada");
        await _server.BeatAsync(Service, "bob");
        await _server.CreateUserAsync(Service, "cay");
        await _server.CreateUserAsync(Service, "dan");
        using var recorder = new RecordedStream(_network.NewHandler());
        await using var client = Client(() => recorder);
        await using var watch = await ObservedWatch.OpenAsync(client);
        await _server.RenameAsync(Service, "ada", "ada 1");
        await watch.UntilAsync(() => watch.Watch["ada"].FriendlyName == "ada 1", "ada has a name");

        // 1. What the resumed watch catches up with.
        _network.Port = null;
        _network.Break();
        await watch.UntilAsync(() => watch.Watch.State == WatchState.Resuming, "the watch noticed the break");
        var first = recorder.Recorded[0];
        await _server.RenameAsync(Service, "ada", "ada 2");
        await _server.BeatAsync(Service, "ada");
        await _server.EndAsync(Service, "bob");
        await _server.RenameAsync(Service, "bob", "bob 1");
        await _server.DeleteUserAsync(Service, "cay");
        await _server.DeleteUserAsync(Service, "dan");
        await _server.CreateUserAsync(Service, "dan", "dan 1");
        if (isReset)
        {
            await _server.SwitchAsync(Service, on: false);
            await _server.SwitchAsync(Service, on: true);
        }
        _network.Port = _server.Port;
        await watch.UntilAsync(() => watch.Watch.State == WatchState.Live, "the watch resumed");
        Assert.Equal("dan 1", watch.Watch["dan"].FriendlyName);
        // 2. What follows live.
        await _server.RenameAsync(Service, "ada", "ada 3");
        await watch.UntilAsync(() => watch.Watch["ada"].FriendlyName == "ada 3", "ada has another name");
        await _server.EndAsync(Service, "ada");
        await watch.UntilAsync(() => watch.Watch["ada"].IsOnline == false, "ada is offline");
        await _server.DeleteUserAsync(Service, "bob");
        await watch.UntilAsync(() => !watch.Watch["bob"].Exists, "bob is gone");
        await _server.CreateUserAsync(Service, "eve");
        await watch.UntilAsync(() => watch.Watch["eve"].Exists, "eve is known");
        return (first, recorder.Recorded[^1]);
    }

    /// <summary>Replays the streams and goes on at the server. Returns what was raised.</summary>
    private async Task<string> ReplayAsync(Dictionary<string, PresenceUser> truth, params byte[][] streams)
    {
        await using var client = Client(() => new RecordedStream(_network.NewHandler(), streams));
        await using var watch = await ObservedWatch.OpenAsync(client);
        await watch.ConvergeAsync(truth);
        var updates = watch.Updates;
        // No user of these histories gets a value again that it had before. So nothing is raised twice if no value is.
        RequireOnce(updates, UpdateReason.Created, _ => "");
        RequireOnce(updates, UpdateReason.Deleted, _ => "");
        RequireOnce(updates, UpdateReason.FriendlyName, user => user.FriendlyName);
        RequireOnce(updates, UpdateReason.ReachabilityOnline, user => $"{user.IsOnline} {user.LastOnlineTime:O}");
        return string.Join("; ", watch.Texts);
    }

    private static void RequireOnce(IReadOnlyList<UserUpdate> updates, UpdateReason reason, Func<PresenceUser, string> value)
    {
        var raised = updates.Where(update => update.UpdateReasons.Contains(reason))
            .Select(update => $"{update.User.Sid} {value(update.User)}")
            .ToList();
        Assert.Equal(raised.Distinct(), raised);
    }

    private PresenceClient Client(Func<HttpMessageHandler> handler)
    {
        var options = TestClient.Options(Service, _network);
        options.HttpHandlerFactory = handler;
        return PresenceClient.Create(options);
    }
}
