using System.Buffers.Text;
using System.Text.Json;
using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Connections;

/// <summary>
/// The credentials of the calls of one user, or of all users with an API key. An access token is asked for before the first call, again
/// a while before it expires, and after the server rejected it. One loop makes the calls; the timer of an open stream may renew meanwhile.
/// With an API key all loops of a client share it.
/// </summary>
internal sealed class CallAuthorization(PresenceCredentials credentials, string identity, TimeProvider time, Random random)
{
    // A provider that waits longer than that counts as failed, so that it stops neither heartbeats nor disposal.
    private static readonly TimeSpan ProviderTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestMargin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromSeconds(1);

    // How long servers may not know an API key that has worked: one that was restored, or has just started, learns of it. After that, the
    // key or its secret is gone.
    private static readonly TimeSpan LongestUnknown = TimeSpan.FromMinutes(5);

    private volatile Token? _token;
    private volatile bool _isFresh;
    private string? _presented; // by the last call
    private bool _wasAccepted;
    private bool _wasRejected;
    private long _unknownSince; // ticks of the first rejection of an API key since it was accepted; 0 without one

    /// <summary>Whether a rejected call may succeed with new credentials.</summary>
    public bool IsRenewable => credentials.Provider is not null;

    /// <summary>
    /// Whether the last call was the first one with its token. If the server rejects such a token for its content, the next one will not
    /// do better.
    /// </summary>
    public bool WasFresh { get; private set; }

    /// <summary>How long the present token can still be used before another one must be asked for; null without end.</summary>
    public TimeSpan? RenewIn => _token?.RenewAt is { } at ? Durations.Max(at - time.GetUtcNow(), TimeSpan.Zero) : null;

    /// <summary>
    /// Whether the next call may succeed after the server rejected the present credentials. Once a call has succeeded, the program has
    /// credentials that are right: the provider may have a bad moment, or a node that has just joined or was restored may not know their
    /// key yet. So what they keep alive does not end. An API key that was revoked stays revoked, and one that no
    /// server has known for <see cref="LongestUnknown"/> is gone. Before, a provider may have kept a token
    /// for longer than its key was valid. But if the second one in a row is rejected, the program has to hear of it.
    /// </summary>
    public bool CanRetryAfter(CallError error) => IsRenewable
        ? _wasAccepted || !WasFresh || error.Reason switch
        {
            ErrorReason.AccessTokenExpired or ErrorReason.AccessTokenNotYetValid => true,
            ErrorReason.ApiKeyRevoked => !_wasRejected,
            _ => false,
        }
        : _wasAccepted && error.Reason == ErrorReason.CredentialsInvalid
            && UnknownFor() < LongestUnknown;

    /// <summary>Returns the metadata of a call. Asks the provider for a token if the present one is about to expire.</summary>
    /// <exception cref="CredentialsException">The provider failed, and no valid token is left.</exception>
    /// <exception cref="OperationCanceledException">The call was given up.</exception>
    public async ValueTask<Metadata> GetAsync(CancellationToken cancellationToken)
    {
        var metadata = new Metadata();
        if (credentials.Provider is not null)
        {
            if (_token is null || RenewIn == TimeSpan.Zero)
                await TryRenewAsync(cancellationToken).ConfigureAwait(false);
            _presented = _token?.Value;
            metadata.Add("authorization", $"Bearer {_presented}");
        }
        else if (credentials.Header is { } header)
        {
            metadata.Add("authorization", header);
        }
        (WasFresh, _isFresh) = (_isFresh, false);
        return metadata;
    }

    /// <summary>
    /// Asks the provider for a token now. False if it failed or returned the same token, and the present one is still valid.
    /// </summary>
    /// <exception cref="CredentialsException">The provider failed, and no valid token is left.</exception>
    /// <exception cref="OperationCanceledException">The call was given up.</exception>
    public async Task<bool> TryRenewAsync(CancellationToken cancellationToken)
    {
        var before = _token;
        try
        {
            var value = await AskAsync(cancellationToken).ConfigureAwait(false);
            if (string.IsNullOrEmpty(value))
                throw new InvalidOperationException("The provider of access tokens returned no token.");
            if (value != before?.Value)
            {
                var now = time.GetUtcNow();
                var expireAt = ExpiryOf(value);
                // By a wrong clock the token may look expired. The server decides, so it is tried.
                _token = new Token(value, expireAt, expireAt is { } end && end > now ? RenewAt(now, end) : null);
                _isFresh = true;
                return true;
            }
        }
        catch (Exception failed)
        {
            // A provider that is cancelled may throw anything, such as the RpcException of a call of its own.
            if (cancellationToken.IsCancellationRequested)
                throw new OperationCanceledException(failed.Message, failed, cancellationToken);
            if (before is null || before.ExpireAt <= time.GetUtcNow())
                throw new CredentialsException(failed);
        }
        RetryLater(before);
        return false;
    }

    private TimeSpan UnknownFor()
    {
        var now = time.GetUtcNow().UtcTicks;
        var since = Interlocked.CompareExchange(ref _unknownSince, now, comparand: 0);
        return TimeSpan.FromTicks(since == 0 ? 0 : now - since);
    }

    /// <summary>The server accepted the credentials.</summary>
    public void NoteAccepted()
    {
        _wasAccepted = true;
        Volatile.Write(ref _unknownSince, 0);
    }

    /// <summary>Forgets the token, because the server rejected it. A token that has taken its place meanwhile stays.</summary>
    public void Forget()
    {
        _wasRejected = true;
        if (_token?.Value == _presented)
            _token = null;
    }

    // The provider may also block its thread, which can be the one of all timers, or ignore that it is cancelled.
    private async Task<string> AskAsync(CancellationToken cancellationToken)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var asked = Task.Run(() => credentials.Provider!(identity, stop.Token), CancellationToken.None);
        try
        {
            return await asked.WaitAsync(ProviderTimeout, time, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            stop.CancelAndDispose();
            // A failure that comes later is not looked at.
            if (!asked.IsCompleted)
            {
                _ = asked.ContinueWith(
                    static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            }
        }
    }

    // One to two tenths of the lifetime before the end, and at most two minutes. Users whose tokens end together do not renew together.
    private DateTimeOffset RenewAt(DateTimeOffset now, DateTimeOffset end) =>
        end - (Durations.Min((end - now) / 10, LongestMargin) * (1 + random.NextDouble()));

    // The present token still works. The next attempt comes soon, but not at once.
    private void RetryLater(Token? present)
    {
        if (present is { ExpireAt: { } end })
            _token = present with { RenewAt = time.GetUtcNow() + Durations.Max((end - time.GetUtcNow()) / 2, ShortestRetry) };
    }

    private static DateTimeOffset? ExpiryOf(string token)
    {
        var parts = token.Split('.');
        if (parts.Length != 3)
            return null;
        try
        {
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            return claims.RootElement.TryGetProperty("exp", out var seconds) && seconds.TryGetInt64(out var end)
                ? DateTimeOffset.FromUnixTimeSeconds(end)
                : null;
        }
        catch (Exception malformed) when (
            malformed is JsonException or FormatException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            return null; // The server says what is wrong with it.
        }
    }

    private sealed record Token(string Value, DateTimeOffset? ExpireAt, DateTimeOffset? RenewAt);
}

/// <summary>
/// The provider of access tokens failed. The message names only the type of the error, because it is logged as a warning, and the text of a
/// program's exception may contain identities or tokens.
/// </summary>
internal sealed class CredentialsException(Exception cause)
    : Exception($"The provider of access tokens failed: {cause.GetType()}.", cause);
