using System.Net;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Sends the requests of each service instance over connections of its own. With shared connections, requests of one service instance to
/// the receiver of another could occupy the other's connections, and the limit of connections would be charged to the wrong one. Safe from
/// any thread.
/// </summary>
/// <param name="newHandler">Creates a handler for a service instance, which connects with the delegate.</param>
/// <param name="limit">The limit of connections.</param>
/// <param name="time">The clock.</param>
internal sealed class WebhookConnectionPools(
    Func<ServiceSid, ConnectAddress, HttpMessageHandler> newHandler, WebhookLimit limit, TimeProvider time) : HttpMessageHandler
{
    /// <summary>The request option that names the service instance.</summary>
    public static readonly HttpRequestOptionsKey<ServiceSid> Service = new(nameof(Service));

    /// <summary>Unused pools of one service instance: one for each of its two URLs. A pool of an earlier URL closes.</summary>
    public const int UnusedPerTenant = 2;

    /// <summary>How long an unused pool is kept. Its connections close earlier.</summary>
    public static readonly TimeSpan UnusedLifetime = TimeSpan.FromMinutes(1);

    // Guards the pools. No code disposes of a pool, awaits or logs under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<(ServiceSid Service, string Origin), Pool> _pools = [];

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
        request.Options.TryGetValue(Service, out var service);
        var pool = Rent(service, request.RequestUri!.GetLeftPart(UriPartial.Authority));
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

    private Pool Rent(ServiceSid service, string origin)
    {
        List<Pool> unused = [];
        Pool? pool;
        lock (_gate)
        {
            if (!_pools.TryGetValue((service, origin), out pool))
            {
                unused = RemoveUnused(service);
                pool = new Pool(new HttpMessageInvoker(newHandler(service, (endpoint, token) => ConnectAsync(service, endpoint, token))));
                _pools[(service, origin)] = pool;
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

    /// <summary>Removes old pools, and those of earlier URLs of the service instance.</summary>
    private List<Pool> RemoveUnused(ServiceSid service)
    {
        var unused = _pools.Where(entry => entry.Value.Users == 0).ToList();
        var own = unused.Where(entry => entry.Key.Service == service).OrderBy(entry => entry.Value.LastUse).SkipLast(UnusedPerTenant - 1);
        var removed = unused.Where(entry => time.GetElapsedTime(entry.Value.LastUse) >= UnusedLifetime).Union(own).ToList();
        foreach (var (key, _) in removed)
            _pools.Remove(key);
        return [.. removed.Select(entry => entry.Value)];
    }

    private async Task<Stream> ConnectAsync(ServiceSid service, IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        try
        {
            limit.Acquire(service);
        }
        catch (PresenceException)
        {
            // Idle connections give way: the service instance's own, and those of the others only if no connection is free.
            var isExhausted = limit.IsExhausted;
            Close(key => isExhausted || key == service);
            limit.Acquire(service);
        }
        return await WebhookConnection.OpenAsync(endpoint, () => limit.Release(service), cancellationToken);
    }

    /// <summary>Closes the pools without requests of these service instances.</summary>
    private void Close(Func<ServiceSid, bool> isChosen)
    {
        List<Pool> closed;
        lock (_gate)
        {
            var chosen = _pools.Where(entry => entry.Value.Users == 0 && isChosen(entry.Key.Service)).ToList();
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

    /// <summary>The connections of one service instance to one origin.</summary>
    private sealed class Pool(HttpMessageInvoker invoker)
    {
        public HttpMessageInvoker Invoker => invoker;

        /// <summary>Requests that wait for a response.</summary>
        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}
