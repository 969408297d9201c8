using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Compares what callers learn about their writes with what the store has committed. Each write has an effect that no other write has:
/// a user gets a name that is used once, a tombstone appears, or the configuration counts a switch.
/// </summary>
/// <remarks>
/// An acknowledged write was committed between its request and its answer. A write that failed with a reason that says that nothing has
/// happened is never committed, also not later. Any other write is committed at most once. These hold over lost commits too: a commit that
/// a promotion has lost did happen, and nothing runs it again. At most one write to a user is in progress, because a commit that contains
/// two shows the later one only.
/// </remarks>
internal sealed class ClusterWrites(SimulatedClock clock, InMemoryPresenceStore store)
{
    private const string Configuration = ""; // the subject of a switch

    private readonly List<Write> _open = [];
    private readonly Dictionary<string, Write> _named = [];
    private readonly Dictionary<(WriteKind Kind, string Subject), Counts> _counts = [];
    private ServiceSid _service;
    private ServiceImage? _before;
    private int _last;

    /// <summary>Called when a user was deleted.</summary>
    public Action<string>? Deleted { get; set; }

    /// <summary>The number of acknowledged writes.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>Watches the commits to this service instance from now on.</summary>
    public void Begin(ServiceSid service)
    {
        _service = service;
        Forget();
    }

    /// <summary>Begins a write. Returns null if another one to the same user is in progress.</summary>
    public Write? TryBegin(WriteKind kind, string user, SimulatedNode ingress)
    {
        var subject = kind == WriteKind.Switch ? Configuration : user;
        if (kind != WriteKind.Switch && _open.Exists(other => other.Subject == subject))
            return null;
        var write = new Write(kind, subject, $"w{++_last}", ingress, clock.Now);
        if (kind is WriteKind.Create or WriteKind.Rename)
            _named.Add(write.Name, write);
        return write;
    }

    /// <summary>Notes the answer that the caller waits for.</summary>
    public void Note(Write write, Task answer)
    {
        write.Answer = answer;
        _open.Add(write);
        CountsOf(write).Possible++;
    }

    /// <summary>The process to which callers are connected has ended. They do not learn what became of their writes.</summary>
    public void Lose(SimulatedNode ingress) => _open.RemoveAll(write => write.Ingress == ingress && !write.Answer.IsCompleted);

    /// <summary>The store has other data. What differs from before was not committed now.</summary>
    public void Forget() => _before = store.Image.Get(_service);

    /// <summary>Notes what the last commit has changed. To be called after each commit.</summary>
    /// <exception cref="BrokenPromiseException">The commit contains a write that must not happen, or not again.</exception>
    public void Learn()
    {
        var (before, after) = (_before!, store.Image.Get(_service));
        if (ReferenceEquals(before, after))
            return;
        _before = after;
        if (!ReferenceEquals(before.Tombstones, after.Tombstones))
        {
            foreach (var change in after.TombstonesAfter(before.Record.Revision))
                NoteDeleted(change.State.Identity.ToString());
        }
        NoteEffects(
            WriteKind.Switch, Configuration, (int)(Switches(after.Record.Configuration) - Switches(before.Record.Configuration)));
        if (ReferenceEquals(before.Users, after.Users))
            return;
        foreach (var user in after.Users.Values)
        {
            var known = before.FindUser(new UserKey(user.Sid));
            if (!ReferenceEquals(known, user) && (known?.FriendlyName ?? "") != user.FriendlyName)
                NoteNamed(user, isNew: known is null);
        }
    }

    /// <summary>Takes the answers so far.</summary>
    /// <exception cref="BrokenPromiseException">An answer does not say what has happened.</exception>
    public void Check()
    {
        for (var i = _open.Count - 1; i >= 0; i--)
        {
            if (!_open[i].Answer.IsCompleted)
                continue;
            Take(_open[i]);
            _open.RemoveAt(i);
        }
    }

    /// <summary>Returns the configuration with one more switch. The field has no effect, because no stream closes.</summary>
    public static ServiceConfiguration CountSwitch(ServiceConfiguration configuration) =>
        configuration with { OfflineDebounce = configuration.OfflineDebounce + TimeSpan.FromTicks(1) };

    private static long Switches(ServiceConfiguration configuration) => configuration.OfflineDebounce.Ticks;

    private void Take(Write write)
    {
        write.Outcome = OutcomeOf(write.Answer);
        var counts = CountsOf(write);
        if (write.Outcome == CallerOutcome.Acknowledged)
        {
            Acknowledged++;
            counts.Acknowledged++;
            var isSeen = write.Kind is WriteKind.Create or WriteKind.Rename ? write.IsCommitted : counts.At >= write.At;
            if (!isSeen && !write.MayBeHidden)
                throw new BrokenPromiseException("Durable", $"{write} was acknowledged, and was not committed");
            if (counts.Effects < counts.Acknowledged && !write.MayBeHidden && write.Kind is WriteKind.Delete or WriteKind.Switch)
                throw new BrokenPromiseException("Durable", $"{write} was acknowledged: {counts}");
        }
        else if (write.Outcome == CallerOutcome.NotDone)
        {
            counts.Possible--;
            if (write.IsCommitted || (write.Kind is WriteKind.Delete or WriteKind.Switch && counts.Effects > counts.Possible))
                throw new BrokenPromiseException("Durable", $"{write} failed with {ReasonOf(write.Answer)}, and was committed");
        }
    }

