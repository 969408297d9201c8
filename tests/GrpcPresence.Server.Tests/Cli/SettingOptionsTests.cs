using System.CommandLine;
using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Tests.Cli;

public sealed class SettingOptionsTests
{
    private readonly SettingOptions _options = new();
    private readonly RootCommand _root = [];
    private readonly Command _command = new("command");

    public SettingOptionsTests()
    {
        _options.AddTo(_root, SettingsCatalog.Server);
        _options.AddTo(_command, []);
        _root.Add(_command);
    }

    public static TheoryData<string> ValuedOptions => OptionsWith(isFlag: false);

    public static TheoryData<string> Flags => OptionsWith(isFlag: true);

    [Fact]
    public void Options_become_keys_of_the_configuration()
    {
        var settings = Read(
            "--demo", "--port", "1", "--host=0.0.0.0", "--json-logs", "--Presence:Database=a=b.db", "--max-connections=9",
            "--Presence:Quotas:ServiceInstance:OpenStreams=5", "--set", "Quotas:ApiKey:OpenStreams=6");

        Assert.Equal(
            new Dictionary<string, string?>
            {
                ["Presence:Demo"] = "True",
                ["Presence:Port"] = "1",
                ["Presence:Address"] = "0.0.0.0",
                ["Presence:LogFormat"] = "json",
                ["Presence:Database"] = "a=b.db",
                ["Presence:MaxConnections"] = "9",
                ["Presence:Quotas:ServiceInstance:OpenStreams"] = "5",
                ["Presence:Quotas:ApiKey:OpenStreams"] = "6",
            },
            settings);
    }

    [Theory]
    [MemberData(nameof(ValuedOptions))]
    public void Every_option_takes_any_text_before_and_after_a_command(string option)
    {
        var setting = SettingsCatalog.Server.Single(setting => setting.Declaration.Option == option);

        Assert.Equal("any text", Assert.Single(Read(option, "any text"), entry => entry.Key == setting.Key).Value);
        Assert.Equal("any text", Read(option, "any text", "command")[setting.Key]);
        Assert.Equal("any text", Read("command", $"{option}=any text")[setting.Key]);
    }

    [Theory]
    [MemberData(nameof(Flags))]
    public void Every_flag_stands_alone_or_says_true_or_false(string option)
    {
        var setting = SettingsCatalog.Server.Single(setting => setting.Declaration.Option == option);

        Assert.Equal("True", Read(option)[setting.Key]);
        Assert.Equal("True", Read("command", option)[setting.Key]);
        Assert.Equal("False", Read($"{option}=false")[setting.Key]);
        Assert.Empty(Read());
    }

    [Theory]
    [InlineData("2", "--port=1", "--port=2")]
    [InlineData("2", "--port=1", "--set", "Port=2")]
    [InlineData("2", "--set=port=1", "--port=2")]
    [InlineData("2", "--presence:port=1", "--Presence:Port=2")]
    [InlineData("2", "--set", "Presence:Port=1", "--port", "3", "command", "--port", "2")]
    public void The_last_of_two_wins(string value, params string[] arguments) => Assert.Equal(value, Read(arguments)["Presence:Port"]);

    [Theory]
    [InlineData("text", "--json-logs", "--log-format=text")]
    [InlineData("json", "--log-format=text", "--json-logs")]
    public void A_shorthand_has_its_place_among_the_others(string value, params string[] arguments) =>
        Assert.Equal(value, Read(arguments)["Presence:LogFormat"]);

    private static TheoryData<string> OptionsWith(bool isFlag) =>
    [
        .. from setting in SettingsCatalog.Server
           where setting.Declaration.Option is not null && setting.Declaration.IsFlag == isFlag
           select setting.Declaration.Option,
    ];

    private IReadOnlyDictionary<string, string?> Read(params string[] arguments)
    {
        var result = _root.Parse(arguments);
        Assert.DoesNotContain(result.Errors, error => !error.Message.StartsWith("Required command", StringComparison.Ordinal));
        return _options.Read(result);
    }
}
