using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing;

/// <summary>Whether the store takes writes, as the writer last saw it. Health and logs listen; only the writer decides by it, to try again. Safe from any thread.</summary>
public sealed class StorageStatus
{
    private volatile bool _isFailing;

    /// <summary>Raised on the writer's thread when the store begins to fail (with the fault) and when it works again (with null).</summary>
    public event Action<PresenceException?>? Changed;

    /// <summary>Raised, on the writer's thread or another, when writing or reading changes failed for a reason that is a fault of this program.</summary>
    public event Action<Exception>? Faulted;

    /// <summary>Whether the last try failed.</summary>
    public bool IsFailing => _isFailing;

    internal void Report(PresenceException? fault)
    {
        var isFailing = fault is not null;
        if (isFailing == _isFailing)
            return;
        _isFailing = isFailing;
        Changed?.Invoke(fault);
    }

    internal void ReportFault(Exception fault) => Faulted?.Invoke(fault);
}
