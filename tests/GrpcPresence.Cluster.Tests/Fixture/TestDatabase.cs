using System.Net;
using System.Net.Sockets;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Testing;

namespace GrpcPresence.Cluster.Tests.Fixture;

/// <summary>The tables of the membership, made by the script of the migration.</summary>
internal static class TestDatabase
{
    /// <summary>Returns the connection string of a new schema on the server. Skips the test if PostgreSQL is not installed.</summary>
    public static string Create(PostgresServer? server = null)
    {
        SkipIfMissing();
        var schema = (server ?? PostgresServer.Shared).CreateSchema();
        var assembly = typeof(PostgresPresenceStore).Assembly;
        var script = assembly.GetManifestResourceNames().Single(name => name.EndsWith("_membership.sql", StringComparison.Ordinal));
        using var reader = new StreamReader(assembly.GetManifestResourceStream(script)!);
        PostgresServer.Execute(schema, reader.ReadToEnd());
        return schema;
    }

    /// <summary>Skips the test if PostgreSQL is not installed.</summary>
    public static void SkipIfMissing() => Assert.SkipWhen(PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");

    /// <summary>Returns a loopback address with a port that is free now.</summary>
    public static IPEndPoint FreeAddress()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
