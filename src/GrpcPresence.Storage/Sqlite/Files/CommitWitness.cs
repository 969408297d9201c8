using System.Buffers.Binary;

namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>
/// Notices at a start that the data went back: a backup was restored, files were copied from elsewhere, or the end of the log was lost. The
/// data alone cannot show it, because it looks as it did when it was current. So the lock file, which no backup contains, keeps the
/// timeline and the last commit. It is written after each commit and not flushed: after a power failure it may be behind the data, which
/// means nothing.
/// </summary>
internal sealed class CommitWitness(DatabaseLock held)
{
    private const int TimelineBytes = 16;
    private const int CommitAt = 2 * TimelineBytes;
    private const int Length = CommitAt + sizeof(long);

    /// <summary>
    /// Whether commits that this directory has seen are missing from the data, or the data comes from elsewhere. A lock file of an earlier
    /// version is empty and proves nothing.
    /// </summary>
    /// <param name="timeline">The last timeline in the data.</param>
    /// <param name="commit">The id of the last commit in the data.</param>
    public bool IsAheadOf(ReadOnlySpan<byte> timeline, long commit)
    {
        if (held.IsNew)
            return true;
        Span<byte> seen = stackalloc byte[Length];
        if (RandomAccess.Read(held.Handle, seen, fileOffset: 0) != Length)
            return false;
        var isOfSeenTimeline = timeline.SequenceEqual(seen[..TimelineBytes]) || timeline.SequenceEqual(seen[TimelineBytes..CommitAt]);
        return !isOfSeenTimeline || commit < BinaryPrimitives.ReadInt64LittleEndian(seen[CommitAt..]);
    }

    /// <summary>
    /// Notes the timeline that begins, before the data has it: the process may die in between, so the timeline before stays valid.
    /// </summary>
    public void Begin(ReadOnlySpan<byte> before, ReadOnlySpan<byte> timeline, long commit)
    {
        Span<byte> seen = stackalloc byte[Length];
        before.CopyTo(seen);
        timeline.CopyTo(seen[TimelineBytes..]);
        BinaryPrimitives.WriteInt64LittleEndian(seen[CommitAt..], commit);
        Write(seen, at: 0, flush: true);
    }

    /// <summary>Notes a commit. Called after it, so that the witness is never ahead of data that did not go back.</summary>
    public void Note(long commit)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, commit);
        Write(bytes, CommitAt, flush: false);
    }

    /// <summary>Makes the next start notice that a restore replaced the data, also where no server ran before.</summary>
    public void NoteRestore()
    {
        Span<byte> seen = stackalloc byte[Length];
        seen.Fill(byte.MaxValue);
        Write(seen, at: 0, flush: true);
    }

    private void Write(ReadOnlySpan<byte> bytes, int at, bool flush)
    {
        try
        {
            RandomAccess.Write(held.Handle, bytes, at);
            if (flush)
                RandomAccess.FlushToDisk(held.Handle);
        }
        catch (IOException)
        {
            // The data is unharmed. The next start may send states to webhook endpoints that they have received already.
        }
    }
}
