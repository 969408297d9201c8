using System.Net.Sockets;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>
/// A Unix socket between a store and the server that can lose answers and cut connections. The server does not notice a cut: its side stays
/// open, as it does when a machine is gone.
/// </summary>
internal sealed class SocketRelay : IDisposable
{
    private const string SocketName = ".s.PGSQL.5432";

    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Lock _gate = new(); // guards the lists
    private readonly List<Socket> _clients = [];
    private readonly List<Socket> _servers = [];
    private readonly UnixDomainSocketEndPoint _target;
    private volatile int _losing; // connections up to this number lose the answers
    private int _accepted;

    public SocketRelay(string directoryOfServer)
    {
        _target = new UnixDomainSocketEndPoint(Path.Combine(directoryOfServer, SocketName));
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.File(SocketName)));
        _listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>The directory to which a client connects.</summary>
    public string Directory => Path.GetDirectoryName(_directory.File(SocketName))!;

    /// <summary>Loses all further answers of the present connections.</summary>
    public void LoseAnswers() => _losing = Volatile.Read(ref _accepted);

    /// <summary>Cuts the present connections of clients. Those to the server stay open.</summary>
    public void Cut()
    {
        Socket[] clients;
        lock (_gate)
        {
            clients = [.. _clients];
            _clients.Clear();
        }
        foreach (var client in clients)
            client.Dispose();
    }

    public void Dispose()
    {
        _listener.Dispose();
        Cut();
        lock (_gate)
            _servers.ForEach(server => server.Dispose());
        _directory.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync();
                var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await server.ConnectAsync(_target);
                lock (_gate)
                {
                    _clients.Add(client);
                    _servers.Add(server);
                }
                var number = Interlocked.Increment(ref _accepted);
                _ = CopyAsync(client, server, isLost: () => false);
                _ = CopyAsync(server, client, isLost: () => number <= _losing);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The relay ends.
        }
    }

    private static async Task CopyAsync(Socket source, Socket target, Func<bool> isLost)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            while (await source.ReceiveAsync(buffer) is > 0 and var count)
            {
                if (!isLost())
                    await target.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One of the sides was cut.
        }
    }
}
