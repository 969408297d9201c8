namespace GrpcPresence.Core.Watching;

/// <summary>
/// What a watch has still to read from the store. Three facts hold at any time: every change up to <paramref name="Base"/> was delivered;
/// every row with a revision up to <paramref name="Position"/> was delivered with its reasons since the base; every change above <paramref
/// name="Target"/> is pending. So the rows in between and the users of the sweep are left to read.
/// </summary>
/// <param name="Base">The revision from which reasons count.</param>
/// <param name="Position">The revision up to which rows were delivered.</param>
/// <param name="Target">The revision up to which rows must be read.</param>
/// <param name="SwitchedSince">
/// The start of the earliest on-period that ended since the base, or null. Users that were known since then have lost the values that the
/// client may hold.
/// </param>
/// <param name="SwitchedAt">The revision of the last switch of these. Users that were sent in a later state have lost the values.</param>
/// <param name="Sweep">The rest of the sweep that a switch started, or null.</param>
internal readonly record struct CatchUpPosition(
    long Base, long Position, long Target, long? SwitchedSince = null, long SwitchedAt = 0, SwitchSweep? Sweep = null)
{
    /// <summary>Whether nothing is left to read.</summary>
    public bool IsDone => Position >= Target && Sweep is null;

    /// <summary>Everything up to the revision was delivered.</summary>
    public static CatchUpPosition At(long revision) => new(revision, revision, revision);

    /// <summary>Extends the rows to read up to the revision.</summary>
    public CatchUpPosition ReadTo(long revision) => this with { Target = Math.Max(Target, revision) };

    /// <summary>An on-period ended that started at the revision: starts a sweep from the earliest such revision.</summary>
    /// <param name="switchedOn">The start of the on-period.</param>
    /// <param name="switchedAt">The revision of the switch that shows its end.</param>
    /// <param name="upTo">Rows above this revision are read from now on, and show that the values are null.</param>
    public CatchUpPosition SweepFrom(long switchedOn, long switchedAt, long upTo)
    {
        var since = Math.Min(switchedOn, SwitchedSince ?? long.MaxValue);
        // A batch may overflow the queue with changes from after its switch.
        return this with
        {
            Base = Math.Min(Base, switchedAt - 1),
            SwitchedSince = since,
            SwitchedAt = Math.Max(switchedAt, SwitchedAt),
            Sweep = new SwitchSweep(since, AfterId: 0, upTo),
        };
    }

    /// <summary>
    /// The page was delivered. The target moves to the revision of the page: a row that was not read yet may have moved above the old
    /// target, with reasons from before it, and so may a user that the sweep had not reached.
    /// </summary>
    public CatchUpPosition WithDelivered(ScanPage page)
    {
        var next = this;
        if (page.Position is { } position)
            next = next.ReadTo(page.Revision) with { Position = Math.Max(Position, position) };
        // A switch may have started a new sweep while the page was delivered. The page says nothing about it.
        if (page.Sweep is { } sweep && ReferenceEquals(Sweep, sweep))
            next = next.ReadTo(page.Revision) with { Sweep = page.RestOfSweep };
        if (page.Position != page.Revision)
            return next;
        // The last page of rows: everything up to its revision was delivered. While a sweep is left, tokens must stay below the switch.
        return next.Sweep is null
            ? At(next.Position).ReadTo(next.Target)
            : next with { Base = Math.Max(next.Base, Math.Min(next.Position, next.SwitchedAt - 1)) };
    }
}

/// <summary>
/// The users whose visible state changes when reachability is switched off. The switch touches no row, so the sweep reads the users in the
/// order of their keys. Compared by reference: each switch starts a new sweep, which the progress of an old one must not change.
/// </summary>
/// <param name="KnownSince">Users that became known at this revision or later may show the client a value that is null now.</param>
/// <param name="AfterId">The key of the last user that was read.</param>
/// <param name="UpTo">Users whose row has a later revision are read as rows.</param>
internal sealed record SwitchSweep(long KnownSince, long AfterId, long UpTo);