    private void NoteNamed(UserRecord user, bool isNew)
    {
        var identity = user.Identity.ToString();
        if (!_named.TryGetValue(user.FriendlyName, out var write) || write.Subject != identity)
            throw new BrokenPromiseException("Durable", $"a commit gives {identity} the name '{user.FriendlyName}' that nobody asked for");
        if (write.Kind == WriteKind.Create && !isNew)
            throw new BrokenPromiseException("Durable", $"{write} has changed a user that existed");
        if (write.IsCommitted)
            throw new BrokenPromiseException("Durable", $"{write} was committed twice");
        if (write.Outcome == CallerOutcome.NotDone)
            throw new BrokenPromiseException("Durable", $"{write} had failed with {ReasonOf(write.Answer)}, and was committed later");
        write.IsCommitted = true;
        Hide(identity, except: write);
    }

    private void NoteDeleted(string user)
    {
        NoteEffects(WriteKind.Delete, user, 1);
        Hide(user, except: null);
        Deleted?.Invoke(user);
    }

    private void NoteEffects(WriteKind kind, string subject, int count)
    {
        if (count == 0)
            return;
        if (!_counts.TryGetValue((kind, subject), out var counts))
            throw new BrokenPromiseException("Durable", $"a {kind} of '{subject}' was committed, and nobody asked for it");
        counts.Effects += count;
        counts.At = clock.Now;
        if (count < 0 || counts.Effects > counts.Possible)
            throw new BrokenPromiseException("Durable", $"a {kind} of '{subject}' was committed twice, or after it had failed: {counts}");
    }

    /// <summary>
    /// A write of unknown outcome may be in the same commit as one that is in progress, and then only the later one can be seen.
    /// </summary>
    private void Hide(string subject, Write? except)
    {
        foreach (var other in _open)
            other.MayBeHidden |= other != except && other.Subject == subject && other.Kind is WriteKind.Create or WriteKind.Rename;
    }

    private Counts CountsOf(Write write)
    {
        if (!_counts.TryGetValue((write.Kind, write.Subject), out var counts))
            _counts[(write.Kind, write.Subject)] = counts = new Counts();
        return counts;
    }

    private static CallerOutcome OutcomeOf(Task answer)
    {
        if (answer.IsCompletedSuccessfully)
            return CallerOutcome.Acknowledged;
        return ReasonOf(answer) switch
        {
            ErrorReason.OutcomeUnknown or ErrorReason.StorageUnavailable or ErrorReason.ServerStopping => CallerOutcome.Unknown,
            ErrorReason.OwnerUnavailable or ErrorReason.UserNotFound or ErrorReason.UserAlreadyExists => CallerOutcome.NotDone,
            _ => throw new InvalidOperationException("A write has failed as no write may fail.", answer.Exception),
        };
    }

    private static ErrorReason? ReasonOf(Task answer) => (answer.Exception?.InnerException as PresenceException)?.Reason;

    /// <summary>A write of a caller.</summary>
    internal sealed class Write(WriteKind kind, string subject, string name, SimulatedNode ingress, TimeSpan at)
    {
        public WriteKind Kind => kind;

        public string Subject => subject;

        public string Name => name;

        public SimulatedNode Ingress => ingress;

        public TimeSpan At => at;

        public Task Answer { get; set; } = Task.CompletedTask;

        public CallerOutcome? Outcome { get; set; }

        /// <summary>Whether a commit has shown it. Only of writes that give a name.</summary>
        public bool IsCommitted { get; set; }

        /// <summary>Whether another write may have hidden it in the same commit.</summary>
        public bool MayBeHidden { get; set; }

        public override string ToString() => $"{Kind} {Name} of '{Subject}', asked at {At},";
    }

    /// <summary>The numbers of writes of one kind to one subject, whose effects look the same.</summary>
    private sealed class Counts
    {
        public int Possible { get; set; } // all but those that did not happen

        public int Acknowledged { get; set; }

        public int Effects { get; set; }

        public TimeSpan At { get; set; } = TimeSpan.MinValue; // of the last effect

        public override string ToString() => $"{Acknowledged} were acknowledged, {Possible} may have happened, {Effects} have";
    }
}

/// <summary>The kinds of writes.</summary>
internal enum WriteKind
{
    /// <summary>A user is created, under a name that is used once.</summary>
    Create,

    /// <summary>A user gets a name that is used once.</summary>
    Rename,

    /// <summary>A user is deleted.</summary>
    Delete,

    /// <summary>Reachability is switched, and the configuration counts it.</summary>
    Switch,
}

/// <summary>What a caller learns about a write.</summary>
internal enum CallerOutcome
{
    /// <summary>It has happened.</summary>
    Acknowledged,

    /// <summary>It has not happened, and will not.</summary>
    NotDone,

    /// <summary>It may have happened, or may happen later.</summary>
    Unknown,
}
