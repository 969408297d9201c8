namespace GrpcPresence.Core.Storage;

/// <summary>
/// How long the server has run, over all its starts. Leases and what ends with them are stored in this time, so that neither a stopped
/// server nor a change of the wall clock makes them expire.
/// </summary>
/// <param name="AliveTime">The wall time at which the server was last known to run; null before the first start.</param>
/// <param name="Total">The time for which the server had run by then, without the time between its processes.</param>
public readonly record struct ServerUptime(DateTimeOffset? AliveTime, TimeSpan Total);
