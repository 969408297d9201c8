using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.FanOut;

/// <summary>A server with its watchers, and somebody who publishes.</summary>
internal interface IFanOut : IDisposable
{
    /// <summary>What the server is called.</summary>
    string Name { get; }

    /// <summary>The server.</summary>
    ServerProcess Server { get; }

    /// <summary>Changes that reached a watcher, each watcher's counted.</summary>
    long Delivered { get; }

    /// <summary>Publishes changes of as many distinct subjects, each of which every watcher is to be told.</summary>
    void Publish(int changes);
}
