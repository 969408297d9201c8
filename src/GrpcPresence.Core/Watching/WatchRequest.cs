using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Watching;

/// <summary>A watch to open.</summary>
/// <param name="Service">The service instance.</param>
/// <param name="Filter">What to watch.</param>
/// <param name="StartNow">Whether to begin with changes from now on instead of a snapshot; not together with a token.</param>
/// <param name="Token">Where to go on; null to begin anew.</param>
public sealed record WatchRequest(ServiceSid Service, WatchFilter Filter, bool StartNow, ResumeToken? Token);
