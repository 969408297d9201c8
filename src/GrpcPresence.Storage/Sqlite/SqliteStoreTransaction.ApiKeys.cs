using Dapper;
using GrpcPresence.Core.Access;

namespace GrpcPresence.Storage.Sqlite;

/// <summary>API keys.</summary>
internal sealed partial class SqliteStoreTransaction
{
    /// <inheritdoc/>
    public IReadOnlyList<ApiKey> ListApiKeys() =>
        Run(() => Connection.Query<ApiKeyRow>(ApiKeyRow.Select + " ORDER BY id").Select(row => row.ToApiKey()).ToList());

    /// <inheritdoc/>
    public ApiKey? FindApiKey(ApiKeySid sid) => Run(() =>
        Connection.QueryFirstOrDefault<ApiKeyRow>(ApiKeyRow.Select + " WHERE sid = @Sid", new { Sid = SidBytes.Of(sid.Value) })?.ToApiKey());

    /// <inheritdoc/>
    public ApiKey InsertApiKey(ApiKey key) => Run(() => key with
    {
        Id = Connection.ExecuteScalar<long>(
            """
            INSERT INTO api_keys (
                sid, friendly_name, role, scope, certificate_name, secret_salt, secret_hash, previous_salt, previous_hash, previous_until,
                create_time, rotate_time, revoke_time)
            VALUES (
                @Sid, @FriendlyName, @Role, @Scope, @CertificateName, @SecretSalt, @SecretHash, @PreviousSalt, @PreviousHash, @PreviousUntil,
                @CreateTime, @RotateTime, @RevokeTime)
            RETURNING id
            """,
            ApiKeyRow.Of(key)),
    });

    /// <inheritdoc/>
    public void UpdateApiKey(ApiKey key) => Run(() => Connection.Execute(
        """
        UPDATE api_keys
        SET secret_salt = @SecretSalt, secret_hash = @SecretHash, previous_salt = @PreviousSalt, previous_hash = @PreviousHash,
            previous_until = @PreviousUntil, rotate_time = @RotateTime, revoke_time = @RevokeTime
        WHERE id = @Id
        """,
        ApiKeyRow.Of(key)));
}
