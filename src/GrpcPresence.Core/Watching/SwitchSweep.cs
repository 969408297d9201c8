namespace GrpcPresence.Core.Watching;

/// <summary>
/// What a switch of reachability leaves to send: it changes what is visible of every user who was known, and touches no row. The sweep reads those
/// users in the order of their keys. Immutable: a new switch makes a new sweep, which an old one's progress does not touch.
/// </summary>
/// <param name="KnownSince">Users who became known at this revision or later may show the client a value that is gone.</param>
/// <param name="AfterId">The key of the last user who was read.</param>
internal sealed record SwitchSweep(long KnownSince, long AfterId);
