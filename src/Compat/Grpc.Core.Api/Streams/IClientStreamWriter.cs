namespace Grpc.Core;

/// <summary>The requests of a call.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the requests. Nothing may be written after it, and no write may be under way.</summary>
    Task CompleteAsync();
}
