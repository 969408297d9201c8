using Dapper;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>API keys.</summary>
internal sealed partial class SqliteStoreTransaction
{
    /// <inheritdoc/>
    public ApiKey? FindApiKey(ApiKeySid sid) => Run(() =>
        Connection.QueryFirstOrDefault<ApiKeyRow>(
            ApiKeyRow.Select + " WHERE sid = @Sid", new { Sid = SidBytes.Of(sid.Value) })?.ToApiKey());

    /// <inheritdoc/>
    public ApiKey? FindApiKey(string certificateName) => Run(() => Connection.QueryFirstOrDefault<ApiKeyRow>(
        ApiKeyRow.Select + " WHERE certificate_name = @Name AND certificate_name <> '' AND revoke_time IS NULL",
        new { Name = certificateName })?.ToApiKey());

    /// <inheritdoc/>
    public (int InForce, int Revoked) CountApiKeys(ServiceSid? scope) => Run(() => Connection.QueryFirst<(int, int)>(
        "SELECT count(*) FILTER (WHERE revoke_time IS NULL), count(revoke_time) FROM api_keys WHERE scope IS @Scope",
        new { Scope = BytesOf(scope) }));

    /// <inheritdoc/>
    public IReadOnlyList<ApiKey> ListApiKeysInForce(ServiceSid scope) => Run(() => Connection.Query<ApiKeyRow>(
        ApiKeyRow.Select + " WHERE scope IS @Scope AND revoke_time IS NULL ORDER BY id",
        new { Scope = BytesOf(scope) }).Select(row => row.ToApiKey()).ToList());

    /// <inheritdoc/>
    public ApiKey? DeleteOldestRevokedApiKey(ServiceSid? scope) => Run(() =>
    {
        var oldest = Connection.QueryFirstOrDefault<ApiKeyRow>(
            ApiKeyRow.Select + " WHERE scope IS @Scope AND revoke_time IS NOT NULL ORDER BY revoke_time, id LIMIT 1",
            new { Scope = BytesOf(scope) });
        if (oldest is not null)
            Connection.Execute("DELETE FROM api_keys WHERE id = @Id", new { oldest.Id });
        return oldest?.ToApiKey();
    });

    /// <inheritdoc/>
    public ApiKey InsertApiKey(ApiKey key) => Run(() => key with
    {
        Id = Connection.ExecuteScalar<long>(
            """
            INSERT INTO api_keys (
                sid, friendly_name, role, scope, certificate_name, secret_salt, secret_hash, previous_salt, previous_hash, previous_until,
                create_time, rotate_time, revoke_time)
            VALUES (
                @Sid, @FriendlyName, @Role, @Scope, @CertificateName, @SecretSalt, @SecretHash, @PreviousSalt, @PreviousHash,
                @PreviousUntil,
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

    private static byte[]? BytesOf(ServiceSid? scope) => scope is { } sid ? SidBytes.Of(sid.Value) : null;
}
