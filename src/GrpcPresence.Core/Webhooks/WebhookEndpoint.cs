using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Webhooks;

/// <summary>The events of one user in the order in which they are sent: the creation, then all other changes.</summary>
/// <param name="User">The user.</param>
/// <param name="Added">The reasons of the first event; none when it is not sent.</param>
/// <param name="Updated">The reasons of the second event; none when it is not sent.</param>
internal readonly record struct UserEvents(UserState User, UpdateReasons Added, UpdateReasons Updated)
{
    /// <summary>Whether no event is sent.</summary>
    public bool IsEmpty => (Added | Updated) == UpdateReasons.None;
}

/// <summary>The outcome of the events of one user.</summary>
/// <param name="User">The user.</param>
/// <param name="Outcome">The outcome of the last event that was sent. The events after a failed or deferred one were not sent.</param>
/// <param name="IsCreationDelivered">Whether the endpoint took the creation, or refused it permanently.</param>
internal readonly record struct UserResult(UserState User, WebhookOutcome Outcome, bool IsCreationDelivered)
{
    /// <summary>Whether the events need a retry.</summary>
    public bool IsIncomplete => Outcome is WebhookOutcome.Failed or WebhookOutcome.Deferred;
}

/// <summary>
/// The endpoint of one service instance: its settings, and the circuit breaker of its URL. It delivers events of several users at a time,
/// and the events of one user one after another.
/// </summary>
/// <param name="sender">Sends one event.</param>
/// <param name="breakers">The circuit breakers of all endpoints.</param>
/// <param name="metrics">Counts attempts by outcome.</param>
/// <param name="breakerChanged">Set when the state of the circuit breaker changes.</param>
/// <param name="requestsAtOnce">The most requests at once.</param>
internal sealed class WebhookEndpoint(
    IWebhookSender sender,
    CircuitBreakers breakers,
    PresenceMetrics metrics,
    AsyncAutoResetEvent breakerChanged,
    int requestsAtOnce = Limits.WebhooksAtOnce)
{
    private CircuitBreaker? _breaker;
    private volatile bool _isOutdated; // whether the settings may have changed since they were read
    private volatile bool _isDeferred; // whether the server had no capacity
    private volatile bool _isStopped; // for good, because another node takes over

    /// <summary>The settings under which events are sent.</summary>
    public WebhookSettings Settings { get; private set; } = new();

    /// <summary>The secret that signs the events.</summary>
    public WebhookSigner Signer { get; private set; }

    /// <summary>The epoch of the revisions.</summary>
    public long Epoch { get; private set; }

    /// <summary>The circuit breaker of the URL. Settings with a URL must be applied before.</summary>
    public CircuitBreaker Breaker => _breaker ?? throw new InvalidOperationException("No URL is set.");

    /// <summary>Stops the start of further requests, because the settings may have changed. Called by any thread; does no work.</summary>
    public void MarkOutdated() => _isOutdated = true;

    /// <summary>Stops the start of further requests for good. Called by any thread; does no work.</summary>
    public void StopSending() => _isStopped = true;

    /// <summary>Allows requests again. The caller reads the settings afterwards, so that no later change goes unnoticed.</summary>
    public void MarkCurrent() => (_isOutdated, _isDeferred) = (false, false);

    /// <summary>Whether an event was deferred since the last call of <see cref="MarkCurrent"/>. No further request starts then.</summary>
    public bool IsDeferred => _isDeferred;

    /// <summary>Applies settings with a URL; returns whether the URL differs from the one before.</summary>
    public bool Apply(StoredWebhook webhook)
    {
        (Settings, Signer, Epoch) = (webhook.Settings, webhook.Signer, webhook.Epoch);
        if (_breaker?.Url == Settings.PostUrl)
            return false;
        Close();
        _breaker = breakers.Add(Settings.PostUrl, breakerChanged);
        return true;
    }

    /// <summary>Removes the circuit breaker.</summary>
    public void Close()
    {
        if (_breaker is not null)
            breakers.Remove(_breaker);
        _breaker = null;
    }

    /// <summary>Returns the events that the settings select for these changes.</summary>
    public UserEvents EventsOf(UserState user, UpdateReasons reasons) => new(
        user,
        Settings.Filters.Contains(WebhookEvents.UserAdded) ? reasons & UpdateReasons.Created : UpdateReasons.None,
        Settings.Filters.Contains(WebhookEvents.UserUpdated) ? reasons & ~UpdateReasons.Created : UpdateReasons.None);

    /// <summary>
    /// Sends the events of the users in order, until the circuit breaker rejects a user, the settings are outdated or the endpoint is
    /// stopped. Returns when all requests have ended, with one result for each user before that point. A user without events succeeds
    /// without a request.
    /// </summary>
    /// <param name="users">The users.</param>
    /// <param name="isRetry">Whether events of these users failed before.</param>
    /// <param name="cancellationToken">Cancels all requests.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled. The endpoint may have received some events.</exception>
    public async Task<IReadOnlyList<UserResult>> DeliverAsync(
        IReadOnlyList<UserEvents> users, bool isRetry, CancellationToken cancellationToken)
    {
        var results = new UserResult[users.Count];
        var started = 0;
        if (requestsAtOnce == 1) // needs no worker of the thread pool
        {
            foreach (var (index, state) in Admitted())
            {
                cancellationToken.ThrowIfCancellationRequested();
                results[index] = await SendUserAsync(users[index], state, isRetry, cancellationToken).ConfigureAwait(false);
            }
            return results[..started];
        }
        var options = new ParallelOptions { MaxDegreeOfParallelism = requestsAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Admitted(), options, async (admitted, token) =>
            results[admitted.Index] = await SendUserAsync(users[admitted.Index], admitted.State, isRetry, token).ConfigureAwait(false))
            .ConfigureAwait(false);
        return results[..started];

        // Runs on one thread at a time. The breaker is asked when a request can start, so that failures of running requests stop the rest.
        IEnumerable<(int Index, CircuitState State)> Admitted()
        {
            for (; started < users.Count; started++)
            {
                results[started] = new UserResult(users[started].User, WebhookOutcome.Taken, IsCreationDelivered: false);
                if (users[started].IsEmpty)
                    continue;
                var state = _isOutdated || _isDeferred || _isStopped ? CircuitState.Open : Breaker.Enter();
                if (state == CircuitState.Open)
                    yield break;
                yield return (started, state);
            }
        }
    }

    /// <summary>Counts a user whose events are given up after too many failures.</summary>
    public void CountGivenUp() => metrics.WebhookSent("given_up");

    private async Task<UserResult> SendUserAsync(UserEvents events, CircuitState state, bool isRetry, CancellationToken cancellationToken)
    {
        var (user, added, updated) = events;
        var result = new UserResult(user, WebhookOutcome.Taken, IsCreationDelivered: false);
        if (added != UpdateReasons.None)
        {
            var outcome = await SendAsync(WebhookEvents.UserAdded, user, added, state, isRetry, cancellationToken).ConfigureAwait(false);
            result = result with { Outcome = outcome };
            if (result.IsIncomplete)
                return result;
            state = CircuitState.Closed; // the first event was the trial request
            result = result with { IsCreationDelivered = true };
        }
        if (updated == UpdateReasons.None)
            return result;
        if (_isStopped)
            return result with { Outcome = WebhookOutcome.Deferred };
        var last = await SendAsync(WebhookEvents.UserUpdated, user, updated, state, isRetry, cancellationToken).ConfigureAwait(false);
        return result with { Outcome = last };
    }

    /// <summary>Sends one event.</summary>
    private async Task<WebhookOutcome> SendAsync(
        string eventType, UserState user, UpdateReasons reasons, CircuitState state, bool isRetry, CancellationToken cancellationToken)
    {
        WebhookOutcome? outcome = null;
        try
        {
            var delivery = new WebhookDelivery(Settings.PostUrl, Settings.Method, eventType, user, reasons)
            {
                Signer = Signer,
                Epoch = Epoch,
            };
            outcome = await sender.SendAsync(delivery, cancellationToken).ConfigureAwait(false);
            metrics.WebhookSent(TagOf(outcome.Value));
            _isDeferred |= outcome == WebhookOutcome.Deferred;
            return outcome.Value;
        }
        finally
        {
            // An exception must end the trial request as well: a trial without an end keeps the breaker open permanently.
            if (outcome is { } known)
                Breaker.Report(state, known, isRetry);
            else
                Breaker.Cancel(state);
        }
    }

    private static string TagOf(WebhookOutcome outcome) => outcome switch
    {
        WebhookOutcome.Taken => "taken",
        WebhookOutcome.Refused => "refused",
        WebhookOutcome.Deferred => "deferred",
        _ => "failed",
    };
}
