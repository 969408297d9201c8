namespace GrpcPresence.Server.Tests.Security;

/// <summary>The callers of the authorization tests: keys by scope and role, and one end user by the user that the call is about.</summary>
internal enum TestCaller
{
    DeploymentAdminKey,
    DeploymentServiceKey,
    DeploymentReadKey,
    InstanceAdminKey,
    InstanceServiceKey,
    InstanceReadKey,
    EndUserAboutSelf,
    EndUserAboutOther,
}
