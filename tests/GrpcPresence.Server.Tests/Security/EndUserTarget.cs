namespace GrpcPresence.Server.Tests.Security;

/// <summary>The user that an end user's call is about.</summary>
internal enum EndUserTarget
{
    Self,
    Other,
}
