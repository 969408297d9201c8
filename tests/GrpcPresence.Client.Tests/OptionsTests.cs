using System.Text.RegularExpressions;
using GrpcPresence.Client.Tests.Fixture;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.Client.Tests;

/// <summary>Tests that wrong settings are named where the client is created.</summary>
public sealed partial class OptionsTests
{
    public static TheoryData<string, Action<PresenceClientOptions>> Wrong => new()
    {
        { "Address", options => options.Address = null },
        { "Address", options => options.Address = new("presence:5080") },
        { "Address", options => options.Address = new("/presence", UriKind.Relative) },
        { "Address", options => options.Address = new("http://user:password@127.0.0.1:5080") },
        { "Address", options => options.Address = new("http://127.0.0.1:5080/presence") },
        { "Address", options => options.Address = new("http://127.0.0.1:5080?a") },
        { "Address", options => options.Address = new("http://127.0.0.1:5080#a") },
        { "ServiceSid", options => options.ServiceSid = null! },
        { "ServiceSid", options => options.ServiceSid = "" },
        { "ServiceSid", options => options.ServiceSid = "IS1" },
        { "ServiceSid", options => options.ServiceSid = "US" + TestClient.ServiceSid[2..] },
        { "ServiceSid", options => options.ServiceSid = "is" + TestClient.ServiceSid[2..] },
        { "ServiceSid", options => options.ServiceSid = TestClient.ServiceSid[..^1] + "g" },
        { "ServiceSid", options => options.ServiceSid = TestClient.ServiceSid[..^1] + "\u0661" },
        { "ServiceSid", options => options.ServiceSid = TestClient.ServiceSid + "0" },
        { "Credentials", options => options.Credentials = null! },
        { "Identity", options => options.Identity = "" },
        { "Identity", options => options.Identity = new string('x', 257) },
        { "TimeProvider", options => options.TimeProvider = null! },
        { "ReconnectDelay", options => options.ReconnectDelay = Timeout.InfiniteTimeSpan },
        { "ReconnectDelay", options => options.ReconnectDelay = TimeSpan.MaxValue },
        { "MaxReconnectDelay", options => options.MaxReconnectDelay = TimeSpan.FromMilliseconds(499) },
        { "MaxReconnectDelay", options => options.MaxReconnectDelay = TimeSpan.FromDays(1.1) },
        { "EndTimeout", options => options.EndTimeout = Timeout.InfiniteTimeSpan },
        { "EndTimeout", options => options.EndTimeout = TimeSpan.FromDays(1.1) },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void A_wrong_setting_is_rejected_by_name(string name, Action<PresenceClientOptions> configure)
    {
        var options = Valid();
        configure(options);

        Assert.Equal([name], NamesIn(Assert.Throws<ArgumentException>(() => PresenceClient.Create(options))));
    }

    [Fact]
    public void Limits_are_accepted()
    {
        var options = Valid();
        options.Address = new("http://[::1]:5080/");
        options.ServiceSid = "IS" + new string('A', 32);
        options.Identity = string.Concat(Enumerable.Repeat("😀", 256));
        options.ReconnectDelay = options.MaxReconnectDelay = options.EndTimeout = TimeSpan.FromDays(1);

        PresenceClient.Create(options).Dispose();
        options.ReconnectDelay = options.MaxReconnectDelay = options.EndTimeout = TimeSpan.Zero;
        PresenceClient.Create(options).Dispose();
    }

    [Fact]
    public void All_wrong_settings_are_named_at_once_also_by_a_container()
    {
        using var provider = new ServiceCollection().AddPresenceClient(options =>
        {
            options.ServiceSid = "IS1";
            options.Credentials = null!;
            options.ReconnectDelay = options.EndTimeout = TimeSpan.FromSeconds(-1);
        }).Services.BuildServiceProvider();

        Assert.Equal(
            ["Address", "ServiceSid", "Credentials", "ReconnectDelay", "EndTimeout"],
            NamesIn(Assert.Throws<ArgumentException>(provider.GetRequiredService<IPresenceClient>)));
    }

    [Fact]
    public void The_password_in_an_address_is_not_shown()
    {
        var options = Valid();
        options.Address = new("http://user:hunter2@127.0.0.1:5080");

        Assert.DoesNotContain("hunter2", Assert.Throws<ArgumentException>(() => PresenceClient.Create(options)).Message);
    }

    private static PresenceClientOptions Valid() => new() { Address = Network.Address, ServiceSid = TestClient.ServiceSid };

    private static IEnumerable<string> NamesIn(ArgumentException error) =>
        Name().Matches(error.Message).Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"(\w+) must ")]
    private static partial Regex Name();
}
