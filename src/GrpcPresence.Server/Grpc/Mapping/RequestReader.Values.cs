using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Numbers, durations and enums.</content>
internal sealed partial class RequestReader
{
    /// <summary>Reads the size of a page; 0 selects the default.</summary>
    public int PageSize(int size, string field = "page_size") => size switch
    {
        0 => Limits.DefaultPageSize,
        > 0 and <= Limits.MaxPageSize => size,
        _ => Refuse<int>(
            field,
            ErrorReason.FieldOutOfRange,
            $"must be from 1 to {Limits.MaxPageSize}, or 0 for the default of {Limits.DefaultPageSize}"),
    };

    /// <summary>Reads the position of the page; the beginning of the list without a token.</summary>
    public PagePosition PageToken(string text, PageList list, string field = "page_token")
    {
        if (text.Length == 0)
            return default;
        return Mapping.PageToken.TryRead(text, list, out var position)
            ? position
            : Refuse<PagePosition>(
                field, ErrorReason.PageTokenInvalid, "does not belong to this list and filter; start again without a page token");
    }

    /// <summary>Reads a duration between two limits; an absent one is the default.</summary>
    public TimeSpan Duration(Duration? duration, string field, TimeSpan defaultValue, TimeSpan min, TimeSpan max)
    {
        if (duration is null)
            return defaultValue;
        if (!IsValid(duration) || Compare(duration, min) < 0 || Compare(duration, max) > 0)
            return Refuse<TimeSpan>(field, ErrorReason.FieldOutOfRange, $"must be from {min.TotalSeconds} s to {max.TotalSeconds} s");
        // The service keeps durations in units of 100 ns. A rounded value would not be the one that was set.
        return duration.Nanos % TimeSpan.NanosecondsPerTick == 0
            ? duration.ToTimeSpan()
            : Refuse<TimeSpan>(field, ErrorReason.FieldOutOfRange, "must be a multiple of 100 ns");
    }

    /// <summary>Reads the view of users to return.</summary>
    public UserView View(V1.UserView view, UserView defaultValue, string field = "view") => view switch
    {
        V1.UserView.Unspecified => defaultValue,
        V1.UserView.Basic => UserView.Basic,
        V1.UserView.Reachability => UserView.Reachability,
        V1.UserView.Full => UserView.Full,
        _ => RefuseEnum<UserView>(field),
    };

    /// <summary>Reads a push service; required.</summary>
    public BindingType BindingType(V1.BindingType type, string field = "binding_type") => type switch
    {
        V1.BindingType.Unspecified => Refuse<BindingType>(field, ErrorReason.FieldRequired, "must be set"),
        V1.BindingType.Apn => Core.Domain.Users.BindingType.Apn,
        V1.BindingType.Fcm => Core.Domain.Users.BindingType.Fcm,
        V1.BindingType.Gcm => Core.Domain.Users.BindingType.Gcm,
        V1.BindingType.Webpush => Core.Domain.Users.BindingType.WebPush,
        _ => RefuseEnum<BindingType>(field),
    };

    /// <summary>Reads the types of push bindings to list. Repeated types count once.</summary>
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

    /// <summary>Reads the role of an API key; required.</summary>
    public ApiKeyRole ApiKeyRole(V1.ApiKeyRole role, string field = "role") => role switch
    {
        V1.ApiKeyRole.Unspecified => Refuse<ApiKeyRole>(field, ErrorReason.FieldRequired, "must be set"),
        >= V1.ApiKeyRole.Read and <= V1.ApiKeyRole.Admin => (ApiKeyRole)role,
        _ => RefuseEnum<ApiKeyRole>(field),
    };

    /// <summary>Reads the reasons to watch for; an empty list selects all.</summary>
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

    /// <summary>Whether a watch begins with changes only. That cannot be combined with a resume token.</summary>
    public bool StartsNow(V1.WatchStart start, string resumeToken, string field = "start")
    {
        if (start is < V1.WatchStart.Unspecified or > V1.WatchStart.Now)
            RefuseEnum<bool>(field);
        if (start != V1.WatchStart.Now)
            return false;
        if (resumeToken.Length > 0)
            Add(field, ErrorReason.FieldInvalid, "WATCH_START_NOW cannot be combined with resume_token; omit one of them");
        return true;
    }

    /// <summary>Reads a required message.</summary>
    public bool Has(object? message, string field)
    {
        if (message is null)
            Add(field, ErrorReason.FieldRequired, "must be set");
        return message is not null;
    }

    private T RefuseEnum<T>(string field) => Refuse<T>(field, ErrorReason.FieldInvalid, "is not a known value of this enum");

    /// <summary>
    /// Whether the proto's own rules allow the duration. They forbid nanoseconds that have another sign, or are a second or more.
    /// </summary>
    private static bool IsValid(Duration duration) => duration.Seconds
        is >= Google.Protobuf.WellKnownTypes.Duration.MinSeconds and <= Google.Protobuf.WellKnownTypes.Duration.MaxSeconds
        && Math.Abs((long)duration.Nanos) < Google.Protobuf.WellKnownTypes.Duration.NanosecondsPerSecond
        && Math.Sign(duration.Seconds) * Math.Sign(duration.Nanos) >= 0;

    /// <summary>
    /// Compares the exact values. A TimeSpan cannot hold the nanoseconds below 100, and their removal moves a value into range.
    /// </summary>
    private static int Compare(Duration duration, TimeSpan limit) =>
        (((Int128)duration.Seconds * Google.Protobuf.WellKnownTypes.Duration.NanosecondsPerSecond) + duration.Nanos)
        .CompareTo((Int128)limit.Ticks * TimeSpan.NanosecondsPerTick);
}
