using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// Keeps what was acknowledged as over: ended sessions, and the sessions of deleted users. A later heartbeat must not begin them again, not
/// even after a restart.
/// </summary>
internal sealed class FinalEnds
{
    private readonly List<(Task Answer, TimeSpan At, string User, string Session, TimeSpan Until)> _asked = [];
    private readonly Dictionary<(string User, string Session), TimeSpan> _final = [];

    /// <summary>Notes that a client asked to end the session.</summary>
    /// <param name="answer">The answer to the client.</param>
    /// <param name="now">How long the history has lasted.</param>
    /// <param name="user">The user.</param>
    /// <param name="session">The live session.</param>
    /// <param name="until">Up to when the session must stay ended.</param>
    public void Ask(Task answer, TimeSpan now, string user, string session, TimeSpan until) =>
        _asked.Add((answer, now, user, session, until));

    /// <summary>
    /// Notes the answers so far. A lease may have run out before an answer that came later, so such an answer says nothing.
    /// </summary>
    public void Learn(TimeSpan now)
    {
        foreach (var asked in _asked.Where(asked => asked.Answer.IsCompletedSuccessfully && asked.At == now))
            _final[(asked.User, asked.Session)] = asked.Until;
        _asked.RemoveAll(asked => asked.Answer.IsCompleted || asked.At != now);
    }

    /// <summary>Forgets everything, because a backup was restored.</summary>
    public void Clear()
    {
        _asked.Clear();
        _final.Clear();
    }

    /// <summary>Checks the result of a heartbeat.</summary>
    /// <exception cref="BrokenPromiseException">The heartbeat began an ended session again.</exception>
    public void Check(HeartbeatResult result, TimeSpan now, string user, string session)
    {
        if (_final.TryGetValue((user, session), out var until) && now < until && result.Rejection != ErrorReason.SessionEnded)
            throw new BrokenPromiseException("Final", $"a heartbeat began the ended session {session} of {user} again");
    }
}
