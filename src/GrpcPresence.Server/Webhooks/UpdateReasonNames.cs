using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// The names of update reasons outside gRPC. <c>friendlyName</c>, <c>attributes</c>, <c>reachabilityOnline</c> and
/// <c>reachabilityNotifiable</c> are the names that the Twilio Conversations client SDK uses; the others are our own.
/// </summary>
internal static class UpdateReasonNames
{
    // The order in which the names are written.
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

    /// <summary>All names.</summary>
    public static IEnumerable<string> All => Words.Select(entry => entry.Word);

    /// <summary>Returns the names of the reasons, always in the same order.</summary>
    public static IReadOnlyList<string> Of(UpdateReasons reasons) =>
        [.. Words.Where(entry => reasons.HasFlag(entry.Reason)).Select(entry => entry.Word)];

    /// <summary>Parses a name. Names are case-sensitive.</summary>
    public static bool TryParse(string? word, out UpdateReasons reason)
    {
        reason = Array.Find(Words, entry => entry.Word == word).Reason;
        return reason != UpdateReasons.None;
    }
}
