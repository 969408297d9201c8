using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>Converts values of the domain to messages.</summary>
internal static class Messages
{
    /// <summary>Converts a service instance.</summary>
    public static V1.ServiceInstance ToMessage(this ServiceRecord service) => new()
    {
        Sid = service.Sid.ToString(),
        FriendlyName = service.FriendlyName,
        CreateTime = service.CreateTime.ToTimestamp(),
        UpdateTime = service.UpdateTime.ToTimestamp(),
    };

    /// <summary>Converts the settings of a service instance.</summary>
    public static V1.Configuration ToMessage(this ServiceConfiguration configuration, ServiceSid service) => new()
    {
        ServiceSid = service.ToString(),
        ReachabilityEnabled = configuration.ReachabilityEnabled,
        HeartbeatInterval = configuration.HeartbeatInterval.ToDuration(),
        SessionTimeout = configuration.SessionTimeout.ToDuration(),
        OfflineDebounce = configuration.OfflineDebounce.ToDuration(),
        AutoCreateUsers = configuration.AutoCreateUsers,
        DefaultServiceRoleSid = configuration.DefaultServiceRoleSid.ToString(),
        DefaultConversationRoleSid = configuration.DefaultConversationRoleSid.ToString(),
        DefaultConversationCreatorRoleSid = configuration.DefaultConversationCreatorRoleSid.ToString(),
        Etag = configuration.Etag,
        Revision = configuration.Revision,
        UpdateTime = configuration.UpdateTime.ToTimestamp(),
    };

    /// <summary>Converts an API key as it is at the given time, without its secrets.</summary>
    public static V1.ApiKey ToMessage(this ApiKey key, DateTimeOffset now) => new()
    {
        Sid = key.Sid.ToString(),
        FriendlyName = key.FriendlyName,
        Role = (V1.ApiKeyRole)key.Role,
        ServiceSid = key.Scope?.ToString() ?? "",
        CertificateName = key.CertificateName,
        CreateTime = key.CreateTime.ToTimestamp(),
        RotateTime = key.RotateTime?.ToTimestamp(),
        PreviousSecretExpireTime =
            key.PreviousSecret is not null && now < key.PreviousSecretUntil ? key.PreviousSecretUntil.ToTimestamp() : null,
        RevokeTime = key.RevokeTime?.ToTimestamp(),
    };

    /// <summary>Converts a push binding.</summary>
    public static V1.PushBinding ToMessage(this PushBinding binding, ServiceSid service) => new()
    {
        Sid = binding.Sid.ToString(),
        ServiceSid = service.ToString(),
        UserSid = binding.UserSid.ToString(),
        Identity = binding.Identity.ToString(),
        BindingType = (V1.BindingType)binding.Type,
        Endpoint = binding.Endpoint,
        CreateTime = binding.CreateTime.ToTimestamp(),
    };

    /// <summary>Converts a live session.</summary>
    public static V1.Session ToMessage(this SessionInfo session) => new()
    {
        SessionId = session.Id.ToString(),
        LastHeartbeatTime = session.LastHeartbeatTime.ToTimestamp(),
        LeaseExpireTime = session.LeaseExpireTime.ToTimestamp(),
    };

    /// <summary>Converts a user to the view. Of a deleted user, every view contains only the name and the revision.</summary>
    public static V1.User ToMessage(this UserState user, UserView view)
    {
        var message = new V1.User { Sid = user.Sid.ToString(), Identity = user.Identity.ToString(), Revision = user.Revision };
        if (user.Record is not { } record)
            return message;
        if (view != UserView.Reachability)
            AddProfile(message, user.Service, record);
        if (view != UserView.Basic)
            AddReachability(message, user);
        return message;
    }

    private static void AddProfile(V1.User message, ServiceSid service, UserRecord record)
    {
        message.ServiceSid = service.ToString();
        message.FriendlyName = record.FriendlyName;
        message.Attributes = record.Attributes;
        message.RoleSid = record.RoleSid.ToString();
        message.CreateTime = record.CreateTime.ToTimestamp();
        message.UpdateTime = record.UpdateTime.ToTimestamp();
        message.Etag = record.Etag;
    }

    private static void AddReachability(V1.User message, UserState user)
    {
        if (user.IsOnline is { } isOnline)
            message.IsOnline = isOnline;
        if (user.IsNotifiable is { } isNotifiable)
            message.IsNotifiable = isNotifiable;
        message.LastOnlineTime = user.LastOnlineTime?.ToTimestamp();
    }
}
