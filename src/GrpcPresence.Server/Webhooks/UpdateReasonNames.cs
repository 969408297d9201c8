using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Update reasons as words, for everything that is not gRPC. <c>friendlyName</c>, <c>attributes</c>, <c>reachabilityOnline</c> and
/// <c>reachabilityNotifiable</c> are those of the client SDK that the REST interface comes from; the others are our own.
/// </summary>
internal static class UpdateReasonNames
{
    // In the order in which they are written.
    private static readonly (UpdateReasons Reason, string Word)[] Words =
    [
        (UpdateReasons.Created, "created"),
        (UpdateReasons.Deleted, "deleted"),
        (UpdateReasons.FriendlyName, "friendlyName"),
        (UpdateReasons.Attributes, "attributes"),
        (UpdateReasons.Role, "role"),
        (UpdateReasons.ReachabilityOnline, "reachabilityOnline"),
        (UpdateReasons.ReachabilityNotifiable, "reachabilityNotifiable"),
    ];

    /// <summary>Every word.</summary>
    public static IEnumerable<string> All => Words.Select(entry => entry.Word);

    /// <summary>The words of the reasons, in an order that is always the same.</summary>
    public static IReadOnlyList<string> Of(UpdateReasons reasons) =>
        [.. Words.Where(entry => reasons.HasFlag(entry.Reason)).Select(entry => entry.Word)];

    /// <summary>The reason of a word; false when there is none. Words are case-sensitive.</summary>
    public static bool TryParse(string? word, out UpdateReasons reason)
    {
        reason = Array.Find(Words, entry => entry.Word == word).Reason;
        return reason != UpdateReasons.None;
    }
}
