using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Numbers, durations and enums.</content>
internal sealed partial class RequestReader
{
    /// <summary>The entries of a page: 0 is the default.</summary>
    public int PageSize(int size, string field = "page_size") => size switch
    {
        0 => Limits.DefaultPageSize,
        > 0 and <= Limits.MaxPageSize => size,
        _ => Refuse<int>(field, ErrorReason.FieldOutOfRange, $"must be from 1 to {Limits.MaxPageSize}, or 0 for {Limits.DefaultPageSize}"),
    };

    /// <summary>The store's key after which the page begins; 0 for the first page.</summary>
    public long PageToken(string text, PageList list, string field = "page_token")
    {
        if (text.Length == 0)
            return 0;
        return Mapping.PageToken.TryRead(text, list, out var afterId)
            ? afterId
            : Refuse<long>(field, ErrorReason.PageTokenInvalid, "is not a token of this list with this filter; begin again without one");
    }

    /// <summary>A duration within bounds; unset is the default.</summary>
    public TimeSpan Duration(Duration? duration, string field, TimeSpan unset, TimeSpan least, TimeSpan most)
    {
        if (duration is null)
            return unset;
        return TryConvert(duration, out var value) && value >= least && value <= most
            ? value
            : Refuse<TimeSpan>(field, ErrorReason.FieldOutOfRange, $"must be from {least.TotalSeconds} s to {most.TotalSeconds} s");
    }

    /// <summary>The fields of users to return.</summary>
    public UserView View(V1.UserView view, UserView unset, string field = "view") => view switch
    {
        V1.UserView.Unspecified => unset,
        V1.UserView.Basic => UserView.Basic,
        V1.UserView.Reachability => UserView.Reachability,
        V1.UserView.Full => UserView.Full,
        _ => RefuseEnum<UserView>(field),
    };

    /// <summary>A push service; required.</summary>
    public BindingType BindingType(V1.BindingType type, string field = "binding_type") => type switch
    {
        V1.BindingType.Unspecified => Refuse<BindingType>(field, ErrorReason.FieldRequired, "must be set"),
        V1.BindingType.Apn => Core.Domain.Users.BindingType.Apn,
        V1.BindingType.Fcm => Core.Domain.Users.BindingType.Fcm,
        V1.BindingType.Gcm => Core.Domain.Users.BindingType.Gcm,
        V1.BindingType.Webpush => Core.Domain.Users.BindingType.WebPush,
        _ => RefuseEnum<BindingType>(field),
    };

    /// <summary>Which push bindings to list; a type that is named twice counts once.</summary>
    public BindingFilter BindingFilter(V1.ListPushBindingsRequest request)
    {
        var types = new SortedSet<BindingType>();
        for (var i = 0; i < request.BindingTypes.Count; i++)
            types.Add(BindingType(request.BindingTypes[i], $"binding_types[{i}]"));
        return new BindingFilter
        {
            User = OptionalUser(request.UserKey),
            Users = Users(request.UserKeys, Limits.ListedBindingUsers),
            Types = [.. types],
        };
    }

    /// <summary>The role of an API key; required.</summary>
    public ApiKeyRole ApiKeyRole(V1.ApiKeyRole role, string field = "role") => role switch
    {
        V1.ApiKeyRole.Unspecified => Refuse<ApiKeyRole>(field, ErrorReason.FieldRequired, "must be set"),
        >= V1.ApiKeyRole.Read and <= V1.ApiKeyRole.Admin => (ApiKeyRole)role,
        _ => RefuseEnum<ApiKeyRole>(field),
    };

    /// <summary>The reasons that a watch asks for; none is all.</summary>
    public UpdateReasons Reasons(IReadOnlyList<V1.UpdateReason> reasons, string field = "reasons")
    {
        var all = UpdateReasons.None;
        for (var i = 0; i < reasons.Count; i++)
        {
            if (reasons[i] is >= V1.UpdateReason.Created and <= V1.UpdateReason.ReachabilityNotifiable)
                all |= (UpdateReasons)(1 << (int)reasons[i]);
            else
                RefuseEnum<UpdateReasons>($"{field}[{i}]");
        }
        return all == UpdateReasons.None ? UpdateReasons.All : all;
    }

    /// <summary>Whether a watch begins with changes only. That contradicts a resume token.</summary>
    public bool StartsNow(V1.WatchStart start, string resumeToken, string field = "start")
    {
        if (start is < V1.WatchStart.Unspecified or > V1.WatchStart.Now)
            RefuseEnum<bool>(field);
        if (start != V1.WatchStart.Now)
            return false;
        if (resumeToken.Length > 0)
            Add(field, ErrorReason.FieldInvalid, "WATCH_START_NOW and resume_token contradict each other");
        return true;
    }

    /// <summary>A message that must be there.</summary>
    public bool Has(object? message, string field)
    {
        if (message is null)
            Add(field, ErrorReason.FieldRequired, "must be set");
        return message is not null;
    }

    private T RefuseEnum<T>(string field) => Refuse<T>(field, ErrorReason.FieldInvalid, "is not a value of this enum");

    /// <summary>False for what the proto's own rules forbid: nanoseconds of another sign, or a second of them and more.</summary>
    private static bool TryConvert(Duration duration, out TimeSpan value)
    {
        value = default;
        var valid = duration.Seconds is >= Google.Protobuf.WellKnownTypes.Duration.MinSeconds and <= Google.Protobuf.WellKnownTypes.Duration.MaxSeconds
            && Math.Abs((long)duration.Nanos) < Google.Protobuf.WellKnownTypes.Duration.NanosecondsPerSecond
            && Math.Sign(duration.Seconds) * Math.Sign(duration.Nanos) >= 0;
        if (valid)
            value = duration.ToTimeSpan();
        return valid;
    }
}
