using System.Buffers.Text;
using System.Security.Cryptography;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>A session. Its group's lock guards all that changes. Ten thousand of them live in one process, so it has few fields.</summary>
internal sealed class PresenceSession : IPresenceSession
{
    private const int RandomIdBytes = 16;

    private readonly SessionGroup _group;
    private SessionEnd? _end;
    private TaskCompletionSource<SessionEnd>? _ended; // only if somebody waits

    public PresenceSession(SessionGroup group, string userKey, string? sessionId)
    {
        _group = group;
        Beat = new SessionBeat { UserKey = userKey, SessionId = sessionId ?? NewId() };
        Size = Beat.CalculateSize();
    }

    /// <summary>The entry of this session in a message.</summary>
    public SessionBeat Beat { get; }

    /// <summary>The bytes of the entry.</summary>
    public int Size { get; }

    /// <summary>What the session is doing.</summary>
    public SessionPhase Phase { get; set; }

    /// <summary>How often in a row the server has rejected what the session sent, for reasons that pass.</summary>
    public byte Rejections { get; set; }

    /// <summary>Whether the session waits to repeat what the server rejected.</summary>
    public bool IsRetrying { get; set; }

    /// <summary>When the program disposed of the session.</summary>
    public TimeSpan EndedAt { get; set; }

    /// <summary>The place in the schedule: the slot, or -1.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>The place in the slot.</summary>
    public int Index { get; set; }

    /// <summary>Completes when the server has accepted the first heartbeat; null afterwards.</summary>
    public TaskCompletionSource? Started { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string UserKey => Beat.UserKey;

    public string SessionId => Beat.SessionId;

    public Task<SessionEnd> Ended
    {
        get
        {
            lock (_group.Gate)
            {
                if (_end is not null)
                    return Task.FromResult(_end);
                _ended ??= new TaskCompletionSource<SessionEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
                return _ended.Task;
            }
        }
    }

    public async ValueTask DisposeAsync() => await _group.EndAsync(this).ConfigureAwait(false);

    /// <summary>Marks the session ended. The caller holds the group's lock; continuations run elsewhere.</summary>
    public void SetEnded(SessionEnd end)
    {
        (Phase, _end) = (SessionPhase.Ended, end);
        _ended?.TrySetResult(end);
        if (end.Error is { } error)
            Started?.TrySetException(error);
        else
            Started?.TrySetException(new ObjectDisposedException(nameof(IPresenceSession)));
        _ = Started?.Task.Exception; // The program may have given up waiting.
        Started = null;
    }

    private static string NewId()
    {
        Span<byte> bytes = stackalloc byte[RandomIdBytes];
        RandomNumberGenerator.Fill(bytes);
        return Base64Url.EncodeToString(bytes);
    }
}

/// <summary>What a session is doing.</summary>
internal enum SessionPhase : byte
{
    /// <summary>The server has not accepted a heartbeat yet.</summary>
    Starting,

    /// <summary>The session lives.</summary>
    Live,

    /// <summary>The program has disposed of the session, and the server is to confirm the end.</summary>
    Ending,

    /// <summary>The session has ended.</summary>
    Ended,
}
