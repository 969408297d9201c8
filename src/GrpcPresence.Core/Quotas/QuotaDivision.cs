namespace GrpcPresence.Core.Quotas;

/// <summary>Divides a limit among nodes.</summary>
internal static class QuotaDivision
{
    /// <summary>
    /// Returns a part for each node; the sum is at most the limit. A node gets what it needs, or as much as each other node that needs
    /// more (max-min fairness). So a node whose callers ask for too much takes nothing from those that ask for little. What nobody needs
    /// is divided evenly, so that a node whose demand grows has room until its next report.
    /// </summary>
    /// <param name="limit">The limit of the whole.</param>
    /// <param name="demands">What each node needs.</param>
    public static int[] Divide(int limit, IReadOnlyList<int> demands)
    {
        var parts = new int[demands.Count];
        var left = limit;
        var nodes = demands.Count;
        foreach (var node in Enumerable.Range(0, demands.Count).OrderBy(node => demands[node]))
        {
            parts[node] = Math.Min(demands[node], left / nodes--);
            left -= parts[node];
        }
        for (var node = 0; node < parts.Length; node++)
        {
            var extra = left / (parts.Length - node);
            parts[node] += extra;
            left -= extra;
        }
        return parts;
    }
}
