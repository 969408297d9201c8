using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class InMemoryTwoWritersConformance : TwoWritersConformance, IDisposable
{
    private readonly InMemoryPresenceStore _store = new();
    private readonly InMemoryPresenceStore _other;

    public InMemoryTwoWritersConformance() => _other = _store.OpenAnotherWriter();

    protected override IPresenceStore Store => _store;

    protected override IPresenceStore Other => _other;

    public void Dispose()
    {
        _other.Dispose();
        _store.Dispose();
    }
}
