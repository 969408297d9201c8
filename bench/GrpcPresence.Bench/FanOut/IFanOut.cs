using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.FanOut;

/// <summary>A server with its watchers and a publisher.</summary>
internal interface IFanOut : IDisposable
{
    /// <summary>The name of the server.</summary>
    string Name { get; }

    /// <summary>The server.</summary>
    ServerProcess Server { get; }

    /// <summary>Changes that reached a watcher, counted for each watcher.</summary>
    long Delivered { get; }

    /// <summary>Publishes changes of as many distinct subjects. The server must send each to every watcher.</summary>
    void Publish(int changes);
}
