using System.Net.Sockets;
using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests what the admin socket replaces: a socket that a killed server left behind, and nothing else.</summary>
public sealed class AdminSocketTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Path => _directory.File("admin.sock");

    [Fact]
    public async Task Admin_socket_A_socket_that_nobody_listens_on_is_replaced()
    {
        // .NET deletes the file of a socket that it closes, unless the file has another name by then.
        using (var abandoned = Bind())
            File.Move(Path, _directory.File("moved"));
        File.Move(_directory.File("moved"), Path);

        using var socket = AdminSocketListener.Bind(new UnixDomainSocketEndPoint(Path));
        socket.Listen();

        Assert.True(await AdminSocketChannel.IsServedAsync(Path, TestContext.Current.CancellationToken));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void Admin_socket_The_socket_of_another_program_stays()
    {
        using var live = Bind();
        live.Listen();

        AssertRejected(Path);

        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(Path));
    }

    [Fact]
    public void Admin_socket_A_socket_whose_queue_is_full_stays()
    {
        using var live = Bind();
        live.Listen(0);
        var clients = new List<Socket>();
        for (var isFull = false; !isFull && clients.Count < 100;)
        {
            clients.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false });
            try
            {
                clients[^1].Connect(new UnixDomainSocketEndPoint(Path));
            }
            catch (SocketException)
            {
                isFull = true;
            }
        }

        AssertRejected(Path);

        Assert.True(File.Exists(Path));
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public void Admin_socket_A_socket_for_datagrams_stays()
    {
        using var live = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        live.Bind(new UnixDomainSocketEndPoint(Path));

        AssertRejected(Path);
    }

    [Theory]
    [InlineData("somebody's")]
    [InlineData("")]
    public void Admin_socket_A_file_stays(string content)
    {
        File.WriteAllText(Path, content);

        AssertRejected(Path);

        Assert.Equal(content, File.ReadAllText(Path));
    }

    [Fact]
    public void Admin_socket_A_directory_and_a_path_without_one_are_rejected()
    {
        Directory.CreateDirectory(Path);
        AssertRejected(Path);
        AssertRejected(_directory.File("absent/admin.sock"));
        Assert.False(Directory.Exists(_directory.File("absent")));
    }

    [Fact]
    public async Task Admin_socket_A_server_that_cannot_have_it_is_one_line_and_exit_code_2()
    {
        File.WriteAllText(Path, "");
        using var error = new StringWriter();

        var code = await ServerProgram.RunAsync(
            ["--port=0", "--rest-port=0", "--database", _directory.File("p.db"), "--admin-socket", Path],
            services => services.AddPresenceCore().AddStore(),
            TextWriter.Null,
            error);

        Assert.Equal(2, code);
        Assert.StartsWith($"Presence:AdminSocket \"{Path}\" ", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, error.ToString().Count(character => character == '\n'));
    }

    public void Dispose() => _directory.Dispose();

    private Socket Bind()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path));
        return socket;
    }

    private static void AssertRejected(string path)
    {
        var exception = Assert.Throws<SettingsException>(() => AdminSocketListener.Bind(new UnixDomainSocketEndPoint(path)));
        Assert.StartsWith($"Presence:AdminSocket \"{path}\" ", exception.Message, StringComparison.Ordinal);
    }
}
