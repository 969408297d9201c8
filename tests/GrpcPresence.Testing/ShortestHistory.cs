namespace GrpcPresence.Testing;

/// <summary>Shrinks histories of steps that break a promise.</summary>
public static class ShortestHistory
{
    /// <summary>
    /// Leaves out halves, quarters, down to single steps, as long as the history still fails. Any part of a history must run.
    /// </summary>
    public static IReadOnlyList<T> Of<T>(IReadOnlyList<T> history, Func<IReadOnlyList<T>, bool> fails)
    {
        for (var size = history.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at < history.Count;)
            {
                IReadOnlyList<T> shorter = [.. history.Take(at), .. history.Skip(at + size)];
                if (fails(shorter))
                    history = shorter;
                else
                    at += size;
            }
        }
        return history;
    }
}
