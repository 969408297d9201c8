using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The sessions of a user, in no order. The first lies within the user, because most users have one: a million of them are a million objects less.
/// Guarded by the shard's lock.
/// </summary>
internal struct SessionSet
{
    private LiveSession _first;
    private LiveSession[]? _more;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The session at the index. The reference is good until one is added or removed.</summary>
    [UnscopedRef]
    public ref LiveSession this[int index] => ref index == 0 ? ref _first : ref _more![index - 1];

    /// <summary>The index of the session; -1 when there is none.</summary>
    public readonly int IndexOf(SessionId id)
    {
        if (Count == 0)
            return -1;
        if (_first.Id == id)
            return 0;
        for (var index = 1; index < Count; index++)
        {
            if (_more![index - 1].Id == id)
                return index;
        }
        return -1;
    }

    /// <summary>Adds a session and returns its index.</summary>
    public int Add(SessionId id)
    {
        var index = Count++;
        if (index > 0 && (_more is null || index > _more.Length))
            Array.Resize(ref _more, _more is null ? 1 : _more.Length * 2);
        this[index] = new LiveSession { Id = id };
        return index;
    }

    /// <summary>Removes the session at the index; the last one takes its place.</summary>
    public void RemoveAt(int index)
    {
        var last = --Count;
        this[index] = this[last];
        this[last] = default;
        if (Count <= 1)
            _more = null;
    }
}
