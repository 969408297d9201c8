using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// Whether the store accepts writes, as the writer last saw it. Health and logs subscribe. Only the writer acts on it, by trying again.
/// Safe from any thread.
/// </summary>
public sealed class StorageStatus
{
    private volatile bool _isFailing;

    /// <summary>Raised on the writer's thread when the store begins to fail (with the error) and when it works again (with null).</summary>
    public event Action<PresenceException?>? Changed;

    /// <summary>
    /// Raised, on the writer's thread or another, when writing or reading changes failed because of a bug in this program.
    /// </summary>
    public event Action<Exception>? Faulted;

    /// <summary>Whether the last attempt failed.</summary>
    public bool IsFailing => _isFailing;

    internal void Report(PresenceException? error)
    {
        var isFailing = error is not null;
        if (isFailing == _isFailing)
            return;
        _isFailing = isFailing;
        Changed?.Invoke(error);
    }

    internal void ReportFault(Exception exception) => Faulted?.Invoke(exception);
}
