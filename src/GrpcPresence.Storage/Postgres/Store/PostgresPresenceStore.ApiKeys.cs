using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of API keys.</summary>
public partial class PostgresPresenceStore
{
    private const string ListApiKeys = $"SELECT {ApiKeyRow.Columns} FROM api_keys AS k ORDER BY k.id";

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ApiKey>> ListApiKeysAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ApiKey>>(
            snapshot =>
            {
                var keys = new List<ApiKey>();
                snapshot.Add(ListApiKeys, row => keys.Add(ApiKeyRow.Read(row)));
                return () => keys;
            },
            cancellationToken);
}
