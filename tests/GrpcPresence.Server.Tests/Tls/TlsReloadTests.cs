using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Tls;

public sealed class TlsReloadTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.NewRoot();
    private readonly TlsFolder _folder = new();
    private readonly FakeTimeProvider _time = new();
    private readonly X509Certificate2 _first;
    private readonly X509Certificate2 _second;

    public TlsReloadTests()
    {
        (_first, _second) = (_root.IssueServer(), _root.IssueServer());
        _folder.Write(_first);
    }

    [Fact]
    public async Task A_new_certificate_is_for_new_connections_and_open_streams_go_on()
    {
        await using var server = await StartAsync();
        var service = await server.CreateReachableServiceAsync();
        using var watch = Watch.Open(server, new WatchUsersRequest { ServiceSid = service });
        await watch.Sync();

        _folder.Write(_second);
        _time.Advance(TlsReload.Interval);

        await AssertShownAsync(_second, server);
        await server.BeatAsync(service, "alice");
        Assert.Equal("alice", (await watch.NextUpdate()).User.Identity);
        Assert.Contains(
            server.Log.Entries,
            entry => entry.Level == LogLevel.Information && entry.Text.Contains(Thumbprint(_second), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_certificate_is_renewed_again_and_again()
    {
        await using var server = await StartAsync();
        foreach (var next in new[] { _second, _first, _second })
        {
            _folder.Write(next);
            _time.Advance(TlsReload.Interval);
            await AssertShownAsync(next, server);
        }
    }

    [Fact]
    public async Task Files_that_stay_as_they_are_are_not_loaded_again()
    {
        await using var server = await StartAsync();
        var began = server.Log.Entries.Count;

        _folder.Write(_first);
        PassIntervals(3);

        Assert.Equal(began, server.Log.Entries.Count);
    }

    [Theory]
    [InlineData("the key of another")]
    [InlineData("half a certificate")]
    [InlineData("no key")]
    public async Task Files_that_cannot_be_used_leave_the_old_ones_in_force_and_are_logged_once(string damage)
    {
        await using var server = await StartAsync();

        _folder.Write(_second);
        Break(damage);
        PassIntervals(3);

        await AssertShownAsync(_first, server);
        Assert.Equal(LogLevel.Error, Assert.Single(server.Log.Problems).Level);

        _folder.Write(_second);
        _time.Advance(TlsReload.Interval);

        await AssertShownAsync(_second, server);
        Assert.Single(server.Log.Problems);
    }

    [Fact]
    public async Task Files_that_are_broken_in_another_way_are_logged_again()
    {
        await using var server = await StartAsync();
        _folder.Write(_second);
        foreach (var damage in new[] { "the key of another", "no key" })
        {
            Break(damage);
            _time.Advance(TlsReload.Interval);
        }

        Assert.Equal(2, server.Log.Problems.Count);
    }

    [Fact]
    public async Task A_folder_that_is_swapped_by_its_link_is_noticed()
    {
        using var swapped = new TlsFolder();
        swapped.Write(_second);
        using var links = new TemporaryDirectory();
        var link = links.File("data");
        Directory.CreateSymbolicLink(link, Path.GetDirectoryName(_folder.Key)!);
        await using var server = await StartAsync(_folder.Settings with
        {
            TlsCertificate = Path.Combine(link, Path.GetFileName(_folder.Certificate)),
            TlsKey = Path.Combine(link, Path.GetFileName(_folder.Key)),
        });

        Directory.Delete(link);
        Directory.CreateSymbolicLink(link, Path.GetDirectoryName(swapped.Key)!);
        _time.Advance(TlsReload.Interval);

        await AssertShownAsync(_second, server);
    }

    [Fact]
    public async Task New_authorities_decide_on_new_clients()
    {
        using var old = TestAuthority.NewRoot("Old");
        using var young = TestAuthority.NewRoot("Young");
        using var oldCertificate = old.IssueClient();
        using var youngCertificate = young.IssueClient();
        var (oldClient, youngClient) = (new TlsClient(_root, oldCertificate), new TlsClient(_root, youngCertificate));
        _folder.WriteAuthorities(old.Certificate);
        await using var server = await StartAsync(_folder.SettingsWith(ClientCertificates.Required));
        await oldClient.AssertTakenAsync(server);
        await youngClient.AssertRejectedAsync(server);

        _folder.WriteAuthorities(young.Certificate);
        _time.Advance(TlsReload.Interval);

        await youngClient.AssertTakenAsync(server);
        await oldClient.AssertRejectedAsync(server);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(6, 31)]
    [InlineData(-1, 32)]
    public void A_certificate_that_expires_soon_or_has_expired_is_logged_as_a_warning(int days, params int[] eventIds)
    {
        using var leaf = _root.IssueServer(_time.GetUtcNow().AddDays(days));
        _folder.Write(leaf);
        using var log = new LogRecorder();
        using var logging = new LoggerFactory([log]);

        _ = new TlsFiles(_folder.Settings, _time, logging.CreateLogger<TlsFiles>());

        Assert.Equal(eventIds, log.Problems.Select(problem => problem.EventId));
        Assert.All(log.Problems, problem => Assert.Equal(LogLevel.Warning, problem.Level));
    }

    public void Dispose()
    {
        _root.Dispose();
        _folder.Dispose();
        _first.Dispose();
        _second.Dispose();
    }

    private Task<TestServer> StartAsync(ServerSettings? settings = null) =>
        TestServer.StartAsync(time: _time, settings: settings ?? _folder.Settings, handler: new TlsClient(_root).NewHandler());

    // Advance step by step: the clock fires a timer only at the end of an advance, whatever the number of intervals.
    private void PassIntervals(int count)
    {
        for (var i = 0; i < count; i++)
            _time.Advance(TlsReload.Interval);
    }

    private async Task AssertShownAsync(X509Certificate2 expected, TestServer server) =>
        Assert.Equal(Thumbprint(expected), await new TlsClient(_root).ShakeHandsAsync(server));

    private void Break(string damage)
    {
        if (damage == "the key of another")
            _folder.WriteKey(_first);
        else if (damage == "half a certificate")
            TlsFolder.CutOff(_folder.Certificate);
        else
            File.Delete(_folder.Key);
    }

    private static string Thumbprint(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);
}
