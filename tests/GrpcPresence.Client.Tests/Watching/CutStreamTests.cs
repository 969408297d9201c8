using GrpcPresence.Client.Tests.Fixture;

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
        var recorded = await RecordAsync();
        var truth = await _server.ReadUsersAsync(Service);

        for (var bytes = 0; bytes <= recorded.Length; bytes++)
            await ReplayAsync(recorded[..bytes], truth);

        Assert.InRange(recorded.Length, 500, 5000);
    }

    // A snapshot of two users, and changes of each kind.
    private async Task<byte[]> RecordAsync()
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
        lock (recorder.Recorded)
            return recorder.Recorded.ToArray();
    }

    private async Task ReplayAsync(byte[] bytes, Dictionary<string, PresenceUser> truth)
    {
        await using var client = Client(() => new RecordedStream(_network.NewHandler(), bytes));
        await using var watch = await ObservedWatch.OpenAsync(client);
        await watch.ConvergeAsync(truth);
    }

    private PresenceClient Client(Func<HttpMessageHandler> handler)
    {
        var options = TestClient.Options(Service, _network);
        options.HttpHandlerFactory = handler;
        return PresenceClient.Create(options);
    }
}
