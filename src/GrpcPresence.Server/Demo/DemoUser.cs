namespace GrpcPresence.Server.Demo;

/// <summary>A simulated user: online for a while, offline for a while, and sometimes disconnected without a sign.</summary>
/// <param name="identity">The identity.</param>
/// <param name="random">The random numbers of the demo.</param>
internal sealed class DemoUser(string identity, Random random)
{
    private int _secondsLeft = random.Next(1, 20);
    private int _sessions;

    /// <summary>The identity of the user.</summary>
    public string Identity => identity;

    /// <summary>Whether the user's app is open.</summary>
    public bool IsHere { get; private set; }

    /// <summary>The session of the current or last visit. Each visit has its own session.</summary>
    public string SessionId => $"demo-{identity}-{_sessions}";

    /// <summary>
    /// Advances by one second. Returns whether the user signs off now; a user that loses the connection only stops sending heartbeats.
    /// </summary>
    public bool Step()
    {
        if (--_secondsLeft > 0)
            return false;
        IsHere = !IsHere;
        if (IsHere)
        {
            _sessions = random.Next(1, int.MaxValue);
            _secondsLeft = random.Next(4, 40);
            return false;
        }
        _secondsLeft = random.Next(3, 25);
        return random.Next(3) != 0;
    }
}
