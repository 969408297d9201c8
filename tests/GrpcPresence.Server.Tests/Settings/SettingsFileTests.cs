using System.Net.Sockets;
using System.Runtime.InteropServices;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;
using Microsoft.Extensions.Configuration;

namespace GrpcPresence.Server.Tests.Settings;

/// <summary>Tests appsettings.json, and settings that name a file, where something else is at the path.</summary>
public sealed class SettingsFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Files =>
        ["Database", "SecretFile", "TlsCertificate", "TlsKey", "ClientCertificateAuthorities"];

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("\"x\"")]
    [InlineData("{\"Presence\":{\"Port\":1,\"Port\":2}}")]
    public void A_file_that_is_not_a_JSON_object_is_one_line_that_names_it(string text)
    {
        File.WriteAllText(_directory.File("appsettings.json"), text);

        AssertUnreadable();
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_one_line_that_names_it()
    {
        File.CreateSymbolicLink(_directory.File("appsettings.json"), _directory.File("absent.json"));

        AssertUnreadable();
    }

    [Fact]
    public void A_link_to_itself_is_one_line_that_names_it()
    {
        File.CreateSymbolicLink(_directory.File("appsettings.json"), _directory.File("appsettings.json"));

        AssertUnreadable();
    }

    [Fact]
    public void A_directory_in_its_place_is_one_line_that_names_it()
    {
        Directory.CreateDirectory(_directory.File("appsettings.json"));

        AssertUnreadable();
    }

    [Fact]
    public void A_pipe_in_its_place_is_one_line_that_names_it_and_is_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux can tell.");
        MakePipe(_directory.File("appsettings.json"));

        AssertUnreadable();
    }

    [Fact]
    public void Without_the_file_everything_has_its_default() =>
        Assert.Equal(5080, SettingsReader.Read(SettingsSources.Load([], Folder)).Port);

    [Fact]
    public void A_link_to_the_file_is_followed()
    {
        File.WriteAllText(_directory.File("real.json"), "{\"Presence\":{\"Port\":7}}");
        File.CreateSymbolicLink(_directory.File("appsettings.json"), _directory.File("real.json"));

        Assert.Equal(7, SettingsReader.Read(SettingsSources.Load([], Folder)).Port);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_pipe_a_socket_a_device_or_a_directory_is_not_a_file(string setting)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux can tell.");
        MakePipe(_directory.File("pipe"));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_directory.File("socket")));

        foreach (var path in new[] { _directory.File("pipe"), _directory.File("socket"), "/dev/null", Folder })
        {
            var exception = Assert.Throws<SettingsException>(() => SettingsReader.Read(new ConfigurationBuilder()
                .AddInMemoryCollection([new($"Presence:{setting}", path)]).Build()));
            Assert.StartsWith($"Presence:{setting} \"{path}\"", exception.Message, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _directory.Dispose();

    private string Folder => Path.GetDirectoryName(_directory.File("x"))!;

    private void AssertUnreadable()
    {
        var exception = Assert.Throws<SettingsException>(() => SettingsSources.Load([], Folder));

        Assert.StartsWith("appsettings.json ", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    private static void MakePipe(string path) => Assert.Equal(0, MakePipe(path, 0b110_000_000));

    [DllImport("libc", EntryPoint = "mkfifo")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
}
