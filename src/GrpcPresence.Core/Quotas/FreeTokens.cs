namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The tokens of a subject's rates that no node has: those that nodes have returned, and those of the part of each rate that is lent to no
/// node. A larger share brings some of them. So a node that gets a share need not wait until its bucket has filled, and the nodes together
/// charge no more than one bucket of the whole limit would. At most one second's worth of what is not lent. Not safe from several threads.
/// </summary>
/// <param name="free">The part of each rate that no node has now.</param>
/// <param name="frequency">Units of the clock in a second.</param>
/// <param name="since">Since when no node has it.</param>
internal sealed class FreeTokens(QuotaAmounts free, long frequency, long since)
{
    // Tokens times the frequency, so that no part of a token is lost. Both factors have 31 bits at most, so a sum of two does not overflow.
    private readonly long[] _tokens = new long[QuotaAmounts.Rates.Length];
    private QuotaAmounts _free = free;
    private long _at = since;

    /// <summary>Whether there are as many as can be.</summary>
    public bool AreAll => Enumerable.Range(0, _tokens.Length).All(i => _tokens[i] == MaxOf(i));

    /// <summary>Adds the tokens of the time since the last call.</summary>
    public void Pass(long now)
    {
        var elapsed = Math.Clamp(now - _at, 0, frequency);
        _at = Math.Max(_at, now);
        for (var i = 0; i < _tokens.Length; i++)
            _tokens[i] = Math.Min(_tokens[i] + (_free[QuotaAmounts.Rates[i]] * elapsed), Math.Max(_tokens[i], MaxOf(i)));
    }

    /// <summary>Adds what a node has returned. Call <see cref="SetFree"/> afterwards.</summary>
    public void Add(QuotaAmounts tokens)
    {
        for (var i = 0; i < _tokens.Length; i++)
            _tokens[i] += Math.Min(tokens[QuotaAmounts.Rates[i]] * frequency, long.MaxValue - _tokens[i]);
    }

    /// <summary>Takes tokens, and returns how many.</summary>
    public QuotaAmounts Take(QuotaAmounts max) => QuotaAmounts.OfRates(rate =>
    {
        ref var tokens = ref _tokens[QuotaAmounts.Rates.IndexOf(rate)];
        var taken = (int)Math.Min(tokens / frequency, max[rate]);
        tokens -= taken * frequency;
        return taken;
    });

    /// <summary>Sets the part of each rate that no node has from now on.</summary>
    public void SetFree(QuotaAmounts value)
    {
        _free = value;
        for (var i = 0; i < _tokens.Length; i++)
            _tokens[i] = Math.Min(_tokens[i], MaxOf(i));
    }

    private long MaxOf(int i) => _free[QuotaAmounts.Rates[i]] * frequency;
}
