using System.Net.Sockets;
using System.Text.RegularExpressions;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Cluster;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.Server.Tests.Rest;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>Tests what the metrics contain, and what they must not contain.</summary>
public sealed partial class MetricsContentTests
{
    [Fact]
    public async Task Every_metric_is_documented_with_its_type_and_no_other_is()
    {
        await using var server = await Scrape.StartAsync(MetricsMode.Basic);
        RecordEverything(server.Get<PresenceMetrics>());

        var text = await Scrape.ReadAsync(server);

        Assert.Equal(Documented().Where(metric => !IsOfNode(metric)).Order(), Served(text).Order());
    }

    [Fact]
    public async Task A_node_of_a_cluster_serves_its_state_in_addition()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 2);
        var text = await Scrape.ReadAsync(cluster.Nodes[0]);
        Assert.Equal(Documented().Where(IsOfNode).Order(), Served(text).Where(IsOfNode).Order());
        Assert.Contains("presence_node_state{presence_node_state=\"ready\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("presence_node_shards{presence_node_shard_state=\"waiting\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("presence_node_members{} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("presence_node_link_items{presence_node_peer=\"n2\"}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Durations_are_in_seconds_with_buckets_that_distinguish_them()
    {
        await using var server = await Scrape.StartAsync(MetricsMode.Basic);
        server.Get<PresenceMetrics>().CommitRecorded(TimeSpan.FromMilliseconds(7), changes: 3);

        var text = await Scrape.ReadAsync(server);

        Assert.Contains("presence_commit_duration_seconds_bucket{le=\"0.005\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("presence_commit_duration_seconds_bucket{le=\"0.01\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("presence_commit_duration_seconds_sum{} 0.007\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_figures_are_of_this_server_alone()
    {
        await using var server = await Scrape.StartAsync(MetricsMode.Basic);
        await using var other = await Scrape.StartAsync(MetricsMode.Basic);
        await other.BeatAsync(await other.CreateReachableServiceAsync(), "ada");

        Assert.Contains("presence_sessions{} 1\n", await Scrape.ReadAsync(other), StringComparison.Ordinal);
        Assert.Contains("presence_sessions{} 0\n", await Scrape.ReadAsync(server), StringComparison.Ordinal);
        Assert.DoesNotContain("presence_transitions_total", await Scrape.ReadAsync(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Basic_metrics_record_nothing_with_a_call()
    {
        await using var server = await Scrape.StartAsync(MetricsMode.Basic);

        await server.CreateServiceAsync();

        var text = await Scrape.ReadAsync(server);
        Assert.Contains("\nkestrel_active_connections{", text, StringComparison.Ordinal);
        Assert.Contains("\ndotnet_process_memory_working_set_bytes{", text, StringComparison.Ordinal);
        Assert.DoesNotContain("http_server", text, StringComparison.Ordinal);
        Assert.DoesNotContain("queued_requests", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_tenant_no_user_and_no_invented_path_is_in_the_metrics()
    {
        await using var server = await Scrape.StartAsync(MetricsMode.All);
        var rest = RestServer.Of(server);
        var sid = await server.CreateReachableServiceAsync();
        await server.BeatAsync(sid, "ada-lovelace", "phone-of-ada");
        await rest.GetAsync($"/v1/Services/{sid}/Users/ada-lovelace");
        await InventAsync("word-one");
        var before = SeriesOf(await Scrape.ReadAsync(server));
        await InventAsync("word-two");

        var text = await Scrape.ReadAsync(server);

        foreach (var secret in new[] { sid, "lovelace", "phone", "word-" })
            Assert.DoesNotContain(secret, text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("http_route=\"/v1/Services/{ChatServiceSid}/Users/{Sid}\"", text, StringComparison.Ordinal);
        Assert.Contains("http_route=\"/presence.v1.UserService/Heartbeat\"", text, StringComparison.Ordinal);
        Assert.Equal(before, SeriesOf(text));

        async Task InventAsync(string word)
        {
            for (var i = 0; i < 5; i++)
            {
                await rest.GetAsync($"/v1/{word}{i}");
                await rest.GetAsync($"/v1/Services/{word}{i}/Users/{word}{i}");
                await rest.SendAsync(new HttpMethod($"{word}{i}".ToUpperInvariant()), "/v1/Services", content: null);
                using var outside = await server.Rest.GetAsync(new Uri($"/{word}{i}/{i}", UriKind.Relative), TestRun.Token);
                await CallError.Of(RawMethod.CallAsync(server.Invoker, $"{word}.Service", $"Method{i}", []));
            }
        }
    }

    [Fact]
    public async Task A_client_that_does_not_read_holds_up_no_other()
    {
        await using var server = await Scrape.StartAsync(MetricsMode.Basic);
        // More bytes than Kestrel buffers before it waits for the client.
        for (var i = 0; i < 1500; i++)
            server.Get<PresenceMetrics>().QuotaRejected($"{i}-{new string('x', 100)}");
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.Address.Host, server.Address.Port, TestRun.Token);
        await using var stream = new NetworkStream(socket);
        // HTTP/2 with a window of 0: the server may send headers, but no body.
        var request = new Conversation("a client that does not read").Preface()
            .Frame(FrameType.Settings, FrameFlags.None, 0, [0, 4, 0, 0, 0, 0])
            .Request(1, [(":method", "GET"), (":scheme", "http"), (":path", "/metrics"), (":authority", "localhost")], ends: true);
        await stream.WriteAsync(request.Bytes, TestRun.Token);
        await Barrier.Within(ReadHeadersAsync(stream), "the metrics are written to the client that does not read them");

        await Barrier.Within(Scrape.ReadAsync(server), "another client reads the metrics");
    }

    private static async Task ReadHeadersAsync(NetworkStream stream)
    {
        var header = new byte[9];
        do
        {
            await stream.ReadExactlyAsync(header, TestRun.Token);
            await stream.ReadExactlyAsync(new byte[(header[0] << 16) | (header[1] << 8) | header[2]], TestRun.Token);
        }
        while (header[3] != FrameType.Headers);
    }

    private static void RecordEverything(PresenceMetrics metrics)
    {
        metrics.TransitionRecorded(online: true);
        metrics.CommitRecorded(TimeSpan.FromSeconds(1), changes: 1);
        metrics.WatchersChanged(1);
        metrics.CatchUpRecorded();
        metrics.ResetRecorded("Initial");
        metrics.LeaseEnded(TimeSpan.FromSeconds(1));
        metrics.QuotaRejected("users");
        metrics.LogEntrySuppressed("webhook_rejected");
        metrics.WebhookCapacityExceeded("webhook_lookups");
        metrics.WebhookSent("taken");
        metrics.AuthenticationFailed("basic", "CREDENTIALS_INVALID");
        metrics.LogEntrySuppressed("kind");
    }

    private static bool IsOfNode((string Name, string Type) metric) => metric.Name.StartsWith("presence_node_", StringComparison.Ordinal);

    // A gauge has no suffix. The samples of a counter end with "_total"; in some formats, its type line does not.
    private static IEnumerable<(string Name, string Type)> Served(string text) =>
        TypeLine().Matches(text).Select(line => (line.Groups["name"].Value, line.Groups["type"].Value));

    private static IEnumerable<(string Name, string Type)> Documented()
    {
        using var stream = typeof(MetricsContentTests).Assembly.GetManifestResourceStream("operations.md")!;
        using var reader = new StreamReader(stream);
        return [.. DocumentedMetric().Matches(reader.ReadToEnd()).Select(row => (row.Groups["name"].Value, row.Groups["type"].Value))];
    }

    /// <summary>
    /// Returns how many series of requests exist. A client's texts could multiply only these. Series of scrapes are excluded: a scrape is
    /// recorded after its response, so the first one does not count itself.
    /// </summary>
    private static int SeriesOf(string text) => RequestSeries().Count(text);

    [GeneratedRegex(@"^# TYPE (?<name>presence_\w+) (?<type>\w+)$", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^\| `(?<name>presence_\w+)` \| (?<type>\w+) \|", RegexOptions.Multiline)]
    private static partial Regex DocumentedMetric();

    [GeneratedRegex(@"^http_server_request_duration_seconds_count\{(?!.*http_route=""/metrics"")", RegexOptions.Multiline)]
    private static partial Regex RequestSeries();
}
