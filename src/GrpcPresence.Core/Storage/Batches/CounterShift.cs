using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// How far a commit moved the revisions and keys that a batch took in a service instance, because another writer had committed since the
/// batch read. Revisions up to the one that was read, and keys below the next one that was read, stay.
/// </summary>
/// <param name="Read">The counters that were read.</param>
/// <param name="Base">The counters before the commit.</param>
public readonly record struct CounterShift(ServiceCounters Read, ServiceCounters Base)
{
    /// <summary>Whether nothing moved.</summary>
    public bool IsNone => Read == Base;

    /// <summary>Returns a revision as it is stored.</summary>
    public long Revision(long revision) => revision > Read.Revision ? revision + Base.Revision - Read.Revision : revision;

    /// <summary>
    /// Returns the revision of an earlier change as it is stored; <see cref="long.MaxValue"/> stands for one that is not known.
    /// </summary>
    public long Previous(long revision) => revision == long.MaxValue ? revision : Revision(revision);

    /// <summary>Returns the key of a user as it is stored.</summary>
    public long UserId(long id) => id >= Read.NextUserId ? id + Base.NextUserId - Read.NextUserId : id;

    /// <summary>Returns the key of a push binding as it is stored.</summary>
    public long BindingId(long id) => id >= Read.NextBindingId ? id + Base.NextBindingId - Read.NextBindingId : id;

    /// <summary>Returns the counters after the commit.</summary>
    public ServiceCounters After(ServiceCounters counters) => new(
        counters.Revision + Base.Revision - Read.Revision,
        counters.UserCount + Base.UserCount - Read.UserCount,
        counters.NextUserId + Base.NextUserId - Read.NextUserId,
        counters.NextBindingId + Base.NextBindingId - Read.NextBindingId);

    /// <summary>Returns a service instance as it is stored.</summary>
    public ServiceRecord Of(ServiceRecord service) => service with
    {
        Revision = service.Revision + Base.Revision - Read.Revision,
        UserCount = service.UserCount + Base.UserCount - Read.UserCount,
        Configuration = Of(service.Configuration),
    };

    /// <summary>Returns a configuration as it is stored.</summary>
    public ServiceConfiguration Of(ServiceConfiguration configuration) => configuration with
    {
        Revision = Revision(configuration.Revision),
        SwitchRevision = Revision(configuration.SwitchRevision),
        SwitchedOnRevision = Revision(configuration.SwitchedOnRevision),
    };

    /// <summary>Returns a user as it is stored.</summary>
    public UserRecord Of(UserRecord user) => Of(UserPresence.Of(user)).ApplyTo(user) with
    {
        Id = UserId(user.Id),
        CreatedRevision = Revision(user.CreatedRevision),
        FriendlyNameRevision = Revision(user.FriendlyNameRevision),
        AttributesRevision = Revision(user.AttributesRevision),
        RoleRevision = Revision(user.RoleRevision),
    };

    /// <summary>Returns a presence as it is stored.</summary>
    public UserPresence Of(UserPresence presence) => presence with
    {
        Revision = Revision(presence.Revision),
        OnlineRevision = Revision(presence.OnlineRevision),
        NotifiableRevision = Revision(presence.NotifiableRevision),
        KnownRevision = Revision(presence.KnownRevision),
    };

    /// <summary>Returns a tombstone as it is stored.</summary>
    public Tombstone Of(Tombstone tombstone) => tombstone with { Revision = Revision(tombstone.Revision) };

    /// <summary>Returns a push binding as it is stored.</summary>
    public PushBinding Of(PushBinding binding) => binding with { Id = BindingId(binding.Id) };

    /// <summary>Returns what is visible of a user as it is stored.</summary>
    public UserState Of(UserState user) => user.With(user.Record is { } record ? Of(record) : null, Revision(user.Revision));

    /// <summary>
    /// Returns what a command answers, with the revisions and keys that are stored. Each type that contains some stands here.
    /// </summary>
    public T OfAnswer<T>(T answer) => answer switch
    {
        UserState user => (T)(object)Of(user),
        ServiceConfiguration configuration => (T)(object)Of(configuration),
        ServiceRecord service => (T)(object)Of(service),
        PushBinding binding => (T)(object)Of(binding),
        _ => answer,
    };
}
