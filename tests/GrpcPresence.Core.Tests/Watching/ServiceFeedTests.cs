using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests when a feed closes a gap that it reads from the store while batches continue to arrive.</summary>
public sealed class ServiceFeedTests
{
    private static readonly ServiceRecord Service = new()
    {
        Id = 1,
        Sid = RandomSids.NewServiceSid(),
        FriendlyName = "",
        CreateTime = default,
        UpdateTime = default,
        Configuration = new ServiceConfiguration(),
        Revision = 3,
    };

    private readonly ServiceFeed _feed = new(Service);
    private readonly WatchQueue _queue;

    public ServiceFeedTests()
    {
        _queue = new WatchQueue(_feed, new WatchFilter([], UpdateReasons.None, UserView.Full), Service.Configuration);
        _feed.Attach(_queue);
    }

    [Fact]
    public void Convergent_a_gap_stays_open_until_the_store_shows_the_batch_that_revealed_it()
    {
        var gap = _feed.Publish(Commit(5))!;

        Assert.False(_feed.PublishGapPage(gap, Page(4), isLast: true));
        Assert.Equal(3, _feed.Revision);
        Assert.True(_feed.PublishGapPage(gap, Page(5), isLast: true));
        Assert.Equal(5, _feed.Revision);
    }

    [Fact]
    public void Convergent_a_gap_stays_open_until_the_store_shows_a_batch_that_arrived_while_it_was_read()
    {
        var gap = _feed.Publish(Commit(5))!;
        Assert.Null(_feed.Publish(Commit(6)));

        Assert.False(_feed.PublishGapPage(gap, Page(5), isLast: true));
        Assert.Equal(3, _feed.Revision);
        Assert.True(_feed.PublishGapPage(gap, Page(6), isLast: true));
        Assert.Equal(6, _feed.Revision);
    }

    [Fact]
    public void Convergent_a_gap_stays_open_until_its_last_page()
    {
        var gap = _feed.Publish(Commit(5))!;

        Assert.False(_feed.PublishGapPage(gap, Page(5), isLast: false));
        Assert.Equal(3, _feed.Revision);
    }

    [Fact]
    public void Convergent_a_batch_after_a_gap_is_offered_from_memory_again()
    {
        var gap = _feed.Publish(Commit(5))!;
        Assert.True(_feed.PublishGapPage(gap, Page(7), isLast: true));

        Assert.Null(_feed.Publish(Commit(7))); // the page contained it already
        Assert.Null(_feed.Publish(Commit(8)));
        Assert.Equal(8, _feed.Revision);
    }

    [Fact]
    public void Convergent_a_gap_whose_reading_stopped_is_read_again_by_one_caller()
    {
        var gap = _feed.Publish(Commit(5))!;
        Assert.Null(_feed.FindOverdue(before: 0));

        _feed.StopReading(gap);

        Assert.Same(gap, _feed.FindOverdue(before: 0));
        Assert.Null(_feed.FindOverdue(before: 0));
    }

    /// <summary>A batch of one change without users.</summary>
    private static ServiceCommit Commit(long revision) => new(Service with { Revision = revision }, revision, [], [], IsDeleted: false);

    private static ChangesRead Page(long revision) => new(Service with { Revision = revision }, [], HasMore: false, Cost: 0);
}
