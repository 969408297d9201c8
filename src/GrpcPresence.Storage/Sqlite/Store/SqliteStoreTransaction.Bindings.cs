using Dapper;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Push bindings.</summary>
internal sealed partial class SqliteStoreTransaction
{
    /// <inheritdoc/>
    public PushBinding? FindBinding(long serviceId, BindingSid binding) => Run(() => Connection.QueryFirstOrDefault<BindingRow>(
        BindingRow.Select + " WHERE b.service_id = @ServiceId AND b.sid = @Sid",
        new { ServiceId = serviceId, Sid = SidBytes.Of(binding.Value) })?.ToBinding());

    /// <inheritdoc/>
    public PushBinding? FindBinding(long serviceId, BindingType type, string endpoint) =>
        Run(() => Connection.QueryFirstOrDefault<BindingRow>(
            BindingRow.Select + " WHERE b.service_id = @ServiceId AND b.type = @Type AND b.endpoint = @Endpoint",
            new { ServiceId = serviceId, Type = (long)type, Endpoint = endpoint })?.ToBinding());

    /// <inheritdoc/>
    public PushBinding InsertBinding(long serviceId, long userId, PushBinding binding) => Run(() => binding with
    {
        Id = Connection.ExecuteScalar<long>(
            """
            INSERT INTO push_bindings (service_id, user_id, sid, type, endpoint, create_time)
            VALUES (@ServiceId, @UserId, @Sid, @Type, @Endpoint, @CreateTime)
            RETURNING id
            """,
            new
            {
                ServiceId = serviceId,
                UserId = userId,
                Sid = SidBytes.Of(binding.Sid.Value),
                Type = (long)binding.Type,
                binding.Endpoint,
                CreateTime = binding.CreateTime.UtcTicks,
            }),
    });

    /// <inheritdoc/>
    public void MoveBinding(PushBinding binding, long userId) => Run(() =>
        Connection.Execute("UPDATE push_bindings SET user_id = @UserId WHERE id = @Id", new { UserId = userId, binding.Id }));

    /// <inheritdoc/>
    public void DeleteBinding(PushBinding binding) =>
        Run(() => Connection.Execute("DELETE FROM push_bindings WHERE id = @Id", new { binding.Id }));
}
