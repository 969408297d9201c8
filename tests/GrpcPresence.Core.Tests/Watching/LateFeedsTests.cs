using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests the timer of the feeds that wait for commits of other nodes.</summary>
public sealed class LateFeedsTests : IDisposable
{
    private static readonly TimeSpan Patience = Limits.CommitPatience;

    private readonly FakeTimeProvider _time = new();
    private readonly List<ServiceFeed> _due = [];
    private readonly LateFeeds _late;

    public LateFeedsTests() => _late = new LateFeeds(_time, feed =>
    {
        _due.Add(feed);
        feed.FindLate(_time.GetTimestamp());
    });

    private long Now => _time.GetTimestamp();

    public void Dispose() => _late.Dispose();

    [Fact]
    public void Convergent_a_feed_that_must_not_wait_is_read_at_once_and_the_timer_goes_on()
    {
        var full = NewFeed();
        FillBehindAGap(full);
        _late.Add(full);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal([full], _due);

        var next = NewFeed();
        Assert.Null(next.Publish(Commit(5), Now));
        _late.Add(next);
        _time.Advance(Patience);

        Assert.Equal([full, next], _due);
    }

    [Fact]
    public void Convergent_a_feed_is_read_when_it_has_waited_long_enough()
    {
        var feed = NewFeed();
        Assert.Null(feed.Publish(Commit(5), Now));
        _late.Add(feed);

        _time.Advance(Patience - TimeSpan.FromMilliseconds(1));
        Assert.Empty(_due);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal([feed], _due);
    }

    [Fact]
    public void Convergent_each_of_several_feeds_is_read_when_it_has_waited_long_enough()
    {
        List<ServiceFeed> feeds = [NewFeed(), NewFeed(), NewFeed()];
        foreach (var feed in feeds)
        {
            Assert.Null(feed.Publish(Commit(5), Now));
            _late.Add(feed);
            _time.Advance(TimeSpan.FromMilliseconds(5));
        }

        _time.Advance(Patience);

        Assert.Equal(feeds.ToHashSet(), _due.ToHashSet());
    }

    /// <summary>
    /// More commits than a feed holds arrive while a gap is read. The first that is too many must be read as soon as the gap is closed.
    /// </summary>
    private void FillBehindAGap(ServiceFeed feed)
    {
        Assert.Null(feed.Publish(Commit(5), Now));
        _time.Advance(Patience);
        var gap = feed.FindLate(Now)!;
        Assert.False(feed.PublishGapPage(gap, Page(3), isLast: false));
        for (var i = 0; i < Limits.HeldCommits; i++)
            Assert.Null(feed.Publish(Commit(6 + (2 * i)), Now));
        Assert.True(feed.PublishGapPage(gap, Page(4), isLast: true));
        Assert.True(feed.LateAt < Now - _time.TimestampFrequency);
    }

    private ServiceFeed NewFeed()
    {
        var feed = new ServiceFeed(Service(revision: 3), (long)(Patience.TotalSeconds * _time.TimestampFrequency));
        var queue = new WatchQueue(feed, new WatchFilter([], UpdateReasons.None, UserView.Full), new ServiceConfiguration());
        feed.Attach(queue);
        queue.CompleteSnapshot();
        return feed;
    }

    private static ServiceRecord Service(long revision) => new()
    {
        Id = 1,
        Sid = new ServiceSid(1),
        FriendlyName = "",
        CreateTime = default,
        UpdateTime = default,
        Configuration = new ServiceConfiguration(),
        Revision = revision,
    };

    private static ServiceCommit Commit(long revision) => new(Service(revision), revision, [], [], IsDeleted: false);

    private static ChangesRead Page(long revision) => new(Service(revision), [], HasMore: false, Cost: 0);
}
