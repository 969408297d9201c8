using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>Creates new SIDs. Tests replace it, because their runs must be repeatable.</summary>
public interface ISidGenerator
{
    /// <summary>Returns a new service instance SID.</summary>
    ServiceSid NewServiceSid();

    /// <summary>Returns a new user SID.</summary>
    UserSid NewUserSid();

    /// <summary>Returns a new push binding SID.</summary>
    BindingSid NewBindingSid();

    /// <summary>Returns a new API key SID.</summary>
    ApiKeySid NewApiKeySid();
}
