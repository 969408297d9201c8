namespace GrpcPresence.Server.Demo;

/// <summary>One person of the demo: comes for a while, goes for a while, and sometimes just drops off the network.</summary>
/// <param name="identity">The identity.</param>
/// <param name="random">The demo's random numbers.</param>
internal sealed class DemoUser(string identity, Random random)
{
    private int _secondsLeft = random.Next(1, 20);
    private int _sessions;

    /// <summary>The identity.</summary>
    public string Identity => identity;

    /// <summary>Whether the app is open.</summary>
    public bool IsHere { get; private set; }

    /// <summary>The session of the present or last visit: each visit is a new one.</summary>
    public string SessionId => $"demo-{identity}-{_sessions}";

    /// <summary>One second passes. Returns whether the user leaves properly now; one who vanishes just stops.</summary>
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
