using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

/// <summary>Gives its items, then ends or fails.</summary>
internal sealed class FakeStreamReader<T>(IEnumerable<T> items, Exception? failure = null) : IAsyncStreamReader<T>
{
    private readonly IEnumerator<T> _items = items.GetEnumerator();

    public CancellationToken LastToken { get; private set; }

    public T Current => _items.Current;

    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        LastToken = cancellationToken;
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled<bool>(cancellationToken);

        if (_items.MoveNext())
            return Task.FromResult(true);

        return failure is null ? Task.FromResult(false) : Task.FromException<bool>(failure);
    }
}
