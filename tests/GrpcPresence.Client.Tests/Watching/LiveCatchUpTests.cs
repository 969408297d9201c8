using System.Collections.Concurrent;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Watching;

/// <summary>
/// Tests a live watch that reads so slowly that the server drops what is pending, and reads it from the store later.
/// </summary>
public sealed class LiveCatchUpTests : IAsyncLifetime
{
    private const int PendingUsersPerWatcher = 4096; // of the server

    private PresenceServer _server = null!;
    private PresenceClient _client = null!;

    private string Service => _server.ServiceSid;

    public async ValueTask InitializeAsync()
    {
        _server = await PresenceServer.StartAsync();
        _client = TestClient.Create(Service, _server.NewNetwork());
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Convergent_a_watch_that_overflows_at_the_server_raises_each_state_once_and_gets_to_the_true_state()
    {
        // Users of this size fill what the transport holds.
        var attributes = $$"""{"filler":"{{new string('x', 16_000)}}"}""";
        await _server.CreateUserAsync(Service, "first");
        await _server.CreateUserAsync(Service, "ada");
        string[] large = [.. Enumerable.Range(0, 400).Select(i => $"large-{i:D3}")];
        foreach (var identity in large)
        {
            await _server.Users.CreateUserAsync(
                new CreateUserRequest { ServiceSid = Service, Identity = identity, Attributes = attributes });
        }
        await using var watch = await _client.WatchAsync(WatchOptions.Everybody);
        using var slow = new ManualResetEventSlim();
        using var slower = new ManualResetEventSlim();
        var raised = new ConcurrentQueue<UserUpdate>();
        var (atFirst, atAda, atEnd) = (NewSource(), NewSource(), NewSource());
        watch.Updated += (_, update) =>
        {
            raised.Enqueue(update);
            if (update.User.Identity == "first" && atFirst.TrySetResult())
                slow.Wait(TestContext.Current.CancellationToken);
            if (update.User.Identity == "ada" && atAda.TrySetResult())
                slower.Wait(TestContext.Current.CancellationToken);
            if (update.User.Identity == "last")
                atEnd.TrySetResult();
        };

        // 1. The client stops reading. The transport fills, and then changes wait in the server: ada's stands before those of others, and a
        // later change of hers keeps the place.
        await _server.RenameAsync(Service, "first", "First");
        await Barrier.Within(atFirst.Task, "the client stopped reading");
        foreach (var identity in large[..200])
            await _server.RenameAsync(Service, identity, "1");
        await _server.RenameAsync(Service, "ada", "Ada");
        foreach (var identity in large[200..])
            await _server.RenameAsync(Service, identity, "2");
        await _server.BeatAsync(Service, "ada");
        // 2. The client reads up to ada, and stops again. The token stays below her last change, because others wait since before it.
        slow.Set();
        await Barrier.Within(atAda.Task, "the client read ada");
        // 3. The queue of the server overflows, and ada changes once more before the server reads the store.
        await Task.WhenAll(Enumerable.Range(0, PendingUsersPerWatcher + 1).Select(i => _server.BeatAsync(Service, $"new-{i}")));
        await _server.Users.UpdateUserAsync(new UpdateUserRequest
        {
            User = new User { ServiceSid = Service, Identity = "ada", RoleSid = "RL00000000000000000000000000000001" },
            UpdateMask = new() { Paths = { "role_sid" } },
        });
        await _server.CreateUserAsync(Service, "last");
        slower.Set();
        await Barrier.Within(atEnd.Task, "the watch got to the end");

        // The server reads the store from the token, and knows that ada was sent in a state from above it. The client could not know that a
        // reason is of a change that it has raised.
        var ada = raised.Where(update => update.User.Identity == "ada").ToList();
        Assert.Equal(2, ada.Count);
        Assert.Equal([UpdateReason.FriendlyName, UpdateReason.ReachabilityOnline], ada[0].UpdateReasons);
        Assert.Equal([UpdateReason.Role], ada[1].UpdateReasons);
        Assert.Equal(ada[0].User, ada[1].Previous);
        Assert.All(raised.GroupBy(update => update.User.Sid), user => Assert.Equal(
            user.Select(update => update.User.Revision).Distinct().Order(), user.Select(update => update.User.Revision)));
        var truth = await _server.Users.GetUserAsync(new GetUserRequest { ServiceSid = Service, UserKey = "ada" });
        Assert.Equal(PresenceUser.From(truth.User), watch["ada"]);
        Assert.Equal(large.Length + PendingUsersPerWatcher + 4, watch.Users.Count);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
