using Google.Protobuf;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Cluster.Wire;

/// <summary>Converts what a commit has changed.</summary>
internal static class Commits
{
    public static V1.ServiceCommit Encode(ServiceCommit commit)
    {
        var encoded = new V1.ServiceCommit
        {
            Service = Encode(commit.Service),
            FirstRevision = commit.FirstRevision,
            IsDeleted = commit.IsDeleted,
            IsPartial = commit.IsPartial,
        };
        foreach (var user in commit.Users)
            encoded.Users.Add(Encode(user, commit.Service.Sid));
        foreach (var configuration in commit.Configurations)
            encoded.Configurations.Add(Encode(configuration));
        return encoded;
    }

    public static ServiceCommit Decode(V1.ServiceCommit commit)
    {
        var service = Decode(commit.Service);
        return new ServiceCommit(
            service,
            commit.FirstRevision,
            [.. commit.Users.Select(user => Decode(user, service.Sid))],
            [.. commit.Configurations.Select(Decode)],
            commit.IsDeleted,
            commit.IsPartial);
    }

    private static V1.ServiceRecord Encode(ServiceRecord service) => new()
    {
        Id = service.Id,
        SidHigh = Values.High(service.Sid.Value),
        SidLow = Values.Low(service.Sid.Value),
        FriendlyName = service.FriendlyName,
        CreateTime = Values.Encode(service.CreateTime),
        UpdateTime = Values.Encode(service.UpdateTime),
        Configuration = Encode(service.Configuration),
        Revision = service.Revision,
        PurgedRevision = service.PurgedRevision,
        UserCount = service.UserCount,
        Timeline = ByteString.CopyFrom(service.Timeline.ToByteArray(bigEndian: true)),
    };

    private static ServiceRecord Decode(V1.ServiceRecord service) => new()
    {
        Id = service.Id,
        Sid = new ServiceSid(Values.Join(service.SidHigh, service.SidLow)),
        FriendlyName = service.FriendlyName,
        CreateTime = Values.DecodeTime(service.CreateTime),
        UpdateTime = Values.DecodeTime(service.UpdateTime),
        Configuration = Decode(service.Configuration),
        Revision = service.Revision,
        PurgedRevision = service.PurgedRevision,
        UserCount = service.UserCount,
        Timeline = new Guid(service.Timeline.Span, bigEndian: true),
    };

    private static V1.Configuration Encode(ServiceConfiguration configuration) => new()
    {
        ReachabilityEnabled = configuration.ReachabilityEnabled,
        HeartbeatInterval = configuration.HeartbeatInterval.Ticks,
        SessionTimeout = configuration.SessionTimeout.Ticks,
        OfflineDebounce = configuration.OfflineDebounce.Ticks,
        AutoCreateUsers = configuration.AutoCreateUsers,
        DefaultServiceRole = configuration.DefaultServiceRoleSid.ToString(),
        DefaultConversationRole = configuration.DefaultConversationRoleSid.ToString(),
        DefaultConversationCreatorRole = configuration.DefaultConversationCreatorRoleSid.ToString(),
        Revision = configuration.Revision,
        SwitchedOnRevision = configuration.SwitchedOnRevision,
        SwitchRevision = configuration.SwitchRevision,
        UpdateTime = Values.Encode(configuration.UpdateTime),
    };

    private static ServiceConfiguration Decode(V1.Configuration configuration) => new()
    {
        ReachabilityEnabled = configuration.ReachabilityEnabled,
        HeartbeatInterval = TimeSpan.FromTicks(configuration.HeartbeatInterval),
        SessionTimeout = TimeSpan.FromTicks(configuration.SessionTimeout),
        OfflineDebounce = TimeSpan.FromTicks(configuration.OfflineDebounce),
        AutoCreateUsers = configuration.AutoCreateUsers,
        DefaultServiceRoleSid = Values.DecodeRole(configuration.DefaultServiceRole),
        DefaultConversationRoleSid = Values.DecodeRole(configuration.DefaultConversationRole),
        DefaultConversationCreatorRoleSid = Values.DecodeRole(configuration.DefaultConversationCreatorRole),
        Revision = configuration.Revision,
        SwitchedOnRevision = configuration.SwitchedOnRevision,
        SwitchRevision = configuration.SwitchRevision,
        UpdateTime = Values.DecodeTime(configuration.UpdateTime),
    };

