using Dapper;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Formats;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>An API key, as Dapper reads it and takes its parameters from it.</summary>
internal sealed class ApiKeyRow
{
    /// <summary>The selection that fills a row.</summary>
    public const string Select = """
        SELECT id AS Id, sid AS Sid, friendly_name AS FriendlyName, role AS Role, scope AS Scope, certificate_name AS CertificateName,
               secret_salt AS SecretSalt, secret_hash AS SecretHash, previous_salt AS PreviousSalt, previous_hash AS PreviousHash,
               previous_until AS PreviousUntil, create_time AS CreateTime, rotate_time AS RotateTime, revoke_time AS RevokeTime
        FROM api_keys
        """;

    public long Id { get; init; }

    public byte[] Sid { get; init; } = [];

    public string FriendlyName { get; init; } = "";

    public long Role { get; init; }

    public byte[]? Scope { get; init; }

    public string CertificateName { get; init; } = "";

    public string SecretSalt { get; init; } = "";

    public string SecretHash { get; init; } = "";

    public string? PreviousSalt { get; init; }

    public string? PreviousHash { get; init; }

    public long PreviousUntil { get; init; }

    public long CreateTime { get; init; }

    public long? RotateTime { get; init; }

    public long? RevokeTime { get; init; }

    /// <summary>Adds an API key under its key.</summary>
    public static void Insert(SqliteConnection connection, ApiKey key) => connection.Execute(
        """
        INSERT INTO api_keys (
            id, sid, friendly_name, role, scope, certificate_name, secret_salt, secret_hash, previous_salt, previous_hash, previous_until,
            create_time, rotate_time, revoke_time)
        VALUES (
            @Id, @Sid, @FriendlyName, @Role, @Scope, @CertificateName, @SecretSalt, @SecretHash, @PreviousSalt, @PreviousHash,
            @PreviousUntil, @CreateTime, @RotateTime, @RevokeTime)
        """,
        Of(key));

    /// <summary>Writes what can change of an API key.</summary>
    public static void Update(SqliteConnection connection, ApiKey key) => connection.Execute(
        """
        UPDATE api_keys
        SET secret_salt = @SecretSalt, secret_hash = @SecretHash, previous_salt = @PreviousSalt, previous_hash = @PreviousHash,
            previous_until = @PreviousUntil, rotate_time = @RotateTime, revoke_time = @RevokeTime
        WHERE id = @Id
        """,
        Of(key));

    private static ApiKeyRow Of(ApiKey key) => new()
    {
        Id = key.Id,
        Sid = SidBytes.Of(key.Sid.Value),
        FriendlyName = key.FriendlyName,
        Role = (long)key.Role,
        Scope = key.Scope is { } scope ? SidBytes.Of(scope.Value) : null,
        CertificateName = key.CertificateName,
        SecretSalt = key.Secret.Salt,
        SecretHash = key.Secret.Hash,
        PreviousSalt = key.PreviousSecret?.Salt,
        PreviousHash = key.PreviousSecret?.Hash,
        PreviousUntil = key.PreviousSecretUntil.UtcTicks,
        CreateTime = key.CreateTime.UtcTicks,
        RotateTime = key.RotateTime?.UtcTicks,
        RevokeTime = key.RevokeTime?.UtcTicks,
    };

    /// <summary>Returns the domain's record.</summary>
    public ApiKey ToApiKey() => new()
    {
        Id = Id,
        Sid = new ApiKeySid(SidBytes.Read(Sid)),
        FriendlyName = FriendlyName,
        Role = (ApiKeyRole)Role,
        Scope = Scope is null ? null : new ServiceSid(SidBytes.Read(Scope)),
        CertificateName = CertificateName,
        Secret = new ApiKeySecret(SecretSalt, SecretHash),
        PreviousSecret = PreviousSalt is null ? null : new ApiKeySecret(PreviousSalt, PreviousHash!),
        PreviousSecretUntil = Time(PreviousUntil),
        CreateTime = Time(CreateTime),
        RotateTime = RotateTime is { } rotated ? Time(rotated) : null,
        RevokeTime = RevokeTime is { } revoked ? Time(revoked) : null,
    };

    private static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);
}
