namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Creates clients of a test.</summary>
internal static class TestClient
{
    /// <summary>The service instance, where a test plays the server.</summary>
    public const string ServiceSid = "IS00000000000000000000000000000001";

    /// <summary>Returns the settings of a client that reconnects at once, and whose other times the clock decides.</summary>
    public static PresenceClientOptions Options(string serviceSid, Network network, ManualClock? clock = null) => new()
    {
        Address = Network.Address,
        ServiceSid = serviceSid,
        ReconnectDelay = TimeSpan.FromMilliseconds(1),
        MaxReconnectDelay = TimeSpan.FromMilliseconds(1),
        // Beyond what the clock ends at once.
        EndTimeout = TimeSpan.FromMinutes(1),
        HttpHandlerFactory = network.NewHandler,
        TimeProvider = clock ?? new ManualClock { EndsShortWaits = true },
    };

    /// <summary>Creates a client that reconnects at once.</summary>
    public static PresenceClient Create(string serviceSid, Network network, ManualClock? clock = null) =>
        PresenceClient.Create(Options(serviceSid, network, clock));
}
