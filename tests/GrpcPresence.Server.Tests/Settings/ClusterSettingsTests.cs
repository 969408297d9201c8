using System.Net;
using GrpcPresence.Server.Settings;
using Microsoft.Extensions.Configuration;

namespace GrpcPresence.Server.Tests.Settings;

/// <summary>Tests the settings of a node of a cluster.</summary>
public sealed class ClusterSettingsTests
{
    private const string Postgres = "Host=127.0.0.1;Database=presence";

    [Fact]
    public void A_node_has_an_address_and_a_cluster()
    {
        var settings = Read(("NodeAddress", "127.0.0.1:5090"), ("Postgres", Postgres));
        Assert.Equal((new IPEndPoint(IPAddress.Loopback, 5090), "presence"), (settings.NodeAddress, settings.ClusterId));
        Assert.Equal("blue", Read(("NodeAddress", "[::1]:5090"), ("Postgres", Postgres), ("ClusterId", "blue")).ClusterId);
        Assert.Null(Read(("Postgres", Postgres)).NodeAddress);
    }

    [Theory]
    [InlineData("5090")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:0")]
    [InlineData("0.0.0.0:5090")]
    [InlineData("[::]:5090")]
    [InlineData("224.0.0.1:5090")]
    [InlineData("node.example:5090")]
    [InlineData("")]
    public void An_address_that_other_nodes_cannot_use_is_rejected(string address) =>
        Assert.StartsWith("Presence:NodeAddress", Rejected(("NodeAddress", address), ("Postgres", Postgres)), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    public void A_cluster_without_a_plain_name_is_rejected(string id) => Assert.StartsWith(
        "Presence:ClusterId",
        Rejected(("NodeAddress", "127.0.0.1:5090"), ("Postgres", Postgres), ("ClusterId", id)),
        StringComparison.Ordinal);

    [Fact]
    public void A_node_needs_a_database_that_nodes_can_share() => Assert.Equal(
        "Presence:NodeAddress has no effect alone. Also set Presence:Postgres.", Rejected(("NodeAddress", "127.0.0.1:5090")));

    [Fact]
    public void A_cluster_needs_a_node() => Assert.Equal(
        "Presence:ClusterId has no effect alone. Also set Presence:NodeAddress.", Rejected(("ClusterId", "blue"), ("Postgres", Postgres)));

    [Fact]
    public void A_node_that_other_machines_reach_needs_certificates()
    {
        var error = Rejected(("NodeAddress", "10.0.0.1:5090"), ("Postgres", Postgres), ("TlsCertificate", "c.pem"), ("TlsKey", "k.pem"));
        Assert.Contains("Presence:ClientCertificateAuthorities", error, StringComparison.Ordinal);
        Read(
            ("NodeAddress", "10.0.0.1:5090"),
            ("Postgres", Postgres),
            ("TlsCertificate", "c.pem"),
            ("TlsKey", "k.pem"),
            ("ClientCertificateAuthorities", "a.pem"));
    }

    private static ServerSettings Read(params (string Name, string Value)[] settings) => SettingsReader.Read(new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Presence:{setting.Name}", (string?)setting.Value)))
        .Build());

    private static string Rejected(params (string Name, string Value)[] settings) =>
        Assert.Throws<SettingsException>(() => Read(settings)).Message;
}
