using GrpcPresence.Core.Access;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes;

/// <summary>Makes new SIDs. A seam for tests, whose runs must repeat.</summary>
public interface ISidGenerator
{
    /// <summary>A new service instance SID.</summary>
    ServiceSid NewServiceSid();

    /// <summary>A new user SID.</summary>
    UserSid NewUserSid();

    /// <summary>A new push binding SID.</summary>
    BindingSid NewBindingSid();

    /// <summary>A new API key SID.</summary>
    ApiKeySid NewApiKeySid();
}
