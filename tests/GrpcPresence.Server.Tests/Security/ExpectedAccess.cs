using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>A row of the authorization matrix: the callers that may call a method.</summary>
/// <param name="DeploymentKeys">The roles of keys for the whole deployment that may call it.</param>
/// <param name="InstanceKeys">The roles of keys for one service instance that may call it for that service instance.</param>
/// <param name="EndUser">The users about whom an end user may call it.</param>
internal sealed record ExpectedAccess(ApiKeyRole[] DeploymentKeys, ApiKeyRole[] InstanceKeys, EndUserTarget[] EndUser)
{
    public bool Allows(TestCaller caller) => caller switch
    {
        TestCaller.DeploymentAdminKey => DeploymentKeys.Contains(ApiKeyRole.Admin),
        TestCaller.DeploymentServiceKey => DeploymentKeys.Contains(ApiKeyRole.Service),
        TestCaller.DeploymentReadKey => DeploymentKeys.Contains(ApiKeyRole.Read),
        TestCaller.InstanceAdminKey => InstanceKeys.Contains(ApiKeyRole.Admin),
        TestCaller.InstanceServiceKey => InstanceKeys.Contains(ApiKeyRole.Service),
        TestCaller.InstanceReadKey => InstanceKeys.Contains(ApiKeyRole.Read),
        TestCaller.EndUserAboutSelf => EndUser.Contains(EndUserTarget.Self),
        TestCaller.EndUserAboutOther => EndUser.Contains(EndUserTarget.Other),
        _ => throw new ArgumentOutOfRangeException(nameof(caller), caller, "This caller has no column in the authorization matrix."),
    };
}
