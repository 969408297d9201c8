using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>A client of a watch. It checks the rules for every message and keeps what a client may conclude.</summary>
internal sealed class WatchClient(WatchSession session) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IAsyncEnumerator<WatchEvent> _messages = session.ReadAsync(default).GetAsyncEnumerator();
    private readonly Dictionary<UserSid, long> _newest = [];

    public WatchSession Session => session;

    /// <summary>The client's state of each user.</summary>
    public Dictionary<string, UserState> Users { get; } = [];

    /// <summary>The last token.</summary>
    public ResumeToken? Token { get; private set; }

    public bool IsSynced { get; private set; }

    /// <summary>Returns the next message.</summary>
    public async Task<WatchEvent> Next()
    {
        var next = _messages.MoveNextAsync().AsTask();
        if (await Task.WhenAny(next, Task.Delay(Patience)) != next)
            Assert.Fail("The watch did not send the expected message.");
        Assert.True(await next, "The watch ended without a reason.");
        Take(_messages.Current);
        return _messages.Current;
    }

    /// <summary>Returns the next message, which must have this type.</summary>
    public async Task<T> Next<T>()
        where T : WatchEvent => Assert.IsType<T>(await Next());

    /// <summary>Reads messages through <c>synced</c>.</summary>
    public async Task<List<WatchEvent>> Sync()
    {
        var messages = new List<WatchEvent>();
        do
        {
            messages.Add(await Next());
        }
        while (messages[^1] is not WatchEvent.Synced);
        return messages;
    }

    /// <summary>Returns the only update of the next message.</summary>
    public async Task<UserUpdate> NextUpdate() => Assert.Single((await Next<WatchEvent.Updates>()).Users);

    /// <summary>Whether no message is ready. It requests the next message, so it must be a test's last call.</summary>
    public bool IsQuiet() => !_messages.MoveNextAsync().AsTask().IsCompleted;

    public async ValueTask DisposeAsync()
    {
        session.Dispose();
        try
        {
            await _messages.DisposeAsync();
        }
        catch (NotSupportedException)
        {
            // A message is still being asked for: the session is closed, and nothing more comes.
        }
    }

    private void Take(WatchEvent message)
    {
        Token = message.Token ?? Token;
        switch (message)
        {
            case WatchEvent.Reset:
                Users.Clear();
                _newest.Clear();
                IsSynced = false;
                Token = null;
                break;
            case WatchEvent.Synced:
                IsSynced = true;
                break;
            case WatchEvent.Updates updates:
                foreach (var update in updates.Users)
                    Take(update);
                break;
        }
    }

    private void Take(UserUpdate update)
    {
        var state = update.State;
        Assert.True(
                _newest.GetValueOrDefault(state.Sid) <= state.Revision,
                $"Ordered: {state.Identity} went back to revision {state.Revision}.");
        Assert.True(!IsSynced || update.Reasons != UpdateReasons.None, $"Reasoned: {state.Identity} was sent without a reason.");
        _newest[state.Sid] = state.Revision;
        if (state.IsDeleted)
        {
            if (Users.TryGetValue(state.Identity.ToString(), out var known) && known.Sid == state.Sid)
                Users.Remove(state.Identity.ToString());
        }
        else
        {
            Users[state.Identity.ToString()] = state;
        }
    }
}
