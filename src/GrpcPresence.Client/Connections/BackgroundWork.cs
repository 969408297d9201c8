namespace GrpcPresence.Client.Connections;

/// <summary>
/// Starts what lives longer than the call that starts it. Such work must not keep the execution context of its first caller: every later
/// call of the loop would look like a part of that caller's trace, and its async locals would stay in memory.
/// </summary>
internal static class BackgroundWork
{
    /// <summary>Runs a loop on the thread pool, without the context of the caller.</summary>
    public static Task Run(Func<Task> loop) => WithoutContext(() => Task.Run(loop));

    /// <summary>Creates something that would keep the context of the caller, such as a timer.</summary>
    public static T WithoutContext<T>(Func<T> create)
    {
        if (ExecutionContext.IsFlowSuppressed())
            return create();
        using (ExecutionContext.SuppressFlow())
            return create();
    }
}