    private static V1.UserChange Encode(UserChange change, ServiceSid service)
    {
        var encoded = new V1.UserChange
        {
            State = Encode(change.State, service),
            Reasons = (uint)change.Reasons,
            Revision = change.Revision,
        };
        if (change.Previous != long.MaxValue)
            encoded.Previous = change.Previous;
        return encoded;
    }

    private static UserChange Decode(V1.UserChange change, ServiceSid service) => new(
        Decode(change.State, service),
        (UpdateReasons)change.Reasons,
        change.Revision,
        change.HasPrevious ? change.Previous : long.MaxValue);

    private static V1.UserState Encode(UserState state, ServiceSid service)
    {
        var encoded = new V1.UserState
        {
            SidHigh = Values.High(state.Sid.Value),
            SidLow = Values.Low(state.Sid.Value),
            Identity = state.Identity.ToString(),
            Record = state.Record is { } record ? Encode(record) : null,
            Revision = state.Revision,
        };
        if (state.Service != service)
            (encoded.ServiceHigh, encoded.ServiceLow) = (Values.High(state.Service.Value), Values.Low(state.Service.Value));
        if (state.IsOnline is { } isOnline)
            encoded.IsOnline = isOnline;
        if (state.IsNotifiable is { } isNotifiable)
            encoded.IsNotifiable = isNotifiable;
        if (state.LastOnlineTime is { } time)
            encoded.LastOnlineTime = Values.Encode(time);
        return encoded;
    }

    private static UserState Decode(V1.UserState state, ServiceSid service)
    {
        var sid = new UserSid(Values.Join(state.SidHigh, state.SidLow));
        var identity = Values.DecodeIdentity(state.Identity);
        return UserState.FromParts(
            state.HasServiceHigh ? new ServiceSid(Values.Join(state.ServiceHigh, state.ServiceLow)) : service,
            sid,
            identity,
            state.Record is { } record ? Decode(record, sid, identity) : null,
            state.Revision,
            state.HasIsOnline ? state.IsOnline : null,
            state.HasIsNotifiable ? state.IsNotifiable : null,
            state.HasLastOnlineTime ? Values.DecodeTime(state.LastOnlineTime) : null);
    }

    // SID and identity are those of the state.
    private static V1.UserRecord Encode(UserRecord record)
    {
        var encoded = new V1.UserRecord
        {
            Id = record.Id,
            FriendlyName = record.FriendlyName,
            Attributes = record.Attributes,
            Role = record.RoleSid.ToString(),
            CreateTime = Values.Encode(record.CreateTime),
            UpdateTime = Values.Encode(record.UpdateTime),
            IsOnline = record.IsOnline,
            LastAlive = record.LastAlive.Ticks,
            BindingCount = record.BindingCount,
            HadBinding = record.HadBinding,
            CreatedRevision = record.CreatedRevision,
            FriendlyNameRevision = record.FriendlyNameRevision,
            AttributesRevision = record.AttributesRevision,
            RoleRevision = record.RoleRevision,
            OnlineRevision = record.OnlineRevision,
            NotifiableRevision = record.NotifiableRevision,
            KnownRevision = record.KnownRevision,
            Revision = record.Revision,
            QuietReasons = (uint)record.QuietReasons,
        };
        if (record.LastOnlineTime is { } time)
            encoded.LastOnlineTime = Values.Encode(time);
        return encoded;
    }

    private static UserRecord Decode(V1.UserRecord record, UserSid sid, Identity identity) => new()
    {
        Id = record.Id,
        Sid = sid,
        Identity = identity,
        FriendlyName = record.FriendlyName,
        Attributes = record.Attributes,
        RoleSid = Values.DecodeRole(record.Role),
        CreateTime = Values.DecodeTime(record.CreateTime),
        UpdateTime = Values.DecodeTime(record.UpdateTime),
        IsOnline = record.IsOnline,
        LastOnlineTime = record.HasLastOnlineTime ? Values.DecodeTime(record.LastOnlineTime) : null,
        LastAlive = TimeSpan.FromTicks(record.LastAlive),
        BindingCount = record.BindingCount,
        HadBinding = record.HadBinding,
        CreatedRevision = record.CreatedRevision,
        FriendlyNameRevision = record.FriendlyNameRevision,
        AttributesRevision = record.AttributesRevision,
        RoleRevision = record.RoleRevision,
        OnlineRevision = record.OnlineRevision,
        NotifiableRevision = record.NotifiableRevision,
        KnownRevision = record.KnownRevision,
        Revision = record.Revision,
        QuietReasons = (UpdateReasons)record.QuietReasons,
    };
}
