using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Writing;

/// <summary>What a writer answers and publishes when another one has committed between its read and its commit.</summary>
public sealed class TwoWriterTests : IDisposable
{
    private static readonly WriterStep CreateAda = new(WriterAct.Create, A: 0, B: 1, C: 0);
    private static readonly WriterStep CreateBob = new(WriterAct.Create, A: 1, B: 1, C: 0);
    private static readonly WriterStep SetWebhook = new(WriterAct.SetWebhook, A: 0, B: 1, C: 1);

    private readonly InMemoryPresenceStore _store = new();
    private readonly InMemoryPresenceStore _other;
    private readonly IPresenceStore _interleaved;
    private WriterRun? _first;
    private WriterRun? _second;

    public TwoWriterTests()
    {
        _other = _store.OpenAnotherWriter();
        _interleaved = InterleavedStore.Over(_store);
    }

    public void Dispose()
    {
        _first?.Dispose();
        _second?.Dispose();
        _other.Dispose();
        _store.Dispose();
    }

    [Fact]
    public async Task An_answer_has_the_revision_that_is_stored()
    {
        var answers = await WriteAsync([CreateAda], other: [CreateBob]);

        var ada = (await _store.ListChangesAsync(WriterRun.Lasting, 0, 10, default)).Changes[^1];
        Assert.Equal(CreateAda.User, ada.State.Identity.ToString());
        Assert.Equal([$"revision {ada.Revision}"], answers);
    }

    [Fact]
    public async Task What_is_published_has_the_revisions_that_are_stored()
    {
        await WriteAsync([CreateAda], other: [CreateBob]);

        var stored = (await _store.ListChangesAsync(WriterRun.Lasting, 0, 10, default)).Changes;
        var published = _first!.Changes.Concat(_second!.Changes)
            .Where(change => change.User is not null).OrderBy(change => change.Revision);
        Assert.Equal(
            stored.Select(change => (change.Revision, (Identity?)change.State.Identity)),
            published.Select(change => (change.Revision, change.User)));
    }

    [Fact]
    public async Task A_new_URL_receives_no_earlier_event()
    {
        await WriteAsync([CreateAda, SetWebhook], other: [CreateBob]);

        var service = await _store.FindServiceAsync(WriterRun.Lasting, default);
        Assert.Equal(service!.Revision, (await _store.FindWebhookAsync(WriterRun.Lasting, default))!.Position.Revision);
    }

    private async Task<IReadOnlyList<string>> WriteAsync(WriterStep[] steps, WriterStep[] other)
    {
        _first = await WriterRun.StartAsync(_interleaved, publishesUsers: true);
        _second = WriterRun.Join(_other);
        InterleavedStore.BeforeNextCommit(_interleaved, () => _second.WriteTogetherAsync(other).GetAwaiter().GetResult());
        return await _first.WriteTogetherAsync(steps);
    }
}
