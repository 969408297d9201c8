using GrpcPresence.Core.Domain.Users;

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
/// <param name="Sweep">
/// The rest of the sweep that a switch started, or null. A watch of some users has none, because a page has all of them.
/// </param>
internal readonly record struct CatchUpPosition(
    long Base, long Position, long Target, long? SwitchedSince = null, SwitchSweep? Sweep = null)
{
    /// <summary>Whether nothing is left to read.</summary>
    public bool IsDone => Position >= Target && Sweep is null;

    /// <summary>Everything up to the revision was delivered.</summary>
    public static CatchUpPosition At(long revision) => new(revision, revision, revision);

    /// <summary>Extends the rows to read up to the revision.</summary>
    public CatchUpPosition ReadTo(long revision) => this with { Target = Math.Max(Target, revision) };

    /// <summary>An on-period ended that started at the revision. Tokens stay below the switch.</summary>
    /// <param name="switchedOn">The start of the on-period.</param>
    /// <param name="switchedAt">The revision of the switch that shows its end.</param>
    public CatchUpPosition SwitchedFrom(long switchedOn, long switchedAt) => this with
    {
        // A batch may overflow the queue with changes from after its switch.
        Base = Math.Min(Base, switchedAt - 1),
        SwitchedSince = Math.Min(switchedOn, SwitchedSince ?? long.MaxValue),
    };

    /// <summary>
    /// Sweeps the users that were sent in the on-period. A sweep of an earlier one comes first, and the two have no user in common: rows
    /// are not read before a sweep is complete, so that it is of users that did not change since its on-period. For the same reason no
    /// third one is ever left.
    /// </summary>
    /// <param name="switchedOn">The start of the on-period.</param>
    /// <param name="upTo">Rows above this revision are read from now on, and show that the values are null.</param>
    public CatchUpPosition SweepFrom(long switchedOn, long upTo)
    {
        var sweep = new SwitchSweep(switchedOn, AfterId: 0, upTo);
        return this with { Sweep = Sweep is { } earlier && earlier.KnownSince < switchedOn ? earlier with { Next = sweep } : sweep };
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
        // Another sweep may have joined the one of the page while the page was delivered.
        if (page.IsOfSweep && Sweep is { } sweep)
            next = next.ReadTo(page.Revision) with { Sweep = page.SweptTo is { } id ? sweep with { AfterId = id } : sweep.Next };
        // The last page of rows: everything up to its revision was delivered. While a sweep is left, tokens must stay below its switch.
        return page.Position == page.Revision && next.Sweep is null ? At(next.Position).ReadTo(next.Target) : next;
    }
}

/// <summary>
/// The users whose visible state changes when reachability is switched off. The switch touches no row, so the sweep reads the users in the
/// order of their keys.
/// </summary>
/// <param name="KnownSince">Users that became known at this revision or later may show the client a value that is null now.</param>
/// <param name="AfterId">The key of the last user that was read.</param>
/// <param name="UpTo">Users whose row has a later revision are read as rows.</param>
/// <param name="Next">The sweep of a later on-period, or null.</param>
internal sealed record SwitchSweep(long KnownSince, long AfterId, long UpTo, SwitchSweep? Next = null)
{
    /// <summary>Whether the sweep has the user with that revision of the row.</summary>
    public bool Has(UserRecord user, long revision) => user.KnownRevision >= KnownSince && revision <= UpTo;
}
