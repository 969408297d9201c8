using GrpcPresence.V1;

namespace GrpcPresence.Client.Watching;

/// <summary>Makes the request of a watch.</summary>
internal static class WatchRequests
{
    // A change of a field outside the view would be an update that shows nothing.
    private static readonly UpdateReason[] OfReachability =
    [
        UpdateReason.Created, UpdateReason.Deleted, UpdateReason.ReachabilityOnline, UpdateReason.ReachabilityNotifiable,
    ];

    private static readonly UpdateReason[] OfProfile =
    [
        UpdateReason.Created, UpdateReason.Deleted, UpdateReason.FriendlyName, UpdateReason.Attributes, UpdateReason.Role,
    ];

    /// <summary>Returns the reasons to ask for; empty for all.</summary>
    public static IReadOnlyList<UpdateReason> ReasonsOf(WatchOptions options) => options switch
    {
        { Reasons.Count: > 0 } => options.Reasons,
        { View: UserView.Reachability } => OfReachability,
        { View: UserView.Basic } => OfProfile,
        _ => [],
    };

    /// <summary>Returns the request that resumes from the token, or begins with a snapshot.</summary>
    public static WatchUsersRequest Create(string serviceSid, WatchOptions options, string resumeToken)
    {
        var request = new WatchUsersRequest { ServiceSid = serviceSid, View = options.View, ResumeToken = resumeToken };
        request.UserKeys.AddRange(options.UserKeys);
        request.Reasons.AddRange(ReasonsOf(options));
        return request;
    }
}
