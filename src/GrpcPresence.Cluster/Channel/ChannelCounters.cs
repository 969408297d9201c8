namespace GrpcPresence.Cluster.Channel;

/// <summary>The numbers behind <see cref="ClusterTransportCounters"/>. Safe from any thread.</summary>
internal sealed class ChannelCounters
{
    private long _sent;
    private long _notInView;
    private long _full;
    private long _failedSends;
    private long _received;
    private long _unknown;
    private long _invalid;
    private long _otherRun;
    private long _overload;
    private long _failedHandlers;

    public void NoteSent() => Interlocked.Increment(ref _sent);

    public void NoteNotInView() => Interlocked.Increment(ref _notInView);

    public void NoteFull() => Interlocked.Increment(ref _full);

    public long NoteFailedSend() => Interlocked.Increment(ref _failedSends);

    public void NoteReceived() => Interlocked.Increment(ref _received);

    public void NoteUnknown(int count) => Interlocked.Add(ref _unknown, count);

    public long NoteInvalid() => Interlocked.Increment(ref _invalid);

    public void NoteOtherRun() => Interlocked.Increment(ref _otherRun);

    public void NoteOverload() => Interlocked.Increment(ref _overload);

    public long NoteFailedHandler() => Interlocked.Increment(ref _failedHandlers);

    public ClusterTransportCounters Read() => new(
        Interlocked.Read(ref _sent),
        Interlocked.Read(ref _notInView),
        Interlocked.Read(ref _full),
        Interlocked.Read(ref _failedSends),
        Interlocked.Read(ref _received),
        Interlocked.Read(ref _unknown),
        Interlocked.Read(ref _invalid),
        Interlocked.Read(ref _otherRun),
        Interlocked.Read(ref _overload),
        Interlocked.Read(ref _failedHandlers));
}
