using System.Text.Json.Nodes;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>API keys as rows.</summary>
internal static class ApiKeyRow
{
    /// <summary>The columns that <see cref="Read"/> reads, of <c>api_keys AS k</c>.</summary>
    public const string Columns = """
        k.id, k.sid, k.friendly_name, k.role, k.scope, k.certificate_name, k.secret_salt, k.secret_hash, k.previous_salt, k.previous_hash,
        k.previous_until, k.create_time, k.rotate_time, k.revoke_time
        """;

    /// <summary>Returns the row as an element of the parameter of a commit.</summary>
    public static JsonObject Write(ApiKey key, bool isNew) => new()
    {
        ["id"] = key.Id,
        ["is_new"] = isNew,
        ["sid"] = SidGuid.Of(key.Sid.Value),
        ["role"] = (int)key.Role,
        ["scope"] = key.Scope is { } scope ? SidGuid.Of(scope.Value) : null,
        ["previous_until"] = key.PreviousSecretUntil.UtcTicks,
        ["create_time"] = key.CreateTime.UtcTicks,
        ["rotate_time"] = key.RotateTime?.UtcTicks,
        ["revoke_time"] = key.RevokeTime?.UtcTicks,
        ["secret_salt"] = key.Secret.Salt,
        ["secret_hash"] = key.Secret.Hash,
        ["previous_salt"] = key.PreviousSecret?.Salt,
        ["previous_hash"] = key.PreviousSecret?.Hash,
        ["certificate_name"] = Convert.ToBase64String(Utf8.Of(key.CertificateName)),
        ["friendly_name"] = Convert.ToBase64String(Utf8.Of(key.FriendlyName)),
    };

    /// <summary>Reads <see cref="Columns"/>.</summary>
    public static ApiKey Read(Row row, int at = 0) => new()
    {
        Id = row.Int64(at),
        Sid = new ApiKeySid(row.Sid(at + 1)),
        FriendlyName = row.Text(at + 2),
        Role = (ApiKeyRole)row.Int32(at + 3),
        Scope = row.OptionalSid(at + 4) is { } scope ? new ServiceSid(scope) : null,
        CertificateName = row.Text(at + 5),
        Secret = new ApiKeySecret(row.Ascii(at + 6), row.Ascii(at + 7)),
        PreviousSecret = row.OptionalAscii(at + 8) is { } salt ? new ApiKeySecret(salt, row.Ascii(at + 9)) : null,
        PreviousSecretUntil = row.Time(at + 10),
        CreateTime = row.Time(at + 11),
        RotateTime = row.OptionalTime(at + 12),
        RevokeTime = row.OptionalTime(at + 13),
    };
}
