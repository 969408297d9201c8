using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Tests.Settings;

public sealed class CommandLineTests
{
    [Fact]
    public void Options_have_short_names_and_settings_their_own()
    {
        var settings = CommandLine.Read(
        [
            "--demo", "--port", "1", "--host=0.0.0.0", "--json-logs", "--Presence:Database=a=b.db", "--tombstone-retention", "2.00:00:00",
            "--max-connections=9", "--allow-private-webhooks", "--allowed-origins", "https://a.example",
            "--Presence:Quotas:ServiceInstance:OpenStreams=5",
        ]);

        Assert.Equal(
            new Dictionary<string, string?>
            {
                ["Presence:Demo"] = "True",
                ["Presence:Port"] = "1",
                ["Presence:Address"] = "0.0.0.0",
                ["Presence:LogFormat"] = "Json",
                ["Presence:Database"] = "a=b.db",
                ["Presence:TombstoneRetention"] = "2.00:00:00",
                ["Presence:MaxConnections"] = "9",
                ["Presence:AllowPrivateWebhooks"] = "True",
                ["Presence:AllowedOrigins"] = "https://a.example",
                ["Presence:Quotas:ServiceInstance:OpenStreams"] = "5",
            },
            settings);
    }

    [Theory]
    [InlineData("--tls-certificate", "Presence:TlsCertificate")]
    [InlineData("--tls-key", "Presence:TlsKey")]
    [InlineData("--client-certificates", "Presence:ClientCertificates")]
    [InlineData("--client-certificate-authorities", "Presence:ClientCertificateAuthorities")]
    public void TLS_is_set_up_by_options_too(string option, string setting) =>
        Assert.Equal("a.pem", CommandLine.Read([option, "a.pem"])[setting]);

    [Fact]
    public void The_last_of_two_wins() =>
        Assert.Equal("2", CommandLine.Read(["--Presence:Port=1", "--port=2"])["Presence:Port"]);

    [Theory]
    [InlineData("--nonsense")]
    [InlineData("port")]
    [InlineData("--port")]
    [InlineData("-p")]
    [InlineData("--")]
    [InlineData("--demo=1")]
    public void What_is_no_option_is_refused_by_name(string argument)
    {
        var fault = Assert.Throws<SettingsException>(() => CommandLine.Read([argument]));

        Assert.StartsWith(argument, fault.Message, StringComparison.Ordinal);
    }
}
