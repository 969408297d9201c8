using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Webhooks;

/// <summary>Tells a receiver of users: several users at a time, the events of one user one after another.</summary>
internal sealed class Receiver(WebhookSettings settings, Circuit circuit, IWebhookSender sender, PresenceMetrics metrics, Func<bool> isOutdated)
{
    /// <summary>The circuit that decides what is let through.</summary>
    public Circuit Circuit => circuit;

    /// <summary>By what is told.</summary>
    public WebhookSettings Settings => settings;

    /// <summary>What fires for the reasons.</summary>
    public UserEvents EventsOf(UserState user, UpdateReasons reasons) => UserEvents.Of(user, reasons, settings);

    /// <summary>
    /// Begins with the users in their order until the circuit lets one not through or the settings are outdated, and returns when all who were begun are done with: what became of each
    /// of them, in the same order. Whose events are none is passed without being sent.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; what was told meanwhile is not known.</exception>
    public async Task<IReadOnlyList<UserResult>> TellAsync(
        IReadOnlyList<UserEvents> users, Func<UserState, bool> isRepeat, CancellationToken cancellationToken)
    {
        var results = new UserResult[users.Count];
        var passed = 0;
        var options = new ParallelOptions { MaxDegreeOfParallelism = Limits.WebhooksAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Admitted(), options, async (admitted, token) =>
            results[admitted.Index] = await TellAsync(users[admitted.Index], admitted.Permit, isRepeat, token).ConfigureAwait(false))
            .ConfigureAwait(false);
        return results[..passed];

        // Never on two threads at once, but on any. A permit is taken when a place is free, so that what fails meanwhile stops the rest.
        IEnumerable<(int Index, Permit Permit)> Admitted()
        {
            for (; passed < users.Count; passed++)
            {
                results[passed] = new UserResult(users[passed], HasFailed: false, IsCreationTold: false);
                if (users[passed].IsEmpty)
                    continue;
                var permit = isOutdated() ? Permit.None : circuit.Enter();
                if (permit == Permit.None)
                    yield break;
                yield return (passed, permit);
            }
        }
    }

    private async Task<UserResult> TellAsync(UserEvents events, Permit permit, Func<UserState, bool> isRepeat, CancellationToken cancellationToken)
    {
        var isCreationTold = false;
        if (events.Added != UpdateReasons.None)
        {
            if (!await TellAsync(WebhookEvents.UserAdded, events.User, events.Added, permit, isRepeat, cancellationToken).ConfigureAwait(false))
                return new UserResult(events, HasFailed: true, isCreationTold);
            permit = Permit.Free;
            isCreationTold = true;
        }
        var isTold = events.Updated == UpdateReasons.None
            || await TellAsync(WebhookEvents.UserUpdated, events.User, events.Updated, permit, isRepeat, cancellationToken).ConfigureAwait(false);
        return new UserResult(events, HasFailed: !isTold, isCreationTold);
    }

    /// <summary>Whether the event is done with.</summary>
    private async Task<bool> TellAsync(
        string eventType, UserState user, UpdateReasons reasons, Permit permit, Func<UserState, bool> isRepeat, CancellationToken cancellationToken)
    {
        WebhookOutcome? outcome = null;
        try
        {
            var delivery = new WebhookDelivery(settings.PostUrl, settings.Method, eventType, user, reasons);
            outcome = await sender.SendAsync(delivery, cancellationToken).ConfigureAwait(false);
            metrics.WebhookSent(OutcomeNames.Of(outcome.Value));
            return outcome != WebhookOutcome.Failed;
        }
        finally
        {
            // Also after a fault: a trial that nobody ends would keep the circuit open for ever.
            if (outcome is { } known)
                circuit.Report(permit, known, isRepeat(user));
            else
                circuit.GiveUp(permit);
        }
    }
}
