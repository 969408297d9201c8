using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Tests.Cluster.Hints;

/// <summary>A node announces what it watches by changes.</summary>
public sealed class WatchedSetTests
{
    private static readonly ServiceSid One = new(1);
    private static readonly ServiceSid Two = new(2);

    private readonly HashSet<ServiceSid> _open = [];
    private readonly WatchedSet _set;

    public WatchedSetTests() => _set = new WatchedSet(_open.Contains);

    [Fact]
    public void A_change_names_only_what_is_new()
    {
        Open(One);
        Assert.Equal([One], _set.TakeChange()!.Added);
        Assert.Null(_set.TakeChange());

        Open(Two);
        Close(One);
        var change = _set.TakeChange()!;

        Assert.Equal((2, Two, One), (change.Number, Assert.Single(change.Added), Assert.Single(change.Removed)));
        Assert.Equal([Two], _set.ToMessage().Services);
        Assert.Equal(2, _set.ToMessage().Number);
    }

    [Fact]
    public void What_was_opened_and_closed_meanwhile_does_not_count()
    {
        Open(One);
        Close(One);
        Assert.Null(_set.TakeChange());
        Assert.Equal(0, _set.Number);
    }

    [Fact]
    public void Webhooks_watch_their_service_instances_also_without_a_client()
    {
        _set.SetDelivered([One]);
        Assert.Equal([One], _set.TakeChange()!.Added);
        Open(One);
        Close(One);
        _set.SetDelivered([One]);
        Assert.Null(_set.TakeChange());

        _set.SetDelivered([Two]);
        var change = _set.TakeChange()!;

        Assert.Equal((Two, One), (Assert.Single(change.Added), Assert.Single(change.Removed)));
    }

    private void Open(ServiceSid service)
    {
        _open.Add(service);
        _set.Note(service);
    }

    private void Close(ServiceSid service)
    {
        _open.Remove(service);
        _set.Note(service);
    }
}
