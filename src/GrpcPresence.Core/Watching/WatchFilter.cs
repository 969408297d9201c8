using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>What a watch wants to see. Immutable.</summary>
public sealed class WatchFilter
{
    /// <summary>A filter; keys that are named twice count once.</summary>
    /// <param name="keys">The users; empty for everybody.</param>
    /// <param name="reasons">The reasons; <see cref="UpdateReasons.None"/> for all.</param>
    /// <param name="view">The fields.</param>
    public WatchFilter(IEnumerable<UserKey> keys, UpdateReasons reasons, UserView view)
    {
        Keys = [.. keys.Distinct()];
        Reasons = (reasons == UpdateReasons.None ? UpdateReasons.All : reasons) | UpdateReasons.Deleted;
        View = view;
        Hash = ComputeHash();
    }

    /// <summary>The users; empty for everybody.</summary>
    public IReadOnlyList<UserKey> Keys { get; }

    /// <summary>Whether everybody is watched.</summary>
    public bool IsEverybody => Keys.Count == 0;

    /// <summary>Whether no change is left out.</summary>
    public bool TakesAll => IsEverybody && Reasons == UpdateReasons.All;

    /// <summary>The reasons; deletions are always among them.</summary>
    public UpdateReasons Reasons { get; }

    /// <summary>The fields.</summary>
    public UserView View { get; }

    /// <summary>Tells filters apart in resume tokens: the same for the same keys in any order.</summary>
    public ulong Hash { get; }

    private ulong ComputeHash()
    {
        var text = new StringBuilder().Append((int)Reasons).Append('\n').Append((int)View);
        foreach (var key in Keys.Select(key => key.ToString()).Order(StringComparer.Ordinal))
            text.Append('\n').Append(key.Length).Append(':').Append(key);
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
