namespace GrpcPresence.Client.Watching;

/// <summary>The readers of the updates of one watch, each with a queue of its own.</summary>
internal sealed class UpdateReaders
{
    private readonly Lock _gate = new(); // guards the fields below; the queues' locks are taken inside it
    private readonly List<UpdateQueue> _queues = [];
    private bool _isCompleted;
    private Exception? _error;

    /// <summary>Adds a reader, who gets the changes from now on.</summary>
    public IAsyncEnumerable<UserUpdate> Add(CancellationToken cancellationToken)
    {
        var queue = new UpdateQueue();
        lock (_gate)
        {
            if (_isCompleted)
                queue.Complete(_error);
            else
                _queues.Add(queue);
        }
        return new Reader(this, queue, cancellationToken);
    }

    /// <summary>Gives changes to all readers.</summary>
    public void Add(IReadOnlyList<UserUpdate> changes)
    {
        lock (_gate)
        {
            foreach (var queue in _queues)
            {
                foreach (var change in changes)
                    queue.Add(change);
            }
        }
    }

    /// <summary>Ends all readers, behind what they have not read yet.</summary>
    public void Complete(Exception? error)
    {
        lock (_gate)
        {
            (_isCompleted, _error) = (true, error);
            foreach (var queue in _queues)
                queue.Complete(error);
        }
    }

    private void Remove(UpdateQueue queue)
    {
        lock (_gate)
            _queues.Remove(queue);
    }

    // Its queue belongs to one enumeration. A second one would get a part of the changes, or wait without end.
    private sealed class Reader(UpdateReaders readers, UpdateQueue queue, CancellationToken cancellationToken)
        : IAsyncEnumerable<UserUpdate>
    {
        private int _isEnumerated;

        public IAsyncEnumerator<UserUpdate> GetAsyncEnumerator(CancellationToken enumerationToken = default)
        {
            if (Interlocked.Exchange(ref _isEnumerated, 1) != 0)
                throw new InvalidOperationException("These updates are enumerated already. Call ReadUpdatesAsync for each enumeration.");
            return ReadAsync(enumerationToken).GetAsyncEnumerator(CancellationToken.None);
        }

        private async IAsyncEnumerable<UserUpdate> ReadAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken enumerationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, enumerationToken);
            try
            {
                await foreach (var update in queue.ReadAsync(either.Token).ConfigureAwait(false))
                    yield return update;
            }
            finally
            {
                readers.Remove(queue);
            }
        }
    }
}
