using System.Net;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Settings;
using Microsoft.Extensions.Configuration;

namespace GrpcPresence.Server.Tests.Settings;

public sealed class SettingsReaderTests
{
    [Fact]
    public void What_is_not_set_has_its_default()
    {
        var settings = Read([]);

        Assert.Equal(new ServerSettings { AdminSocket = settings.AdminSocket }, settings);
        Assert.Equal((ListenAddress.Loopback, 5080, TimeSpan.FromDays(30)), (settings.Address, settings.Port, settings.TombstoneRetention));
    }

    [Fact]
    public void Every_setting_is_read()
    {
        var settings = Read(new()
        {
            ["Presence:Address"] = "::",
            ["presence:PORT"] = "0",
            ["Presence:Database"] = "other.db",
            ["Presence:SecretFile"] = "other.secret",
            ["Presence:AdminSocket"] = "/tmp/other.sock",
            ["Presence:AllowAnonymous"] = "true",
            ["Presence:AllowPrivateWebhooks"] = "true",
            ["Presence:RestPort"] = "7",
            ["Presence:ProbePort"] = "8",
            ["Presence:TrustedProxies"] = "127.0.0.1, 10.0.0.0/8",
            ["Presence:AccountSid"] = "AC0123456789abcdef0123456789abcdef",
            ["Presence:AuthToken"] = "a-token-of-this-test",
            ["Presence:AllowedOrigins"] = "https://a.example, http://localhost:8080",
            ["Presence:LogFormat"] = "JSON",
            ["Presence:TombstoneRetention"] = "1:00:00",
            ["Presence:WatchStallTimeout"] = "0:00:01",
            ["Presence:KeepAlivePingDelay"] = "0:00:02",
            ["Presence:KeepAlivePingTimeout"] = "0:00:03",
            ["Presence:TlsCertificate"] = "tls.pem",
            ["Presence:TlsKey"] = "tls.key",
            ["Presence:ClientCertificates"] = "Required",
            ["Presence:ClientCertificateAuthorities"] = "clients.pem",
            ["Presence:MaxConnections"] = "7",
            ["Presence:Metrics"] = "All",
            ["Presence:Demo"] = "True",
        });

        Assert.Equal(
            new ServerSettings
            {
                Address = new ListenAddress(IPAddress.IPv6Any),
                Port = 0,
                RestPort = 7,
                ProbePort = 8,
                TrustedProxies = TrustedNetworks.Read("127.0.0.1, 10.0.0.0/8"),
                AccountSid = "AC0123456789abcdef0123456789abcdef",
                AuthToken = "a-token-of-this-test",
                AllowedOrigins = AllowedOrigins.Read("https://a.example, http://localhost:8080"),
                Database = Path.GetFullPath("other.db"),
                SecretFile = Path.GetFullPath("other.secret"),
                AdminSocket = Path.GetFullPath("/tmp/other.sock"),
                AllowAnonymous = true,
                AllowPrivateWebhooks = true,
                LogFormat = LogFormat.Json,
                TombstoneRetention = TimeSpan.FromHours(1),
                WatchStallTimeout = TimeSpan.FromSeconds(1),
                KeepAlivePingDelay = TimeSpan.FromSeconds(2),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(3),
                TlsCertificate = Path.GetFullPath("tls.pem"),
                TlsKey = Path.GetFullPath("tls.key"),
                ClientCertificates = ClientCertificates.Required,
                ClientCertificateAuthorities = Path.GetFullPath("clients.pem"),
                MaxConnections = 7,
                Metrics = MetricsMode.All,
                Demo = true,
            },
            settings);
    }

    [Fact]
    public void REST_can_be_switched_off() => Assert.Null(Read(new() { ["Presence:RestPort"] = "off" }).RestPort);

