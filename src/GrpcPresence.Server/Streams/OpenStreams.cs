namespace GrpcPresence.Server.Streams;

/// <summary>The streams that are open, and how many of them stopping had to reset. Safe from any thread.</summary>
internal sealed class OpenStreams
{
    // Guards the open streams and who waits for them. A reset runs under it, so that it cannot touch a request that has ended meanwhile and was given
    // to another; nothing else is called under it.
    private readonly Lock _gate = new();
    private readonly HashSet<Stream> _open = [];
    private TaskCompletionSource? _noneOpen;
    private long _resets;

    /// <summary>How many streams were reset because they did not end in time.</summary>
    public long Resets => Volatile.Read(ref _resets);

    /// <summary>A stream was opened; it is closed when what is returned is disposed of.</summary>
    public IDisposable Open(HttpContext request)
    {
        var stream = new Stream(this, request);
        lock (_gate)
            _open.Add(stream);
        return stream;
    }

    /// <summary>Resets the streams that are open. Returns their methods.</summary>
    public IReadOnlyList<string> ResetAll()
    {
        Stream[] open;
        lock (_gate)
            open = [.. _open];
        var methods = new List<string>();
        foreach (var stream in open)
        {
            lock (_gate)
            {
                if (!_open.Contains(stream))
                    continue;
                _resets++;
                methods.Add(stream.Request.Request.Path.Value!);
                StreamReset.Refuse(stream.Request);
            }
        }
        return methods;
    }

    /// <summary>Completes when no stream is open; null when none is now.</summary>
    public Task? WhenNoneOpen()
    {
        lock (_gate)
        {
            if (_open.Count == 0)
                return null;
            _noneOpen ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _noneOpen.Task;
        }
    }

    private void Close(Stream stream)
    {
        lock (_gate)
        {
            if (!_open.Remove(stream) || _open.Count > 0)
                return;
            _noneOpen?.SetResult();
            _noneOpen = null;
        }
    }

    private sealed class Stream(OpenStreams owner, HttpContext request) : IDisposable
    {
        public HttpContext Request => request;

        public void Dispose() => owner.Close(this);
    }
}
