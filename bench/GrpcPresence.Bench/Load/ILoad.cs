namespace GrpcPresence.Bench.Load;

/// <summary>Load on a server that runs by itself while it is on.</summary>
internal interface ILoad
{
    /// <summary>The number of operations that the server has completed.</summary>
    long Operations { get; }

    /// <summary>Whether no operation is open.</summary>
    bool IsIdle { get; }

    /// <summary>Switches the load on.</summary>
    void Start();

    /// <summary>Switches the load off. Open operations are still completed.</summary>
    void Stop();
}
