using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// Whether the store accepts writes, as the writer last saw it. Health and logs subscribe. Only the writer acts on it, by trying again.
/// Safe from any thread.
/// </summary>
public sealed class StorageStatus
{
    private volatile bool _isFailing;
    private volatile NodeEvictedException? _eviction;

    /// <summary>Raised on the writer's thread when the store begins to fail (with the error) and when it works again (with null).</summary>
    public event Action<PresenceException?>? Changed;

    /// <summary>
    /// Raised, on the writer's thread or another, when writing or reading changes failed because of a bug in this program.
    /// </summary>
    public event Action<Exception>? Faulted;

    /// <summary>
    /// Raised once, on the writer's thread, when the store has said that this node was evicted from its cluster. Nothing is written any
    /// more, and the node must end.
    /// </summary>
    public event Action<NodeEvictedException>? Evicted;

    /// <summary>
    /// Raised on the writer's thread, in a cluster, each time the store has refused a commit because it holds other data than the node
    /// knows: commits that were acknowledged may be lost. Nothing is written until the node knows the data of the store.
    /// </summary>
    public event Action? OtherDataFound;

    /// <summary>
    /// The data of the last commit, or that in which the writer has opened the store since, in a cluster; default before it has opened the
    /// store. Used only by the writer's thread.
    /// </summary>
    public DataIdentity Data { get; private set; }

    /// <summary>What the store said when this node was evicted; null while it was not.</summary>
    public NodeEvictedException? Eviction => _eviction;

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

    internal void ReportEviction(NodeEvictedException eviction)
    {
        if (_eviction is not null)
            return;
        _eviction = eviction;
        Evicted?.Invoke(eviction);
    }

    internal void NoteData(DataIdentity identity) => Data = identity;

    internal void ReportOtherData() => OtherDataFound?.Invoke();

    internal void ReportFault(Exception exception) => Faulted?.Invoke(exception);
}
