namespace GrpcPresence.Client.Connections;

/// <summary>
/// The calls of handlers of the program by the watches of one client. A handler may dispose of its own watch, of another one or of the
/// client, also while one of these is being disposed of already. So disposal inside a handler waits for no watch, and elsewhere it does not
/// wait without end for a handler that blocks.
/// </summary>
/// <param name="endTimeout">How long disposal waits for a watch.</param>
/// <param name="time">The clock.</param>
internal sealed class HandlerCalls(TimeSpan endTimeout, TimeProvider time)
{
    // A watch without a handler that blocks ends in milliseconds, so disposal without a timeout waits for it too.
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromSeconds(1);

    private readonly AsyncLocal<HandlerCall?> _call = new();

    /// <summary>Whether a handler is calling. What a handler has started, and goes on after it, is not.</summary>
    public bool IsInside => _call.Value is { IsOver: false };

    /// <summary>Calls a handler.</summary>
    public void Call(Action handler)
    {
        var call = new HandlerCall();
        _call.Value = call;
        try
        {
            handler();
        }
        finally
        {
            call.IsOver = true;
            _call.Value = null;
        }
    }

    /// <summary>Waits for the end of a loop that calls handlers.</summary>
    public async Task WaitForAsync(Task loop)
    {
        if (IsInside)
            return;
        try
        {
            await loop.WaitAsync(Durations.Max(endTimeout, ShortestTimeout), time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // A handler blocks the loop. It ends when the handler returns.
        }
    }

    private sealed class HandlerCall
    {
        public volatile bool IsOver;
    }
}
