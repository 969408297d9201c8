using System.Globalization;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Counts, logs and slows down failed authentications.
/// <list type="number">
/// <item>Valid credentials never come here. They work at full speed, also from an address where others guess: an office, or a proxy on
/// this machine.</item>
/// <item>A network has a burst of answers without delay, and one a second after that.</item>
/// <item>Beyond that, an answer waits. The number of waiting answers is limited for each network and for all: each keeps a call of several
/// kilobytes alive.</item>
/// <item>Beyond that, the answer comes at once: the error of credentials that were rejected before, because their owner repeats them and
/// learns nothing new, and QUOTA_EXCEEDED to all others.</item>
/// </list>
/// Missing credentials are not slowed down, because some clients send credentials only after a rejection. Neither are credentials that the
/// server once issued and that have expired or were revoked: their owner does not guess. Safe from any thread.
/// </summary>
internal sealed class FailedAuthentications(PresenceMetrics metrics, TimeProvider time, ILogger<FailedAuthentications> logger)
{
    private readonly LogRateLimiter<PeerNetwork> _entries = new(
        "failed_authentication",
        Limits.FailedAuthenticationEntriesPerNetwork,
        Limits.FailedAuthenticationEntries,
        metrics,
        time);

    private readonly TokenBucketOptions _prompt = new(Limits.PromptFailedAuthenticationsPerSecond, time.TimestampFrequency);
    private readonly ConcurrencyLimit _held = new(Limits.HeldFailedAuthentications);
    private readonly RecentEntries<PeerNetwork, Peer> _peers = new(Limits.FailedAuthenticationNetworks);
    private long _unlogged;

    /// <summary>The number of networks that are remembered.</summary>
    public int Networks => _peers.Count;

    /// <summary>The number of answers that wait.</summary>
    public int Held => _held.Level;

    /// <summary>Counts and logs the failure, waits if the peer has failed often, and returns the error of the answer.</summary>
    /// <param name="context">The request.</param>
    /// <param name="kind">The kind of credentials.</param>
    /// <param name="error">Why they were rejected.</param>
    /// <param name="isRepeated">Whether the same credentials were rejected before.</param>
    /// <exception cref="OperationCanceledException">The client disconnected.</exception>
    public async ValueTask<PresenceException> DelayAsync(HttpContext context, string kind, PresenceException error, bool isRepeated)
    {
        var network = PeerNetwork.Of(context.Connection.RemoteIpAddress);
        Report(network, kind, ErrorTable.NameOf(error.Reason));
        if (!RejectedCredentials.IsGuess(error.Reason))
            return error;
        var peer = PeerOf(network);
        if (peer.Prompt.TryTake(1, time.GetTimestamp(), out _))
            return error;
        if (!peer.Held.TryAdd(1))
            return isRepeated ? error : TooMany();
        if (!_held.TryAdd(1))
        {
            peer.Held.Remove(1);
            return isRepeated ? error : TooMany();
        }
        await HoldAsync(peer).WaitAsync(context.RequestAborted);
        return error;
    }

    /// <summary>
    /// Waits, and gives the places back. A client that disconnects or resets the request does not shorten the wait, so that it cannot try
    /// more often than one that waits.
    /// </summary>
    private async Task HoldAsync(Peer peer)
    {
        await Task.Delay(Limits.FailedAuthenticationDelay, time);
        _held.Remove(1);
        peer.Held.Remove(1);
    }

    private static PresenceException TooMany() => new(
        ErrorReason.QuotaExceeded, "Too many failed authentications from this address. Correct the credentials before you retry.")
    {
        Details = new Dictionary<string, string>
        {
            ["quota"] = "failed_authentications_per_second",
            ["subject"] = "address",
            ["limit"] = Limits.PromptFailedAuthenticationsPerSecond.ToString(CultureInfo.InvariantCulture),
        },
        RetryAfter = Limits.FailedAuthenticationDelay,
    };

    private void Report(PeerNetwork network, string kind, string reason)
    {
        metrics.AuthenticationFailed(kind, reason);
        Interlocked.Increment(ref _unlogged);
        if (_entries.TryAcquire(network))
            Log.AuthenticationFailed(logger, kind, network.ToString(), reason, Interlocked.Exchange(ref _unlogged, 0));
    }

    private Peer PeerOf(PeerNetwork network) =>
        _peers.TryGet(network, out var peer) ? peer : _peers.Add(network, new Peer(_prompt));

    private sealed class Peer(TokenBucketOptions prompt)
    {
        public TokenBucket Prompt { get; } = new(prompt);

        public ConcurrencyLimit Held { get; } = new(Limits.HeldFailedAuthenticationsPerNetwork);
    }
}
