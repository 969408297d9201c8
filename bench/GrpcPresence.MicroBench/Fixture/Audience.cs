using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>The open watches of a separate service instance, and commits for them as the writer would create them.</summary>
internal sealed class Audience
{
    private readonly World _world;
    private ServiceRecord _service;

    /// <param name="world">The world.</param>
    /// <param name="count">The number of watches.</param>
    /// <param name="keys">Returns the users that each watch names; an empty array means all.</param>
    public Audience(World world, int count, Func<int, UserKey[]> keys)
    {
        _world = world;
        _service = world.RecordOf(world.NewService(Limits.MaxSessionTimeout).Sid);
        Watches = [.. Enumerable.Range(0, count).Select(watch => Open(new WatchFilter(keys(watch), UpdateReasons.All, UserView.Full)))];
    }

    /// <summary>The watches.</summary>
    public Watch[] Watches { get; }

    /// <summary>Returns the next commit: the users came online. They are encoded already, as for all watchers except the first.</summary>
    public ServiceCommit[] NextCommit(int firstUser, int count)
    {
        var revision = _service.Revision;
        var changes = new UserChange[count];
        for (var index = 0; index < count; index++)
        {
            var state = Sample.State(_service, firstUser + index, ++revision);
            state.Encode(_world.Encoder, UserView.Full);
            changes[index] = new UserChange(state, UpdateReasons.ReachabilityOnline, revision);
        }
        var first = _service.Revision + 1;
        _service = _service with { Revision = revision };
        return [new ServiceCommit(_service, first, [.. changes], [], IsDeleted: false)];
    }

    // The in-memory store completes synchronously.
    private Watch Open(WatchFilter filter) =>
        new(_world.Hub
            .OpenAsync(new WatchRequest(_service.Sid, filter, StartNow: true, Token: null), _world.Store, CancellationToken.None)
            .AsTask().Result);
}
