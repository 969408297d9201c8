using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Names of objects: SIDs, identities and sessions.</content>
internal sealed partial class RequestReader
{
    /// <summary>Reads the SID of a service instance; required.</summary>
    public ServiceSid Service(string text, string field = "service_sid") =>
        ServiceSid.TryParse(text, out var sid) ? sid : RefuseSid<ServiceSid>(text, field, ServiceSid.Prefix);

    /// <summary>Reads the SID of a service instance; null if the text is empty.</summary>
    public ServiceSid? OptionalService(string text, string field = "service_sid") => text.Length == 0 ? null : Service(text, field);

    /// <summary>Reads the SID of a push binding; required.</summary>
    public BindingSid Binding(string text, string field = "push_binding_sid") =>
        BindingSid.TryParse(text, out var sid) ? sid : RefuseSid<BindingSid>(text, field, BindingSid.Prefix);

    /// <summary>Reads the SID of an API key; required.</summary>
    public ApiKeySid ApiKey(string text, string field = "api_key_sid") =>
        ApiKeySid.TryParse(text, out var sid) ? sid : RefuseSid<ApiKeySid>(text, field, ApiKeySid.Prefix);

    /// <summary>Reads the SID of a user; required.</summary>
    public UserSid UserSid(string text, string field) =>
        Core.Domain.Users.UserSid.TryParse(text, out var sid) ? sid : RefuseSid<UserSid>(text, field, Core.Domain.Users.UserSid.Prefix);

    /// <summary>Reads the SID of a role; an empty text means no role.</summary>
    public RoleSid Role(string text, string field) =>
        RoleSid.TryParse(text, out var sid)
            ? sid
            : Refuse<RoleSid>(field, ErrorReason.FieldInvalid, "must be \"RL\" followed by 32 hexadecimal digits, or empty");

    /// <summary>Reads an identity; required.</summary>
    public Identity Identity(string text, string field = "identity")
    {
        if (Core.Domain.Users.Identity.TryParse(text, out var identity))
            return identity;
        return Core.Domain.Users.Identity.IsReserved(text)
            ? Refuse<Identity>(
                field, ErrorReason.IdentityReserved, "must not have the form of a user SID, because user keys would be ambiguous")
            : RefuseIdentity<Identity>(text, field);
    }

    /// <summary>Reads the SID or identity of a user; required.</summary>
    public UserKey User(string text, string field = "user_key") =>
        UserKey.TryParse(text, out var key) ? key : RefuseIdentity<UserKey>(text, field);

    /// <summary>Reads the SID or identity of a user; null if the text is empty.</summary>
    public UserKey? OptionalUser(string text, string field = "user_key") => text.Length == 0 ? null : User(text, field);

    /// <summary>Reads users by SID or identity, in the order of the request. A list that is too long is a single violation.</summary>
    public IReadOnlyList<UserKey> Users(IReadOnlyList<string> texts, int max, string field = "user_keys")
    {
        if (texts.Count > max)
            return RefuseCount(field, max);
        var keys = new UserKey[texts.Count];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = UserKey.TryParse(texts[i], out var key) ? key : User(texts[i], $"{field}[{i}]");
        return keys;
    }

    /// <summary>Reads users as <see cref="Users"/> does, but requires at least one.</summary>
    public IReadOnlyList<UserKey> RequiredUsers(IReadOnlyList<string> texts, int max, string field = "user_keys")
    {
        if (texts.Count == 0)
            Add(field, ErrorReason.FieldRequired, "must name at least one user");
        return Users(texts, max, field);
    }

    /// <summary>Reads the ID of a session; required.</summary>
    public SessionId Session(string text, string field = "session_id")
    {
        if (SessionId.TryParse(text, out var id))
            return id;
        return text.Length is 0 or > Limits.SessionIdLength
            ? RefuseLength<SessionId>(text, field, Limits.SessionIdLength, Characters)
            : Refuse<SessionId>(field, ErrorReason.FieldInvalid, "must consist of the characters A-Z, a-z, 0-9, \"_\" and \"-\"");
    }

    private T RefuseSid<T>(string text, string field, string prefix) => text.Length == 0
        ? Refuse<T>(field, ErrorReason.FieldRequired, "must be set")
        : Refuse<T>(field, ErrorReason.FieldInvalid, $"must be \"{prefix}\" followed by 32 hexadecimal digits");

    /// <summary>Reports a text that is missing or too long.</summary>
    private T RefuseLength<T>(string text, string field, int max, string unit) => text.Length == 0
        ? Refuse<T>(field, ErrorReason.FieldRequired, "must be set")
        : Refuse<T>(field, ErrorReason.FieldTooLong, $"must be at most {max} {unit}");

    /// <summary>Reports a text that is not an identity, for another reason than having the form of a SID.</summary>
    private T RefuseIdentity<T>(string text, string field) => text.Length > 0 && !TextRules.IsLonger(text, Limits.IdentityLength)
        ? RefuseControls<T>(field)
        : RefuseLength<T>(text, field, Limits.IdentityLength, Characters);

    private UserKey[] RefuseCount(string field, int max)
    {
        Add(field, ErrorReason.FieldTooLong, $"must have at most {max} entries");
        return [];
    }
}
