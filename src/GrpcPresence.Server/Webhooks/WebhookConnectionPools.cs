using System.Net;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Sends the requests of each use of each service instance over connections of its own. With shared connections, requests of one service
/// instance to the receiver of another could occupy the other's connections, and the limit of connections would be charged to the wrong
/// one. Safe from any thread.
/// </summary>
/// <param name="newHandler">Creates a handler for a use, which connects with the delegate.</param>
/// <param name="limit">The limit of connections.</param>
/// <param name="time">The clock.</param>
internal sealed class WebhookConnectionPools(
    Func<WebhookUse, ConnectAddress, HttpMessageHandler> newHandler, WebhookLimit limit, TimeProvider time) : HttpMessageHandler
{
    /// <summary>The request option that names what is charged.</summary>
    public static readonly HttpRequestOptionsKey<WebhookUse> Use = new(nameof(Use));

    /// <summary>How long an unused pool is kept. Its connections close earlier.</summary>
    public static readonly TimeSpan UnusedLifetime = TimeSpan.FromMinutes(1);

    // Guards the pools. No code disposes of a pool, awaits or logs under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<(WebhookUse Use, string Origin), Pool> _pools = [];

    /// <summary>The number of pools.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _pools.Count;
        }
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Options.TryGetValue(Use, out var use);
        var pool = Rent(use, request.RequestUri!.GetLeftPart(UriPartial.Authority));
        try
        {
            return await pool.Invoker.SendAsync(request, cancellationToken);
        }
        finally
        {
            Return(pool);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Close(_ => true);
        base.Dispose(disposing);
    }

    private Pool Rent(WebhookUse use, string origin)
    {
        List<Pool> unused = [];
        Pool? pool;
        lock (_gate)
        {
            if (!_pools.TryGetValue((use, origin), out pool))
            {
                unused = RemoveUnused(use);
                pool = new Pool(new HttpMessageInvoker(newHandler(use, (endpoint, token) => ConnectAsync(use, endpoint, token))));
                _pools[(use, origin)] = pool;
            }
            pool.Users++;
        }
        Dispose(unused);
        return pool;
    }

    private void Return(Pool pool)
    {
        lock (_gate)
        {
            pool.Users--;
            pool.LastUse = time.GetTimestamp();
        }
    }

    /// <summary>Removes old pools, and those of earlier URLs of the use.</summary>
    private List<Pool> RemoveUnused(WebhookUse use)
    {
        var unused = _pools.Where(entry => entry.Value.Users == 0).ToList();
        var removed = unused
            .Where(entry => entry.Key.Use == use || time.GetElapsedTime(entry.Value.LastUse) >= UnusedLifetime)
            .ToList();
        foreach (var (key, _) in removed)
            _pools.Remove(key);
        return [.. removed.Select(entry => entry.Value)];
    }

    private async Task<Stream> ConnectAsync(WebhookUse use, IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        if (!limit.TryAcquire(use))
        {
            // Idle connections give way: the use's own, and those of the others only if no connection is free.
            var isExhausted = limit.IsExhausted;
            Close(key => isExhausted || key == use);
            limit.Acquire(use);
        }
        return await WebhookConnection.OpenAsync(endpoint, () => limit.Release(use), cancellationToken);
    }

    /// <summary>Closes the pools without requests of these uses.</summary>
    private void Close(Func<WebhookUse, bool> isChosen)
    {
        List<Pool> closed;
        lock (_gate)
        {
            var chosen = _pools.Where(entry => entry.Value.Users == 0 && isChosen(entry.Key.Use)).ToList();
            foreach (var (key, _) in chosen)
                _pools.Remove(key);
            closed = [.. chosen.Select(entry => entry.Value)];
        }
        Dispose(closed);
    }

    private static void Dispose(List<Pool> pools)
    {
        foreach (var pool in pools)
            pool.Invoker.Dispose();
    }

    /// <summary>The connections of one use to one origin.</summary>
    private sealed class Pool(HttpMessageInvoker invoker)
    {
        public HttpMessageInvoker Invoker => invoker;

        /// <summary>Requests that wait for a response.</summary>
        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}
