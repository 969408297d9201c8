using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Server.Settings;
using Microsoft.Extensions.Configuration;

namespace GrpcPresence.Server.Tests.Settings;

/// <summary>Tests every setting with every kind of wrong value. A new setting takes part by its declaration.</summary>
public sealed class SettingsTableTests
{
    // Each replaces the value of one setting in appsettings.json. An empty list is a valid list.
    private static readonly string[] WrongValues = ["null", "{}", "{\"Name\":1}", "[null]", "[[1]]", "[{\"Name\":1}]", "\"\\u0000\""];
    private static readonly string[] WrongForOneValue = ["[]", "[\"x\"]", "[1,2]"];

    public static TheoryData<string> Names => [.. SettingsCatalog.All.Select(setting => setting.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_setting_rejects_every_kind_of_wrong_value_in_one_line_that_names_it(string name)
    {
        var setting = SettingsCatalog.All.Single(setting => setting.Name == name);
        foreach (var json in setting.Declaration.IsList ? WrongValues : [.. WrongValues, .. WrongForOneValue])
        {
            var nested = setting.Key.Split(':').Reverse().Aggregate(json, (inner, key) => $"{{\"{key}\":{inner}}}");

            var lines = Violations(nested);

            var isOneLine = lines is [var line] && line.StartsWith(setting.Key, StringComparison.Ordinal);
            Assert.True(isOneLine, $"{nested}: {string.Join('|', lines)}");
        }
    }

    [Property(MaxTest = 500)]
    public Property No_file_causes_anything_but_lines_that_name_a_setting() => Prop.ForAll(
        Objects(depth: 4).ToArbitrary(),
        json => Violations(json).All(line => line.StartsWith("Presence", StringComparison.OrdinalIgnoreCase)
            || line.StartsWith("Logging", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Reads the file, and returns the lines that the program would print; none if it would start.</summary>
    private static string[] Violations(string json)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(json));
        var configuration = new ConfigurationBuilder().AddJsonStream(stream).Build();
        try
        {
            SettingsReader.Read(configuration);
            return [];
        }
        catch (SettingsException exception)
        {
            return exception.Message.Split(Environment.NewLine);
        }
    }

    private static Gen<string> Objects(int depth) =>
        from names in Gen.SubListOf("Presence", "Logging", "LogLevel", "Console", "Port", "Database", "AllowedOrigins", "Quotas", "ApiKey",
            "OpenStreams", "Default", "0", "x")
        from values in Values(depth).ListOf(names.Count)
        select $"{{{string.Join(',', names.Zip(values, (name, value) => $"\"{name}\":{value}"))}}}";

    private static Gen<string> Values(int depth)
    {
        var scalars = Gen.Elements("null", "true", "1", "-1", "0.5", "\"\"", "\"x\"", "\"a\\nb\"", "\"Debug\"", "[]", "{}", "[1,[2]]");
        return depth == 0 ? scalars : Gen.Frequency((1, scalars), (2, Objects(depth - 1)));
    }
}
