using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Postgres;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class PostgresStoreConformance : PresenceStoreConformance, IDisposable
{
    private readonly string _connectionString;
    private PostgresPresenceStore _store;
    private NpgsqlConnection? _outside;

    public PostgresStoreConformance()
    {
        _connectionString = PostgresTests.RentSchema();
        _store = PostgresTests.Open(_connectionString);
    }

    protected override IPresenceStore Store => _store;

    public void Dispose()
    {
        _outside?.Dispose();
        _store.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }

    protected override void Restart()
    {
        _store.Dispose();
        _store = PostgresTests.Open(_connectionString);
    }

    protected override Action<string> OpenAnotherWriter()
    {
        _outside = new NpgsqlConnection($"{_connectionString};Pooling=false");
        _outside.Open();
        return name =>
        {
            using var rename = new NpgsqlCommand("UPDATE services SET friendly_name = convert_to($1, 'UTF8')", _outside);
            rename.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
            rename.ExecuteNonQuery();
        };
    }

    protected override object Backup() => PostgresServer.Shared.Dump(_connectionString);

    protected override void Restore(object backup)
    {
        _store.Dispose();
        PostgresServer.Shared.Restore(_connectionString, (string)backup);
        _store = PostgresTests.Open(_connectionString);
    }
}
