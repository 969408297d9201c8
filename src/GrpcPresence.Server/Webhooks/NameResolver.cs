using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Resolves the host names of webhooks. Webhooks of one name share one lookup and, for some seconds, its result. A lookup is charged to the
/// service instance that began it until the operating system gives up, long after the request timed out. So service instances whose names
/// do not resolve use up only their own lookups. Safe from any thread.
/// </summary>
/// <param name="lookup">Looks up one name.</param>
/// <param name="limit">The limit of lookups in flight.</param>
/// <param name="time">The clock.</param>
internal sealed class NameResolver(Func<string, Task<IPAddress[]>> lookup, WebhookLimit limit, TimeProvider time)
{
    /// <summary>How long addresses are used. The operating system does not report their lifetime.</summary>
    public static readonly TimeSpan ResultLifetime = TimeSpan.FromSeconds(10);

    /// <summary>How long a failed lookup is not repeated. Short, because the name may be corrected.</summary>
    public static readonly TimeSpan FailureLifetime = TimeSpan.FromSeconds(3);

    /// <summary>Results that one service instance can keep: several times its URLs.</summary>
    public const int ResultsPerTenant = 8;

    /// <summary>Results that are kept.</summary>
    public const int Results = 1024;

    /// <summary>
    /// Addresses of one family that are kept of one name, in the order in which the operating system returns them. A name may have
    /// thousands; a request has time for few.
    /// </summary>
    public const int AddressesPerFamily = 8;

    // The resolver of the operating system needs little, and this memory is only reserved.
    private const int StackBytes = 512 * 1024;

    // Guards the lookups. The limit's lock may be taken inside it. No lookup starts, and no code awaits or logs, under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Lookup> _lookups = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The number of lookups in flight and results.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _lookups.Count;
        }
    }

    private TimeSpan Now => time.GetElapsedTime(0);

    /// <summary>Looks up a name on a thread of its own, because the operating system blocks the thread until it gives up.</summary>
    public static Task<IPAddress[]> LookUpOnOwnThreadAsync(string host)
    {
        var completion = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(LookUp, StackBytes) { IsBackground = true, Name = "Webhook name lookup" };
        thread.Start();
        return completion.Task;

        void LookUp()
        {
            try
            {
                completion.SetResult(Dns.GetHostAddresses(host));
            }
#pragma warning disable CA1031 // an exception that left the thread would end the process
            catch (Exception exception)
#pragma warning restore CA1031
            {
                completion.SetException(exception);
            }
        }
    }

    /// <summary>Returns the addresses of the host, in the order in which to try them; at least one.</summary>
    /// <param name="use">What is charged for a lookup.</param>
    /// <param name="host">A name or a literal address.</param>
    /// <param name="cancellationToken">Ends the wait, not the lookup.</param>
    /// <exception cref="SocketException">The host has no address, or the lookup failed.</exception>
    /// <exception cref="PresenceException">
    /// QuotaExceeded, WebhookCapacityExceeded: too many lookups are in flight, or the system cannot start another one.
    /// </exception>
    public async Task<IPAddress[]> ResolveAsync(WebhookUse use, string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal))
            return [literal];
        var addresses = await FindLookup(use, host).WaitAsync(cancellationToken);
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.HostNotFound);
    }

    private Task<IPAddress[]> FindLookup(WebhookUse use, string host)
    {
        Lookup begun;
        lock (_gate)
        {
            if (_lookups.TryGetValue(host, out var known) && !known.IsExpiredAt(Now))
                return known.Result;
            limit.Acquire(use);
            begun = new Lookup(use);
            _lookups[host] = begun;
            Evict(use.Service);
        }
        _ = RunAsync(host, begun);
        return begun.Result;
    }

    private async Task RunAsync(string host, Lookup begun)
    {
        IPAddress[]? addresses = null;
        Exception? failure = null;
        try
        {
            addresses = [.. (await lookup(host).ConfigureAwait(false))
                .GroupBy(address => address.AddressFamily)
                .SelectMany(family => family.Take(AddressesPerFamily))];
        }
#pragma warning disable CA1031 // any failure, also of the operating system, must end the lookup, or nobody could repeat it
        catch (Exception exception)
#pragma warning restore CA1031
        {
            // Without memory or a thread for the lookup, nothing is known of the host.
            failure = exception is OutOfMemoryException or ThreadStartException ? PresenceErrors.WebhookCapacityExceeded() : exception;
        }
        lock (_gate)
            begun.ExpiresAt = Now + (addresses?.Length > 0 ? ResultLifetime : FailureLifetime);
        limit.Release(begun.Use);
        begun.End(addresses, failure);
    }

    /// <summary>
    /// Drops expired results, and the oldest ones beyond the limits: first of the service instance that began a lookup, so that it cannot
    /// drop those of others. Lookups in flight have their own limit.
    /// </summary>
    private void Evict(ServiceSid service)
    {
        var now = Now;
        foreach (var (host, old) in _lookups)
        {
            if (old.IsExpiredAt(now))
                _lookups.Remove(host);
        }
        var results = _lookups.Where(entry => entry.Value.ExpiresAt is not null).OrderBy(entry => entry.Value.ExpiresAt).ToList();
        var own = results.Where(entry => entry.Value.Use.Service == service).ToList();
        foreach (var (host, _) in own.SkipLast(ResultsPerTenant))
            _lookups.Remove(host);
        if (_lookups.Count > Results)
            _lookups.Remove(results[0].Key);
    }

    /// <summary>A lookup in flight, or its result.</summary>
    private sealed class Lookup(WebhookUse use)
    {
        private readonly TaskCompletionSource<IPAddress[]> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>What is charged for it.</summary>
        public WebhookUse Use => use;

        /// <summary>The addresses.</summary>
        public Task<IPAddress[]> Result => _completion.Task;

        /// <summary>When the result is looked up again; null while the lookup is in flight.</summary>
        public TimeSpan? ExpiresAt { get; set; }

        /// <summary>Whether the result is too old.</summary>
        public bool IsExpiredAt(TimeSpan now) => ExpiresAt is { } at && at <= now;

        /// <summary>Completes the wait of all webhooks.</summary>
        public void End(IPAddress[]? addresses, Exception? failure)
        {
            if (addresses is not null)
                _completion.SetResult(addresses);
            else
                _completion.SetException(failure!);
            _ = Result.Exception; // observed: every request may have given up
        }
    }
}
