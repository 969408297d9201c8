using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>The users and the changes that a watch selects. Immutable.</summary>
public sealed class WatchFilter
{
    /// <summary>Creates a filter. A key that is given twice counts once.</summary>
    /// <param name="keys">The users; empty for all users.</param>
    /// <param name="reasons">The reasons; <see cref="UpdateReasons.None"/> for all.</param>
    /// <param name="view">The fields to send.</param>
    public WatchFilter(IEnumerable<UserKey> keys, UpdateReasons reasons, UserView view)
    {
        Keys = [.. keys.Distinct()];
        Reasons = (reasons == UpdateReasons.None ? UpdateReasons.All : reasons) | UpdateReasons.Deleted;
        View = view;
        Hash = ComputeHash();
    }

    /// <summary>The users; empty for all users.</summary>
    public IReadOnlyList<UserKey> Keys { get; }

    /// <summary>Whether all users are watched.</summary>
    public bool WatchesAllUsers => Keys.Count == 0;

    /// <summary>Whether every change of every user is selected, so that the watch can share messages with others.</summary>
    public bool TakesAll => WatchesAllUsers && Reasons == UpdateReasons.All;

    /// <summary>The reasons. Deletions are always included, so that a client can drop the user.</summary>
    public UpdateReasons Reasons { get; }

    /// <summary>The fields to send.</summary>
    public UserView View { get; }

    /// <summary>Identifies the filter in resume tokens. The order of the keys does not matter.</summary>
    public ulong Hash { get; }

    private ulong ComputeHash()
    {
        var text = new StringBuilder().Append((int)Reasons).Append('\n').Append((int)View);
        foreach (var key in Keys.Select(key => key.ToString()).Order(StringComparer.Ordinal))
            text.Append('\n').Append(key.Length).Append(':').Append(key);
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
