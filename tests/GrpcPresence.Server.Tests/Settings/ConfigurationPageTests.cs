using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Tests.Settings;

public sealed class ConfigurationPageTests
{
    /// <summary>Compares the page in the repository with the generated one. The build copies it beside the tests.</summary>
    [Fact]
    public void The_page_is_not_stale() =>
        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "configuration.md")), ConfigurationPage.Write());

    [Fact]
    public void Every_setting_says_what_it_does_and_has_a_default()
    {
        Assert.All(SettingsCatalog.All, setting => Assert.NotEmpty(setting.Declaration.Summary));
        Assert.All(SettingsCatalog.All, setting => Assert.NotEmpty(setting.Default));
    }

    [Fact]
    public void A_setting_whose_value_is_a_secret_has_no_option() => Assert.All(
        SettingsCatalog.All.Where(setting => setting.Declaration.HasSecret("any text")),
        setting => Assert.Null(setting.Declaration.Option));

    /// <summary>Checks that the reader parses each default on the page to the default value.</summary>
    [Fact]
    public void Every_default_can_be_written_as_the_page_shows_it()
    {
        var defaults = new ServerSettings();
        foreach (var setting in SettingsCatalog.All.Where(setting => setting.Get(defaults) is not null))
        {
            if (setting.Name == nameof(ServerSettings.SecretFile))
                continue; // derived from the path of the database
            Assert.True(setting.Declaration.TryRead(setting.Default, out var value), setting.Name);
            Assert.Equal(setting.Get(defaults), value);
        }
    }
}
