using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>What requests name things by.</content>
internal sealed partial class RequestReader
{
    /// <summary>A service instance; required.</summary>
    public ServiceSid Service(string text, string field = "service_sid") =>
        ServiceSid.TryParse(text, out var sid) ? sid : RefuseSid<ServiceSid>(text, field, ServiceSid.Prefix);

    /// <summary>A service instance, or null for the empty text.</summary>
    public ServiceSid? OptionalService(string text, string field = "service_sid") => text.Length == 0 ? null : Service(text, field);

    /// <summary>A push binding; required.</summary>
    public BindingSid Binding(string text, string field = "push_binding_sid") =>
        BindingSid.TryParse(text, out var sid) ? sid : RefuseSid<BindingSid>(text, field, BindingSid.Prefix);

    /// <summary>An API key; required.</summary>
    public ApiKeySid ApiKey(string text, string field = "api_key_sid") =>
        ApiKeySid.TryParse(text, out var sid) ? sid : RefuseSid<ApiKeySid>(text, field, ApiKeySid.Prefix);

    /// <summary>A user by SID; required.</summary>
    public UserSid UserSid(string text, string field) =>
        Core.Domain.Users.UserSid.TryParse(text, out var sid) ? sid : RefuseSid<UserSid>(text, field, Core.Domain.Users.UserSid.Prefix);

    /// <summary>A role; the empty text is none.</summary>
    public RoleSid Role(string text, string field) =>
        RoleSid.TryParse(text, out var sid)
            ? sid
            : Refuse<RoleSid>(field, ErrorReason.FieldInvalid, "must be \"RL\" and 32 hexadecimal digits, or empty");

    /// <summary>An identity; required.</summary>
    public Identity Identity(string text, string field = "identity")
    {
        if (Core.Domain.Users.Identity.TryParse(text, out var identity))
            return identity;
        return Core.Domain.Users.Identity.IsReserved(text)
            ? Refuse<Identity>(field, ErrorReason.IdentityReserved, "has the form of a user SID, so that a user key would be ambiguous")
            : RefuseLength<Identity>(text, field, Limits.IdentityBytes);
    }

    /// <summary>A user by SID or identity; required.</summary>
    public UserKey User(string text, string field = "user_key") =>
        UserKey.TryParse(text, out var key) ? key : RefuseLength<UserKey>(text, field, Limits.IdentityBytes);

    /// <summary>A user by SID or identity, or null for the empty text.</summary>
    public UserKey? OptionalUser(string text, string field = "user_key") => text.Length == 0 ? null : User(text, field);

    /// <summary>Users by SID or identity, in the order of the request; a list that is too long is one violation.</summary>
    public IReadOnlyList<UserKey> Users(IReadOnlyList<string> texts, int most, string field = "user_keys")
    {
        if (texts.Count > most)
            return RefuseCount(field, most);
        var keys = new UserKey[texts.Count];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = UserKey.TryParse(texts[i], out var key) ? key : User(texts[i], $"{field}[{i}]");
        return keys;
    }

    /// <summary>As <see cref="Users"/>, but at least one.</summary>
    public IReadOnlyList<UserKey> RequiredUsers(IReadOnlyList<string> texts, int most, string field = "user_keys")
    {
        if (texts.Count == 0)
            Add(field, ErrorReason.FieldRequired, "must name at least one user");
        return Users(texts, most, field);
    }

    /// <summary>A session; required.</summary>
    public SessionId Session(string text, string field = "session_id")
    {
        if (SessionId.TryParse(text, out var id))
            return id;
        return text.Length is 0 or > Limits.SessionIdLength
            ? RefuseLength<SessionId>(text, field, Limits.SessionIdLength)
            : Refuse<SessionId>(field, ErrorReason.FieldInvalid, "must be of the characters A-Z, a-z, 0-9, \"_\" and \"-\"");
    }

    private T RefuseSid<T>(string text, string field, string prefix) => text.Length == 0
        ? Refuse<T>(field, ErrorReason.FieldRequired, "must be set")
        : Refuse<T>(field, ErrorReason.FieldInvalid, $"must be \"{prefix}\" and 32 hexadecimal digits");

    /// <summary>What has no other form than its length is either missing or too long.</summary>
    private T RefuseLength<T>(string text, string field, int most) => text.Length == 0
        ? Refuse<T>(field, ErrorReason.FieldRequired, "must be set")
        : Refuse<T>(field, ErrorReason.FieldTooLong, $"must be at most {most} bytes of UTF-8");

    private UserKey[] RefuseCount(string field, int most)
    {
        Add(field, ErrorReason.FieldTooLong, $"must have at most {most} entries");
        return [];
    }
}
