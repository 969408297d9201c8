namespace GrpcPresence.Core.Watching;

/// <summary>A page of a catch-up, read from the store.</summary>
/// <param name="Updates">What to send; with the revision that counts as read when the update is delivered, or null.</param>
/// <param name="Advance">Notes that the page was delivered.</param>
internal sealed record ScanPage(IReadOnlyList<(UserUpdate Update, long? Revision)> Updates, Action<Watcher> Advance);
