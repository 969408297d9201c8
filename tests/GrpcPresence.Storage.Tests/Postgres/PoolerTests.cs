using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Postgres.Store;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>What PgBouncer 1.18 answers to a connection: all its errors have one code.</summary>
public sealed class PoolerTests
{
    [Fact]
    public async Task A_pooler_that_does_not_know_the_parameters_of_the_server_is_rejected_in_one_line()
    {
        var exception = await Assert.ThrowsAsync<PostgresRejectedException>(() => OpenAsync("unsupported startup parameter: options"));
        Assert.Equal(PostgresRejection.Pooler, exception.Rejection);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Theory]
    [InlineData("query_wait_timeout")]
    [InlineData("pgbouncer cannot connect to server")]
    [InlineData("the database system is shutting down")]
    public Task Other_errors_of_a_pooler_are_transient(string message) =>
        Assert.ThrowsAsync<StorageException>(() => OpenAsync(message));

    private static async Task OpenAsync(string message)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = AnswerAsync(listener, message);
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        try
        {
            (await PostgresTests.OpenAsync($"Host=127.0.0.1;Port={port};Database=a;Username=b")).Dispose();
        }
        finally
        {
            listener.Stop();
            await answering;
        }
    }

    /// <summary>Answers every connection, because the driver tries again in another way after an error.</summary>
    private static async Task AnswerAsync(TcpListener listener, string message)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
                await AnswerAsync(client.GetStream(), message);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener was stopped.
        }
    }

    private static async Task AnswerAsync(NetworkStream stream, string message)
    {
        while (true)
        {
            var length = new byte[4];
            await stream.ReadExactlyAsync(length, TestContext.Current.CancellationToken);
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(length) - length.Length];
            await stream.ReadExactlyAsync(body, TestContext.Current.CancellationToken);
            if (body.Length > 4)
                break;
            await stream.WriteAsync("N"u8.ToArray(), TestContext.Current.CancellationToken); // no TLS, no GSS
        }
        var fields = Encoding.UTF8.GetBytes($"SFATAL\0VFATAL\0C08P01\0M{message}\0\0");
        var answer = new byte[5 + fields.Length];
        answer[0] = (byte)'E';
        BinaryPrimitives.WriteInt32BigEndian(answer.AsSpan(1), 4 + fields.Length);
        fields.CopyTo(answer, 5);
        await stream.WriteAsync(answer, TestContext.Current.CancellationToken);
    }
}
