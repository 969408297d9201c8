using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Testing;

/// <summary>The data that several <see cref="InMemoryPresenceStore"/> share, and the commits that are on their way to it.</summary>
internal sealed class SharedImage(TimeProvider time)
{
    private const int KeysAtOnce = 100; // more than a batch takes

    private volatile StoreImage _image = new();
    private long _sequence;

    /// <summary>Held while the data is changed: it is read, changed and replaced. Readers take one image and no lock.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The clock of the store.</summary>
    public TimeProvider Time => time;

    /// <summary>The committed data.</summary>
    public StoreImage Image
    {
        get => _image;
        set => _image = value;
    }

    /// <summary>The late commits, in the order in which they were sent. Guarded by the lock.</summary>
    public List<LateCommit> Late { get; } = [];

    /// <summary>The mistake that the store makes.</summary>
    public StoreMutation Mutation { get; set; }

    /// <summary>Called after each commit, with its writes and the data before and after. Called under the lock.</summary>
    public Action<BatchWrites, StoreImage, StoreImage>? Applied { get; set; }

    /// <summary>Takes some keys of a sequence, and returns the first: see <see cref="StoreMutation.KeysFromASequence"/>.</summary>
    public long TakeKeys() => Interlocked.Add(ref _sequence, KeysAtOnce) - KeysAtOnce + 1;

    /// <summary>Whether a late commit of another store holds the row of a service instance that the batch writes to.</summary>
    public bool AreRowsHeld(InMemoryPresenceStore store, BatchWrites writes)
    {
        var written = writes.Services.Select(service => service.Service.Record.Id).ToHashSet();
        return Late.Exists(late => late.HoldsRows && late.Store != store && late.Store.MayStillCommit(late.Writes)
            && late.Writes.Services.Any(service => written.Contains(service.Service.Record.Id)));
    }
}
