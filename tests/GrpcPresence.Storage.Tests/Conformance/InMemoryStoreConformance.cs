using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class InMemoryStoreConformance : PresenceStoreConformance, IDisposable
{
    private readonly InMemoryPresenceStore _store = new();

    protected override IPresenceStore Store => _store;

    public void Dispose() => _store.Dispose();

    protected override void Restart() => _store.Restart();

    protected override Action<string> OpenAnotherWriter() => name => _store.CommitFromOutside(image => image with
    {
        Services = image.Services.SetItems(image.Services.Select(service => KeyValuePair.Create(
            service.Key, service.Value with { Record = service.Value.Record with { FriendlyName = name } }))),
    });

    protected override object Backup() => _store.Image;

    protected override void Restore(object backup)
    {
        _store.Restore((StoreImage)backup);
        StoreSession.Of(_store).Reopen(); // as the writer of the next process does
    }
}
