namespace Grpc.Core;

/// <summary>The responses of a call; they end when the service's method returns.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}
