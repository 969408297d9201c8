using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Resets a stream whose client leaves a message unread for too long. Otherwise the stream would keep its memory and its place as long as
/// the connection answers pings. <c>WatchUsers</c> has the same limit, and ends with a resume token.
/// </summary>
/// <typeparam name="TResponse">A message.</typeparam>
internal sealed class StallLimitedWriter<TResponse>(
    IServerStreamWriter<TResponse> responses, HttpContext http, TimeSpan limit, TimeProvider time) : IServerStreamWriter<TResponse>
{
    /// <inheritdoc/>
    public WriteOptions? WriteOptions
    {
        get => responses.WriteOptions;
        set => responses.WriteOptions = value;
    }

    /// <inheritdoc/>
    public Task WriteAsync(TResponse message)
    {
        var write = responses.WriteAsync(message);
        return write.IsCompletedSuccessfully ? write : WaitAsync(write);
    }

    private async Task WaitAsync(Task write)
    {
        try
        {
            await write.WaitAsync(limit, time);
        }
        catch (TimeoutException)
        {
            StreamReset.Reset(http);
            throw PresenceErrors.StreamStalled();
        }
    }
}
