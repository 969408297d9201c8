namespace GrpcPresence.Bench.Load;

/// <summary>Work for a server that goes on by itself while it is switched on.</summary>
internal interface ILoad
{
    /// <summary>Operations that the server has done.</summary>
    long Operations { get; }

    /// <summary>Whether the server owes nothing.</summary>
    bool IsIdle { get; }

    /// <summary>Switches it on.</summary>
    void Start();

    /// <summary>Switches it off; what is open is still answered.</summary>
    void Stop();
}