    [Fact]
    public void Origins_are_a_list_or_all()
    {
        Assert.Equal(
            ["https://a.example", "http://localhost:8080"],
            AllowedOrigins.Read("https://a.example, http://localhost:8080")!.Names);
        Assert.True(AllowedOrigins.Read("*")!.AreAny);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("with a space in it")]
    [InlineData("0123456789abcdef")]
    [InlineData("fedcba9876543210")]
    [InlineData("abcdefghijklmnopqrstuvwxyz")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("ababababababababababababababab")]
    [InlineData("d3adb33fd3adb33fd3adb33fd3adb33f")]
    [InlineData("your_auth_token_here")]
    [InlineData("ChangeMe-1234567")]
    [InlineData("correct-password-9")]
    [InlineData("my-very-secret-value")]
    public void A_token_that_cannot_be_used_is_not_shown(string token)
    {
        var exception = Assert.Throws<SettingsException>(() => Read(new() { ["Presence:AuthToken"] = token }));

        Assert.Contains("Presence:AuthToken", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(token, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("7d2f09c1be48a356")]
    [InlineData("Zk3vQ9xLm2Rt7Wp8Yb4Nc6Hd")]
    public void A_random_token_is_accepted(string token) =>
        Assert.Equal(token, Read(new() { ["Presence:AuthToken"] = token }).AuthToken);

    [Fact]
    public void A_thousand_tokens_that_were_drawn_are_accepted()
    {
        var random = new Random(1);
        for (var i = 0; i < 1000; i++)
        {
            var bytes = new byte[16];
            random.NextBytes(bytes);
            Assert.NotNull(Read(new() { ["Presence:AuthToken"] = Convert.ToHexStringLower(bytes) }).AuthToken);
        }
    }

    [Fact]
    public void The_secret_file_and_the_socket_stand_beside_the_database()
    {
        var settings = Read(new() { ["Presence:Database"] = "/d/p.db" });

        Assert.Equal((Path.GetFullPath("/d/p.db.secret"), Path.GetFullPath("/d/p.db.sock")), (settings.SecretFile, settings.AdminSocket));
    }

    [Fact]
    public void With_PostgreSQL_the_secret_file_and_the_socket_have_a_place_of_their_own()
    {
        var settings = Read(new() { ["Presence:Postgres"] = "Host=db.example" });

        Assert.Equal(
            (Path.GetFullPath("data/presence.secret"), Path.GetFullPath("data/presence.sock")),
            (settings.SecretFile, settings.AdminSocket));
    }

    [Theory]
    [InlineData("hunter2")]
    [InlineData("Database=presence;Password=hunter2")]
    [InlineData("Host=db;Nonsense=1;Password=hunter2")]
    [InlineData("Host=db;Port=many;Password=hunter2")]
    [InlineData("Host=db;Port=99999999999999999999;Password=hunter2")]
    [InlineData("Host=db;Password='hunter2")]
    [InlineData("Host=;Password=hunter2")]
    [InlineData("postgresql://presence:hunter2@db.example/presence")]
    public void A_connection_string_that_cannot_be_used_is_not_shown(string text)
    {
        var exception = Assert.Throws<SettingsException>(() => Read(new() { ["Presence:Postgres"] = text }));

        Assert.Contains("Presence:Postgres", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=db.example;Database=presence;Username=node;Password=hunter2", "db.example:5432/presence")]
    [InlineData("Server=/run/postgresql;Port=5433;User Id=node;Pwd=hunter2", "/run/postgresql:5433/node")]
    [InlineData("Host=one.example:5433,two.example;Username=node;Password=hunter2", "one.example:5433,two.example/node")]
    public void A_connection_string_is_shown_without_its_password(string text, string shown)
    {
        var settings = Read(new() { ["Presence:Postgres"] = text });

        Assert.Equal((text, shown), (settings.Postgres!.ConnectionString, settings.Postgres.ToString()));
        Assert.DoesNotContain("hunter2", settings.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_is_too_long_for_a_socket_has_none()
    {
        Assert.Null(Read(new() { ["Presence:Database"] = "/" + new string('d', 100) }).AdminSocket);
        Assert.Null(Read(new() { ["Presence:AdminSocket"] = "None" }).AdminSocket);
    }

    [Fact]
    public void Every_quota_is_read()
    {
        var settings = Read(new()
        {
            ["Presence:Quotas:ServiceInstance:OpenStreams"] = "1",
            ["Presence:Quotas:ServiceInstance:WatchedUsers"] = "2",
            ["Presence:Quotas:ServiceInstance:HeartbeatsPerSecond"] = "3",
            ["Presence:Quotas:ServiceInstance:WritesPerSecond"] = "4",
            ["Presence:Quotas:ServiceInstance:NewStreamsPerSecond"] = "5",
            ["Presence:Quotas:ServiceInstance:RowsReadPerSecond"] = "16",
            ["Presence:Quotas:ServiceInstance:ConcurrentReads"] = "17",
            ["Presence:Quotas:ServiceInstance:Users"] = "2147483647",
            ["Presence:Quotas:ApiKey:RowsReadPerSecond"] = "18",
            ["Presence:Quotas:ApiKey:ConcurrentReads"] = "19",
            ["Presence:Quotas:ApiKey:OpenStreams"] = "6",
            ["Presence:Quotas:ApiKey:WatchedUsers"] = "7",
            ["Presence:Quotas:ApiKey:HeartbeatsPerSecond"] = "8",
            ["Presence:Quotas:ApiKey:WritesPerSecond"] = "9",
            ["Presence:Quotas:ApiKey:NewStreamsPerSecond"] = "10",
            ["Presence:Quotas:AccessToken:RowsReadPerSecond"] = "20",
            ["Presence:Quotas:AccessToken:ConcurrentReads"] = "21",
            ["Presence:Quotas:AccessToken:OpenStreams"] = "11",
            ["Presence:Quotas:AccessToken:WatchedUsers"] = "12",
            ["Presence:Quotas:AccessToken:HeartbeatsPerSecond"] = "13",
            ["Presence:Quotas:AccessToken:WritesPerSecond"] = "14",
            ["presence:quotas:accesstoken:NEWSTREAMSPERSECOND"] = "15",
        });

        Assert.Equal(
            new QuotaSettings
            {
                ServiceInstance = Limits(1, 2, 3, 4, 5, 16, 17) with { Users = int.MaxValue },
                ApiKey = Limits(6, 7, 8, 9, 10, 18, 19),
                AccessToken = Limits(11, 12, 13, 14, 15, 20, 21) with
                {
                    UnreadResponseBytes = Core.Domain.Limits.UnreadResponseBytesOfEndUser,
                    OpenRequests = Core.Domain.Limits.OpenRequestsOfEndUser,
                    InflatedKibPerSecond = Core.Domain.Limits.InflatedKibPerSecondOfEndUser,
                },
            },
            settings.Quotas);
    }

    [Fact]
    public void One_quota_can_be_set_without_the_others()
    {
        var quotas = Read(new() { ["Presence:Quotas:AccessToken:OpenStreams"] = "5" }).Quotas;

        var defaults = new QuotaSettings();
        Assert.Equal(defaults with { AccessToken = defaults.AccessToken with { OpenStreams = 5 } }, quotas);
    }

    [Fact]
    public void The_file_beside_the_program_sets_nothing()
    {
        var file = new ConfigurationBuilder().AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json")).Build();

        Assert.Equal(new ServerSettings(), SettingsReader.Read(file) with { AdminSocket = null });
    }

    [Fact]
    public void Origins_may_be_an_array()
    {
        var settings = Read(new()
        {
            ["Presence:AllowedOrigins:0"] = "https://a.example",
            ["Presence:AllowedOrigins:1"] = "https://b.example",
        });

        Assert.Equal(["https://a.example", "https://b.example"], settings.AllowedOrigins!.Names);
    }

    [Theory]
    [InlineData("https://b.example", "https://b.example")]
    [InlineData("", null)]
    public void A_later_source_wins_over_an_array(string later, string? origins)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                [new("Presence:AllowedOrigins:0", "https://a.example"), new("Presence:AllowedOrigins:1", "https://c.example")])
            .AddInMemoryCollection([new("Presence:AllowedOrigins", later)])
            .Build();

        Assert.Equal(origins, SettingsReader.Read(configuration).AllowedOrigins?.ToString());
    }

    [Fact]
    public void An_array_of_a_later_source_wins_over_a_text()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Presence:AllowedOrigins", "https://a.example")])
            .AddInMemoryCollection([new("Presence:AllowedOrigins:0", "https://b.example")])
            .Build();

        Assert.Equal(["https://b.example"], SettingsReader.Read(configuration).AllowedOrigins!.Names);
    }

    [Fact]
    public void Every_violation_is_a_line()
    {
        var exception = Assert.Throws<SettingsException>(
            () => Read(new()
            {
                ["Presence:Nonsense"] = "1",
                ["Presence:Port"] = "x",
                ["Presence:Quotas:ApiKey:OpenStreams"] = "0",
                ["Presence:TlsKey"] = "tls.key",
                ["Presence:ClientCertificates"] = "required",
                ["Logging:LogLevel:Default"] = "loud",
            }));

        Assert.Equal(
            [
                "Presence:Nonsense", "Presence:Port", "Presence:Quotas:ApiKey:OpenStreams", "Logging:LogLevel:Default", "Presence:TlsKey",
                "Presence:ClientCertificates",
            ],
            exception.Message.Split(Environment.NewLine).Select(line => line.Split(' ')[0]));
    }

    [Theory]
    [InlineData("Presence:AccountSid", "AC1")]
    [InlineData("Presence:RestPort", "on")]
    [InlineData("Presence:AdminSocket", "")]
    [InlineData(
        "Presence:AdminSocket",
        "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("Presence:AllowedOrigins:x", "https://a.example")]
    [InlineData("Presence:TrustedProxies", "proxy.example")]
    [InlineData("Presence:TrustedProxies", "10.0.0.0/33")]
    [InlineData("Presence:TrustedProxies", "10.0.0.0/8,")]
    [InlineData("Presence:TrustedProxies", "1")]
    [InlineData("Presence:ProbePort", "on")]
    [InlineData("Presence:ProbePort", "65536")]
    [InlineData("Logging", "Debug")]
    [InlineData("Logging:LogLevel", "Debug")]
    [InlineData("Logging:LogLevel:Default", null)]
    [InlineData("Logging:LogLevel:Default:0", "Debug")]
    [InlineData("Logging:Console:MaxQueueLength", "x")]
    [InlineData("Logging:Console:FormatterName", "json")]
    [InlineData("Presence:Nonsense", null)]
    [InlineData("Presence:Quotes", "")]
    [InlineData("Logging:LogLevel:GrpcPresence", "garbage")]
    [InlineData("Logging:Console:LogLevel:Default", "1")]
    [InlineData("Presence:AllowedOrigins", "a.example")]
    [InlineData("Presence:AllowedOrigins", "https://a.example/")]
    [InlineData("Presence:AllowedOrigins", "https://a.example:443")]
    [InlineData("Presence:AllowedOrigins", "https://user@a.example")]
    [InlineData("Presence:AllowedOrigins", "ftp://a.example")]
    [InlineData("Presence:AllowedOrigins", "https://a.example,")]
    [InlineData("Presence:AllowedOrigins", "https://a.example,*")]
    [InlineData("Presence:AllowAnonymous", "maybe")]
    [InlineData("Presence:AllowPrivateWebhooks", "maybe")]
    [InlineData("Presence:SecretFile", "/")]
    [InlineData("Presence:Address", "nonsense")]
    [InlineData("Presence:Address", "::ffff:127.0.0.1")]
    [InlineData("Presence:Address", "::ffff:7f00:1")]
    [InlineData("Presence:Address", "1")]
    [InlineData("Presence:Address", "127.1")]
    [InlineData("Presence:Address", "127.0.0.1:5080")]
    [InlineData("Presence:Address", "127.0.0.1/8")]
    [InlineData("Presence:Address", "255.255.255.255")]
    [InlineData("Presence:Address", "224.0.0.1")]
    [InlineData("Presence:Address", "ff02::1")]
    [InlineData("Presence:Address", "local\nhost")]
    [InlineData("Presence:Address", "")]
    [InlineData("Presence:Port", "65536")]
    [InlineData("Presence:Port", "-1")]
    [InlineData("Presence:Port", "")]
    [InlineData("Presence:Database", " ")]
    [InlineData("Presence:Database", "/")]
    [InlineData("Presence:LogFormat", "xml")]
    [InlineData("Presence:LogFormat", "1")]
    [InlineData("Presence:LogFormat", "text,json")]
    [InlineData("Presence:Port:Nonsense", "1")]
    [InlineData("Presence", "1")]
    [InlineData("Presence:TombstoneRetention", "0:59:59")]
    [InlineData("Presence:TombstoneRetention", "soon")]
    [InlineData("Presence:WatchStallTimeout", "0:00:00.9")]
    [InlineData("Presence:TombstoneRetention", "30")]
    [InlineData("Presence:TombstoneRetention", "3650.00:00:01")]
    [InlineData("Presence:KeepAlivePingDelay", "0")]
    [InlineData("Presence:KeepAlivePingDelay", "30")]
    [InlineData("Presence:KeepAlivePingDelay", "1.00:00:01")]
    [InlineData("Presence:KeepAlivePingTimeout", "-0:00:01")]
    [InlineData("Presence:TlsCertificate", " ")]
    [InlineData("Presence:TlsKey", "/")]
    [InlineData("Presence:ClientCertificates", "perhaps")]
    [InlineData("Presence:ClientCertificateAuthorities", "")]
    [InlineData("Presence:Metrics", "true")]
    [InlineData("Presence:MaxConnections", "0")]
    [InlineData("Presence:MaxConnections", "2147483648")]
    [InlineData("Presence:Quotas", "5")]
    [InlineData("Presence:Quotas:Nobody", "5")]
    [InlineData("Presence:Quotas:ApiKey", "5")]
    [InlineData("Presence:Quotas:ApiKey:Nonsense", "5")]
    [InlineData("Presence:Quotas:ApiKey:Users", "5")]
    [InlineData("Presence:Quotas:AccessToken:Users", "5")]
    [InlineData("Presence:Quotas:ServiceInstance:Users", "0")]
    [InlineData("Presence:Quotas:ServiceInstance:Users", "many")]
    [InlineData("Presence:Quotas:ApiKey:WritesPerSecond", "-1")]
    [InlineData("Presence:Quotas:AccessToken:OpenStreams", "")]
    [InlineData("Presence:Quotas:AccessToken:HeartbeatsPerSecond", "2147483648")]
    [InlineData("Presence:Demo", "perhaps")]
    [InlineData("Presence:Nonsense", "1")]
    public void A_value_that_cannot_be_used_is_one_line_that_names_the_setting(string name, string? value)
    {
        var exception = Assert.Throws<SettingsException>(() => Read(new() { [name] = value }));

        Assert.StartsWith(name, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Theory]
    [InlineData("TlsCertificate", "TlsCertificate=tls.pem")]
    [InlineData("TlsKey", "TlsKey=tls.key")]
    [InlineData("ClientCertificates", "ClientCertificates=optional")]
    [InlineData("ClientCertificates", "ClientCertificates=optional ClientCertificateAuthorities=clients.pem")]
    [InlineData("ClientCertificates", "ClientCertificates=required TlsCertificate=tls.pem TlsKey=tls.key")]
    [InlineData("ClientCertificateAuthorities", "ClientCertificateAuthorities=clients.pem")]
    [InlineData("ClientCertificateAuthorities", "ClientCertificateAuthorities=clients.pem TlsCertificate=tls.pem TlsKey=tls.key")]
    [InlineData(
        "ClientCertificateAuthorities",
        "ClientCertificateAuthorities=clients.pem ClientCertificates=none TlsCertificate=tls.pem TlsKey=tls.key")]
    public void A_setting_that_lacks_another_is_one_line_that_names_it(string name, string settings)
    {
        var values = settings.Split(' ')
            .Select(setting => setting.Split('='))
            .ToDictionary(pair => "Presence:" + pair[0], pair => (string?)pair[1]);

        var exception = Assert.Throws<SettingsException>(() => Read(values));

        Assert.StartsWith($"Presence:{name} ", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Theory]
    [InlineData("""{"Presence":"x"}""", "Presence ")]
    [InlineData("""{"Presence":["x"]}""", "Presence:0 ")]
    [InlineData("""{"Presence":{"Port":null}}""", "Presence:Port ")]
    [InlineData("""{"Presence":{"Port":{}}}""", "Presence:Port ")]
    [InlineData("""{"Presence":{"Port":[]}}""", "Presence:Port ")]
    [InlineData("""{"Presence":{"Port":[5080]}}""", "Presence:Port:0 ")]
    [InlineData("""{"Presence":{"Port":{"Number":5080}}}""", "Presence:Port:Number ")]
    [InlineData("""{"Presence":{"Port":5080.5}}""", "Presence:Port ")]
    [InlineData("""{"Presence":{"Port":true}}""", "Presence:Port ")]
    [InlineData("""{"Presence":{"Demo":1}}""", "Presence:Demo ")]
    [InlineData("""{"Presence":{"TombstoneRetention":2592000}}""", "Presence:TombstoneRetention ")]
    [InlineData("""{"Presence":{"AllowedOrigins":{"a":"https://a.example"}}}""", "Presence:AllowedOrigins:a ")]
    [InlineData("""{"Presence":{"AllowedOrigins":[["https://a.example"]]}}""", "Presence:AllowedOrigins:0 ")]
    [InlineData("""{"Presence":{"Quotas":5}}""", "Presence:Quotas ")]
    [InlineData("""{"Presence":{"Quotas":{"ApiKey":{"OpenStreams":"many"}}}}""", "Presence:Quotas:ApiKey:OpenStreams ")]
    [InlineData("""{"Logging":"x"}""", "Logging ")]
    [InlineData("""{"Logging":{"LogLevel":{"Default":{}}}}""", "Logging:LogLevel:Default ")]
    public void A_file_with_a_value_of_the_wrong_type_is_one_line_that_names_the_setting(string json, string name)
    {
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json));
        var configuration = new ConfigurationBuilder().AddJsonStream(stream).Build();

        var exception = Assert.Throws<SettingsException>(() => SettingsReader.Read(configuration));

        Assert.StartsWith(name, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"Presence":{}}""")]
    [InlineData("""{"Presence":null,"Logging":{}}""")]
    [InlineData("""{"Presence":{"Quotas":{"ApiKey":{}}},"Logging":{"LogLevel":{}}}""")]
    public void An_empty_group_sets_nothing(string json)
    {
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json));

        Assert.Equal(5080, SettingsReader.Read(new ConfigurationBuilder().AddJsonStream(stream).Build()).Port);
    }

    [Fact]
    public void Localhost_is_the_loopback_address_of_both_families()
    {
        var settings = Read(new() { ["Presence:Address"] = "LocalHost" });

        Assert.Equal((ListenAddress.Localhost, false), (settings.Address, settings.ListensToNetwork));
        Assert.NotEqual(ListenAddress.Loopback, settings.Address);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1/32")]
    [InlineData("10.0.0.0/8, fd00::/8", "10.0.0.0/8 fd00::/8")]
    [InlineData("::1", "::1/128")]
    public void Trusted_proxies_are_networks_or_addresses(string text, string networks) =>
        Assert.Equal(networks, string.Join(' ', Read(new() { ["Presence:TrustedProxies"] = text }).TrustedProxies!.Networks));

    private static QuotaLimits Limits(int watches, int users, int heartbeats, int writes, int streams, int rows, int reads) => new()
    {
        OpenStreams = watches,
        WatchedUsers = users,
        HeartbeatsPerSecond = heartbeats,
        WritesPerSecond = writes,
        NewStreamsPerSecond = streams,
        RowsReadPerSecond = rows,
        ConcurrentReads = reads,
    };

    private static ServerSettings Read(Dictionary<string, string?> values) =>
        SettingsReader.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build());
}
