using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

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
