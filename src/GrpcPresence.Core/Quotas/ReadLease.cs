namespace GrpcPresence.Core.Quotas;

/// <summary>The lease of a read in progress. Disposing it releases the read; to be disposed of once.</summary>
internal sealed class ReadLease(UsageCounters? service, UsageCounters? caller) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        caller?.ConcurrentReads.Remove(1);
        service?.ConcurrentReads.Remove(1);
    }
}
