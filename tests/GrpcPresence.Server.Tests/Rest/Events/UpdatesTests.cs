using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Grpc.Core;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Rest.Events;

/// <summary>
/// Tests what is specific to watches over server-sent events. <see cref="Services.WatchUsersTests"/> tests what they share with gRPC.
/// </summary>
public sealed class UpdatesTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() =>
        _server = await TestServer.StartAsync(settings: new() { WatchStallTimeout = TimeSpan.FromSeconds(1) });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_response_is_a_stream_of_events_that_nobody_keeps()
    {
        using var watch = Open(await _server.CreateServiceAsync());
        var response = await watch.Response;

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        Assert.True(response.Headers.CacheControl?.NoStore);
        Assert.Equal(["no"], response.Headers.GetValues("X-Accel-Buffering"));
    }

    [Theory]
    [InlineData("text/event-stream", true)]
    [InlineData("*/*", true)]
    [InlineData("text/*", true)]
    [InlineData("text/event-stream, application/json", true)]
    [InlineData("text/event-stream;q=0.5, */*;q=0.1", true)]
    [InlineData("application/json, */*;q=0.8", false)]
    [InlineData("application/json, text/plain, */*", false)]
    [InlineData("application/json", false)]
    [InlineData("application/json, text/event-stream;q=0.9", false)]
    [InlineData("text/event-stream;q=0, */*", false)]
    [InlineData("text/html", false)]
    [InlineData("nonsense", false)]
    [InlineData(null, false)]
    public async Task A_user_named_Updates_is_read_unless_the_client_prefers_events(string? accept, bool isStream)
    {
        var service = await _server.CreateServiceAsync();
        foreach (var name in new[] { "Updates", "UPDATES", "%55pdates" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/Services/{service}/Users/{name}");
            if (accept is not null)
                request.Headers.TryAddWithoutValidation("Accept", accept);
            var identity = Uri.UnescapeDataString(name);
            if (name != "%55pdates")
                await _server.CreateUserAsync(service, identity);

            using var response = await _server.Rest.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestRun.Token);

            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(isStream ? "text/event-stream" : "application/json", response.Content.Headers.ContentType?.MediaType);
            if (!isStream)
            {
                var user = await response.Content.ReadFromJsonAsync<JsonElement>(TestRun.Token);
                Assert.Equal(identity, user.GetProperty("identity").GetString());
            }
        }
    }

    [Fact]
    public async Task A_user_named_Updates_is_changed_and_deleted_like_any_other()
    {
        var service = await _server.CreateServiceAsync();
        await _server.CreateUserAsync(service, "Updates");
        var path = new Uri($"/v1/Services/{service}/Users/Updates", UriKind.Relative);
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("FriendlyName", "x")]);

        using var renamed = await _server.Rest.PostAsync(path, form, TestRun.Token);
        Assert.Equal("x", (await renamed.Content.ReadFromJsonAsync<JsonElement>(TestRun.Token)).GetProperty("friendly_name").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await _server.Rest.DeleteAsync(path, TestRun.Token)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Rest.GetAsync(path, TestRun.Token)).StatusCode);
    }

    [Fact]
    public async Task The_last_id_in_the_query_resumes_like_the_header()
    {
        var service = await _server.CreateServiceAsync();
        using var begun = Open(service);
        await begun.Sync();
        await _server.CreateUserAsync(service, "ada");

        using var resumed = Open(service, query: $"Start=now&lastEventId={begun.Token}");
        var missed = await resumed.Sync();

        Assert.Equal(["ada"], missed.Where(message => message.Updates is not null).SelectMany(message => message.Updates.Updates)
            .Select(update => update.User.Identity));
    }

    [Fact]
    public async Task An_event_contains_a_user_as_a_read_returns_it()
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.Users.CreateUserAsync(new CreateUserRequest
        {
            ServiceSid = service,
            Identity = "ada",
            FriendlyName = "Ada \"é\"",
            Attributes = "{\n\"a\":1}",
        });
        await _server.BeatAsync(service, "ada");
        using var watch = Open(service);
        JsonElement? received = null;
        while (received is null)
            received = await watch.NextEvent() is { EventType: "updated" } update ? update.Data.GetProperty("user") : null;

        var read = await _server.Rest.GetFromJsonAsync<JsonElement>($"/v1/Services/{service}/Users/ada", TestRun.Token);
        Assert.True(JsonElement.DeepEquals(read, received.Value), $"{read}{Environment.NewLine}{received}");
    }

    [Fact]
    public async Task Bookmarkable_an_id_comes_with_the_last_update_of_a_message_and_with_no_other()
    {
        var service = await _server.CreateServiceAsync();
        using var begun = Open(service);
        await begun.Sync();
        foreach (var identity in new[] { "ada", "bob", "cay" })
            await _server.CreateUserAsync(service, identity);

        using var resumed = Open(service, lastId: begun.Token);
        var ids = (await resumed.Sync()).Where(message => message.Updates is not null).Select(message => message.ResumeToken.Length > 0);

        Assert.Equal([false, false, true], ids);
    }

    [Fact]
    public async Task Snapshot_a_reset_takes_the_id_of_before_away()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var begun = Open(service);
        await begun.Sync();
        await _server.SwitchAsync(service, on: false);

        using var reset = Open(service, lastId: begun.Token);
        var first = await reset.NextEvent();
        var second = await reset.NextEvent();

        Assert.Equal(("configuration", null), (first?.EventType, first?.EventId));
        Assert.Equal(("reset", ""), (second?.EventType, second?.EventId));
    }

    [Fact]
    public async Task Resumable_the_id_of_the_last_event_wins_over_the_URL()
    {
        var service = await _server.CreateServiceAsync();
        using var begun = Open(service);
        await begun.Sync();
        await _server.CreateUserAsync(service, "ada");

        foreach (var query in new[] { "ResumeToken=garbage", "Start=now", "Start=now&ResumeToken=garbage" })
        {
            using var resumed = Open(service, query, lastId: begun.Token);
            var messages = await resumed.Sync();
            Assert.DoesNotContain(messages, message => message.Reset is not null);
            Assert.Equal("ada", Assert.Single(messages, message => message.Updates is not null).Updates.Updates[0].User.Identity);
        }
        using var byUrl = Open(service, $"ResumeToken={begun.Token}");
        Assert.DoesNotContain(await byUrl.Sync(), message => message.Reset is not null);
    }

    [Fact]
    public async Task Restart_a_stopping_server_closes_a_new_stream_unanswered_so_that_an_EventSource_reconnects()
    {
        var service = await _server.CreateServiceAsync();
        _server.Get<WatchHub>().Drain();
        using var request = new HttpRequestMessage(HttpMethod.Get, UpdatesUrl.Of(new WatchUsersRequest { ServiceSid = service }));

        await Assert.ThrowsAsync<HttpRequestException>(() => _server.Rest.SendAsync(request, TestRun.Token));
    }

    [Fact]
    public async Task Nothing_in_between_may_store_or_compress_events()
    {
        using var watch = Open(await _server.CreateServiceAsync());

        var response = await watch.Response;

        Assert.Equal((true, true), (response.Headers.CacheControl!.NoStore, response.Headers.CacheControl.NoTransform));
    }

    [Fact]
    public async Task Bad_requests_are_rejected_with_every_violation_before_the_stream_begins()
    {
        var service = await _server.CreateServiceAsync();
        using var watch = Open(service, "Reasons=created&Reasons=nonsense&View=huge&Start=later&Identity=", lastId: "garbage");
        var response = await watch.Response;

        var refused = await watch.Ended();

        Assert.Equal(
            (HttpStatusCode.BadRequest, "application/json"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        Assert.Equal(["Identity", "Reasons", "ResumeToken", "Start", "View"], refused.Fields.Order());
    }

    [Fact]
    public async Task As_many_users_can_be_named_as_over_gRPC()
    {
        var service = await _server.CreateServiceAsync();
        var keys = Enumerable.Range(0, Core.Domain.Limits.WatchedKeys).Select(i => $"Identity=US{i:x32}");
        using var watch = Open(service, string.Join('&', keys));
        await watch.Sync();
    }

    [Fact]
    public async Task A_watch_of_nothing_that_exists_is_not_found()
    {
        using var watch = Open("IS" + new string('0', 32));

        Assert.Equal((StatusCode.NotFound, HttpStatusCode.NotFound), ((await watch.Ended()).Code, (await watch.Response).StatusCode));
    }

    [Fact]
    public async Task A_fault_ends_the_stream_with_the_id_under_which_the_log_has_it()
    {
        var service = await _server.CreateServiceAsync();
        // The watch is attached after its first read; the read of its first page will fail.
        _server.Store.Faults.StallAllReads(after: 1);
        using var watch = Open(service);
        await Barrier.Within(watch.Headers, "the headers came");
        _server.Store.Faults.BreakReads(new InvalidOperationException("Simulates a bug of the program."));
        _server.Store.Faults.ReleaseRead(0);

        System.Net.ServerSentEvents.SseItem<JsonElement>? last = null;
        while (await watch.NextEvent() is { } next)
            last = next;

        Assert.Equal(("end", "INTERNAL"), (last?.EventType, last?.Data.GetProperty("reason").GetString()));
        var id = last!.Value.Data.GetProperty("correlation_id").GetString()!;
        Assert.Contains(id, Assert.Single(_server.Log.Problems).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bounded_a_client_that_does_not_read_delays_nobody_and_loses_its_connection()
    {
        var service = await _server.CreateServiceAsync();
        var attributes = $$"""{"a":"{{new string('x', 4000)}}"}""";
        await Task.WhenAll(Enumerable.Range(0, 2000).Select(async i => await _server.Users.CreateUserAsync(
            new CreateUserRequest { ServiceSid = service, Identity = $"user-{i}", Attributes = attributes })));
        using var stalled = Open(service);
        await stalled.Next();
        using (var other = Open(service, "Start=now"))
        {
            await other.Sync();
            await _server.CreateUserAsync(service, "ada");
            Assert.Equal("ada", (await other.NextUpdate()).User.Identity);
        }

        await NoStreamsAsync();

        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (await stalled.NextEvent() is not null)
            {
            }
        });
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task A_client_that_goes_away_frees_its_place()
    {
        var watchers = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name == "presence.watchers" && instrument.Meter.Scope == _server.Get<IMeterFactory>())
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>((_, by, _, _) => Interlocked.Add(ref watchers, by));
        listener.Start();
        var service = await _server.CreateServiceAsync();
        using (var watch = Open(service))
        {
            await watch.Sync();
            Assert.Equal(1, watchers);
            Assert.NotNull(_server.Get<ActiveStreams>().WhenNoneActive());
        }

        await NoStreamsAsync();

        Assert.Equal(0, watchers);
        Assert.Empty(_server.Log.Problems);
    }

    private Task NoStreamsAsync() =>
        Barrier.Within(_server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the server noticed the end of the streams");

    private EventWatch Open(string service, string query = "", string lastId = "") =>
        EventWatch.Open(_server, $"/v1/Services/{service}/UserUpdates?{query}", lastId);
}
