using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Watching;

/// <summary>A watch to open.</summary>
/// <param name="Service">The service instance.</param>
/// <param name="Filter">The users and changes to watch.</param>
/// <param name="StartNow">Whether to start with changes from now on instead of a snapshot. Not together with a token.</param>
/// <param name="Token">Where to resume; null to start without earlier state.</param>
public sealed record WatchRequest(ServiceSid Service, WatchFilter Filter, bool StartNow, ResumeToken? Token)
{
    /// <summary>Returns why the watch has to start with a snapshot; null if it resumes from the token or starts now.</summary>
    internal async ValueTask<ResetReason?> FindResetAsync(IStoreReader store, ServiceRecord service, CancellationToken cancellationToken)
    {
        if (Token is not { } token)
            return StartNow ? null : ResetReason.Initial;
        if (token.FilterHash != Filter.Hash)
            return ResetReason.FilterChanged;
        var end = await store.FindTimelineEndAsync(service, token.StoreTimelineOf(service), cancellationToken).ConfigureAwait(false);
        if (end is null || Math.Max(token.Position, token.Newest) > end)
            return ResetReason.TimelineChanged;
        // Purged tombstones are noticed later, when the catch-up reads the store.
        return token.Base < service.Configuration.SwitchRevision ? ResetReason.ReachabilitySwitched : null;
    }
}
