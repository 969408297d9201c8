namespace GrpcPresence.Server.Tests.Postgres;

/// <summary>What a server stores its data in.</summary>
public enum StoreKind
{
    Sqlite,
    Postgres,
}
