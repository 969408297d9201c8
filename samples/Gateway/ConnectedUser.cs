namespace GrpcPresence.Samples.Gateway;

/// <summary>A user whose device is connected to this gateway.</summary>
internal sealed class ConnectedUser(string identity)
{
    /// <summary>The identity.</summary>
    public string Identity => identity;

    /// <summary>The session: random, because two devices with the same id would count as one session.</summary>
    public string SessionId { get; private set; } = NewId();

    /// <summary>Whether heartbeats are sent. A beat that can never succeed is not repeated.</summary>
    public bool IsBeating { get; private set; } = true;

    /// <summary>Starts a new session. An ended session cannot be continued.</summary>
    public void RenewSession() => SessionId = NewId();

    /// <summary>Sends no further heartbeats.</summary>
    public void Stop() => IsBeating = false;

    private static string NewId() => Guid.NewGuid().ToString("N");
}
