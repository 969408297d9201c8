using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>One service instance within a batch: its record as the batch changes it, and what was changed. Used by the writer's thread alone.</summary>
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

    /// <summary>Whether watchers or the directory must hear of it.</summary>
    public bool IsVisible => Record.Revision >= _firstRevision || IsDeleted || IsNew;

    /// <summary>Whether the service instance is created in this batch.</summary>
    public bool IsNew { get; init; }

    /// <summary>Whether reachability was switched on in this batch and is on at its end.</summary>
    public bool IsSwitchedOn =>
        Record.Configuration.ReachabilityEnabled && Record.Configuration.SwitchedOnRevision >= _firstRevision;

    /// <summary>The revision that the next visible change will take.</summary>
    public long NextRevision => Record.Revision + 1;

    /// <summary>Takes the next revision, for one visible change.</summary>
    /// <param name="users">How many users the change adds: 1, 0 or -1.</param>
    public void TakeRevision(int users = 0) => Update(Record with { Revision = NextRevision, UserCount = Record.UserCount + users });

    /// <summary>Replaces the record.</summary>
    public void Update(ServiceRecord record)
    {
        Record = record;
        IsChanged = true;
    }

    /// <summary>Notes the change of a user that took the present revision.</summary>
    /// <param name="user">The user after it.</param>
    /// <param name="reasons">What it changed.</param>
    /// <param name="previous">The revision of the user before it; 0 when it created the user.</param>
    public UserState Add(UserRecord user, UpdateReasons reasons, long previous)
    {
        var state = UserState.Of(Record.Sid, user, Record.Configuration);
        _users.Add(new UserChange(state, reasons, Record.Revision, previous));
        return state;
    }

    /// <summary>Notes the deletion of a user, whose revision was <paramref name="previous"/>, that took the present revision.</summary>
    public void Add(Tombstone tombstone, long previous) =>
        _users.Add(new UserChange(UserState.Of(Record.Sid, tombstone), UpdateReasons.Deleted, Record.Revision, previous));

    /// <summary>Replaces the configuration by one that took the present revision.</summary>
    public void Configure(ServiceConfiguration configuration)
    {
        Update(Record with { Configuration = configuration });
        _configurations.Add(configuration);
    }

    /// <summary>Notes the deletion of the service instance.</summary>
    public void Delete() => IsDeleted = true;

    /// <summary>What is to be published.</summary>
    public ServiceCommit ToCommit() => new(Record, _firstRevision, [.. _users], [.. _configurations], IsDeleted);
}
