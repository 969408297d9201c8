using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing.Overlay;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// A service instance in a batch: its record and its rows as the batch changes them, and the changes to publish. Used only by the writer's
/// thread.
/// </summary>
/// <param name="read">The service instance as it was read; if it is new, as it begins.</param>
/// <param name="rows">The rows. Not used after the commit.</param>
internal sealed class ServiceBatch(StoredService read, ServiceOverlay rows)
{
    private readonly List<UserChange> _users = [];
    private readonly List<ServiceConfiguration> _configurations = [];
    private long _firstRevision = read.Record.Revision + 1;
    private long _revision = read.Record.Revision;
    private long _userCount = read.Record.UserCount;
    private ServiceRecord _record = read.Record;
    private int? _position; // in the commit; null if the batch wrote nothing
    private bool _isRecordChanged;
    private bool _dependsOnRevision;
    private bool _isPartial;

    /// <summary>The record as it is to be stored.</summary>
    public ServiceRecord Record => _record.Revision == _revision && _record.UserCount == _userCount
        ? _record
        : _record = _record with { Revision = _revision, UserCount = _userCount };

    /// <summary>The store's key.</summary>
    public long Id { get; } = read.Record.Id;

    /// <summary>The SID.</summary>
    public ServiceSid Sid { get; } = read.Record.Sid;

    /// <summary>The settings in force.</summary>
    public ServiceConfiguration Configuration => _record.Configuration;

    /// <summary>The number of users.</summary>
    public long UserCount => _userCount;

    /// <summary>The rows.</summary>
    public ServiceOverlay Rows => rows;

    /// <summary>Whether the service instance is deleted in this batch.</summary>
    public bool IsDeleted { get; private set; }

    /// <summary>Whether watchers or the service cache must be notified.</summary>
    public bool IsVisible => _revision >= _firstRevision || IsDeleted || IsNew;

    /// <summary>Whether the service instance is created in this batch.</summary>
    public bool IsNew { get; init; }

    /// <summary>The last revision that was taken.</summary>
    public long Revision => _revision;

    /// <summary>The revision that the next visible change will take.</summary>
    public long NextRevision => _revision + 1;

    /// <summary>How far the commit moved the revisions and keys that the batch took. Known after <see cref="Settle"/>.</summary>
    public CounterShift Shift { get; private set; } = new(read.Counters, read.Counters);

    /// <summary>The number of users that were not created because the maximum number exists.</summary>
    public int RejectedUsers { get; set; }

    /// <summary>Takes the next revision, for one visible change.</summary>
    /// <param name="users">The change of the number of users: 1, 0 or -1.</param>
    public void TakeRevision(int users = 0)
    {
        _revision++;
        _userCount += users;
    }

    /// <summary>Replaces the record, apart from its revision and the number of users.</summary>
    public void Update(ServiceRecord record)
    {
        _record = record;
        _isRecordChanged = true;
    }

    /// <summary>Notes the change of a user that took the present revision.</summary>
    /// <param name="user">The user after the change.</param>
    /// <param name="reasons">The reasons of the change.</param>
    /// <param name="previous">The user's revision before the change; 0 for a new user.</param>
    public UserState Add(UserRecord user, UpdateReasons reasons, long previous)
    {
        var state = UserState.Of(Sid, user, Configuration);
        _users.Add(new UserChange(state, reasons, _revision, previous));
        return state;
    }

    /// <summary>
    /// Notes the deletion of a user that took the present revision. The user's revision before was <paramref name="previous"/>.
    /// </summary>
    public void Add(Tombstone tombstone, long previous) =>
        _users.Add(new UserChange(UserState.Of(Sid, tombstone), UpdateReasons.Deleted, _revision, previous));

    /// <summary>Notes the change of a user that took the present revision and was not read whole, because no publisher needs it.</summary>
    public void AddUnread() => _isPartial = true;

    /// <summary>Replaces the configuration with one that took the present revision.</summary>
    public void Configure(ServiceConfiguration configuration)
    {
        Update(_record with { Configuration = configuration });
        _configurations.Add(configuration);
    }

    /// <summary>Makes the service instance stale if its revision is not the one that was read.</summary>
    public void DependOnRevision() => _dependsOnRevision = true;

    /// <summary>Notes the deletion of the service instance.</summary>
    public void Delete() => IsDeleted = true;

    /// <summary>Adds the service instance to the commit, if the batch wrote to it.</summary>
    public void WriteTo(BatchWrites writes)
    {
        if (!_isRecordChanged && !IsVisible && !rows.IsChanged)
            return;
        _position = writes.Services.Count;
        var service = writes.AddService(read, IsDeleted ? read with { Record = Record } : rows.After(Record));
        (service.IsNew, service.IsDeleted, service.DependsOnRevision) = (IsNew, IsDeleted, _dependsOnRevision);
        if (!IsDeleted)
            rows.WriteTo(service);
        service.ChangesSettings |= _isRecordChanged;
    }

    /// <summary>Moves what is to be published to the revisions and keys that the commit stored.</summary>
    public void Settle(CommitResult result)
    {
        if (_position is not { } position || result.Services[position] is not { IsStale: false } settled || IsNew)
            return;
        Shift = new CounterShift(read.Counters, settled.Base);
        if (Shift.IsNone)
            return;
        _record = Shift.Of(Record);
        (_revision, _userCount) = (_record.Revision, _record.UserCount);
        _firstRevision = settled.Base.Revision + 1;
        for (var i = 0; i < _users.Count; i++)
        {
            var change = _users[i];
            _users[i] = new UserChange(
                Shift.Of(change.State), change.Reasons, Shift.Revision(change.Revision), Shift.Previous(change.Previous));
        }
        for (var i = 0; i < _configurations.Count; i++)
            _configurations[i] = Shift.Of(_configurations[i]);
    }

    /// <summary>Returns what is to be published.</summary>
    public ServiceCommit ToCommit() =>
        new(Record, _firstRevision, [.. _users], [.. _configurations], IsDeleted, _isPartial);
}
