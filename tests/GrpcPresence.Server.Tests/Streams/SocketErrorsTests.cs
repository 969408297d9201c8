using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams;

/// <summary>Tests what Kestrel sees when the socket of a connection fails.</summary>
public sealed class SocketErrorsTests
{
    private static readonly SocketException TimedOut = new((int)SocketError.TimedOut);

    private readonly Pipe _sent = new(new PipeOptions(pauseWriterThreshold: 2, resumeWriterThreshold: 1, useSynchronizationContext: false));

    [Fact]
    public async Task An_error_of_the_socket_is_the_end_of_the_connection()
    {
        var output = await OpenAsync();
        await _sent.Reader.CompleteAsync(TimedOut);

        Assert.True((await output.WriteAsync(new byte[1], TestRun.Token)).IsCompleted);
    }

    [Fact]
    public async Task An_error_of_the_socket_is_the_end_of_the_connection_also_while_a_write_waits_for_the_client()
    {
        var output = await OpenAsync();
        var write = output.WriteAsync(new byte[2], TestRun.Token).AsTask();
        Assert.False(write.IsCompleted);

        await _sent.Reader.CompleteAsync(TimedOut);

        await Barrier.Within(write, "the write ended");
        Assert.True((await write).IsCompleted);
    }

    [Fact]
    public async Task An_error_that_is_not_of_the_socket_is_thrown()
    {
        var output = await OpenAsync();
        await _sent.Reader.CompleteAsync(new InvalidOperationException());

        await Assert.ThrowsAsync<InvalidOperationException>(() => output.WriteAsync(new byte[1], TestRun.Token).AsTask());
    }

    [Fact]
    public async Task Written_bytes_reach_the_socket()
    {
        var output = await OpenAsync();

        await output.WriteAsync(new byte[] { 7 }, TestRun.Token);

        Assert.Equal([7], (await _sent.Reader.ReadAsync(TestRun.Token)).Buffer.FirstSpan.ToArray());
    }

    /// <summary>Opens a connection of a listener that ends on socket errors. Returns the writer that Kestrel uses.</summary>
    private async Task<PipeWriter> OpenAsync()
    {
        ConnectionDelegate? open = null;
        new KestrelServerOptions().Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.EndOnSocketErrors();
            open = ((IConnectionBuilder)listen).Build();
        });
        await using var connection = new DefaultConnectionContext { Transport = new Sockets(new Pipe().Reader, _sent.Writer) };
        await open!(connection);
        return connection.Transport.Output;
    }

    private sealed record Sockets(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
