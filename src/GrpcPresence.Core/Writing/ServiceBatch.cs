using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>A service instance in a batch: its record as the batch changes it, and the changes. Used only by the writer's thread.</summary>
internal sealed class ServiceBatch(ServiceRecord record)
{
    private readonly List<UserChange> _users = [];
    private readonly List<ServiceConfiguration> _configurations = [];
    private readonly long _firstRevision = record.Revision + 1;

    /// <summary>The record as it is to be stored.</summary>
    public ServiceRecord Record { get; private set; } = record;

    /// <summary>Whether the service instance is deleted in this batch.</summary>
    public bool IsDeleted { get; private set; }

    /// <summary>Whether the record must be written back.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Whether watchers or the service cache must be notified.</summary>
    public bool IsVisible => Record.Revision >= _firstRevision || IsDeleted || IsNew;

    /// <summary>Whether the service instance is created in this batch.</summary>
    public bool IsNew { get; init; }

    /// <summary>Whether reachability was switched on in this batch and is on at its end.</summary>
    public bool IsSwitchedOn =>
        Record.Configuration.ReachabilityEnabled && Record.Configuration.SwitchedOnRevision >= _firstRevision;

    /// <summary>The revision that the next visible change will take.</summary>
    public long NextRevision => Record.Revision + 1;

    /// <summary>Takes the next revision, for one visible change.</summary>
    /// <param name="users">The change of the number of users: 1, 0 or -1.</param>
    public void TakeRevision(int users = 0) => Update(Record with { Revision = NextRevision, UserCount = Record.UserCount + users });

    /// <summary>Replaces the record.</summary>
    public void Update(ServiceRecord record)
    {
        Record = record;
        IsChanged = true;
    }

    /// <summary>Notes the change of a user that took the present revision.</summary>
    /// <param name="user">The user after the change.</param>
    /// <param name="reasons">The reasons of the change.</param>
    /// <param name="previous">The user's revision before the change; 0 for a new user.</param>
    public UserState Add(UserRecord user, UpdateReasons reasons, long previous)
    {
        var state = UserState.Of(Record.Sid, user, Record.Configuration);
        _users.Add(new UserChange(state, reasons, Record.Revision, previous));
        return state;
    }

    /// <summary>
    /// Notes the deletion of a user that took the present revision. The user's revision before was <paramref name="previous"/>.
    /// </summary>
    public void Add(Tombstone tombstone, long previous) =>
        _users.Add(new UserChange(UserState.Of(Record.Sid, tombstone), UpdateReasons.Deleted, Record.Revision, previous));

    /// <summary>Replaces the configuration with one that took the present revision.</summary>
    public void Configure(ServiceConfiguration configuration)
    {
        Update(Record with { Configuration = configuration });
        _configurations.Add(configuration);
    }

    /// <summary>Notes the deletion of the service instance.</summary>
    public void Delete() => IsDeleted = true;

    /// <summary>Returns what is to be published.</summary>
    public ServiceCommit ToCommit() => new(Record, _firstRevision, [.. _users], [.. _configurations], IsDeleted);
}
