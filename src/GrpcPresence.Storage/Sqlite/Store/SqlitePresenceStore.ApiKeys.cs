using Dapper;
using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of API keys.</summary>
public sealed partial class SqlitePresenceStore
{
    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ApiKey>> ListApiKeysAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ApiKey>>(
            reader => reader.Connection.Query<ApiKeyRow>(ApiKeyRow.Select + " ORDER BY id").Select(row => row.ToApiKey()).ToList(),
            cancellationToken);
}
