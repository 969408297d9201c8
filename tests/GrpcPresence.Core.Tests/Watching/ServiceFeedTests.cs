using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests when a feed offers a commit, holds it, or reads the store instead.</summary>
public sealed class ServiceFeedTests
{
    private const long Patience = 20;

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

    private readonly ServiceFeed _single = NewFeed(patience: 0);
    private readonly ServiceFeed _feed = NewFeed(Patience);

    // --- One writer ---

    [Fact]
    public void Convergent_a_gap_stays_open_until_the_store_shows_what_is_missing()
    {
        var gap = _single.Publish(Commit(6), now: 0)!;

        Assert.False(_single.PublishGapPage(gap, Page(4), isLast: true));
        Assert.Equal(3, _single.Revision);
        Assert.True(_single.PublishGapPage(gap, Page(5), isLast: true));
        Assert.Null(_single.FindLate(now: 0));
        Assert.Equal(6, _single.Revision);
    }

    [Fact]
    public void Convergent_a_gap_stays_open_until_its_last_page()
    {
        var gap = _single.Publish(Commit(5), now: 0)!;

        Assert.False(_single.PublishGapPage(gap, Page(5), isLast: false));
        Assert.Equal(3, _single.Revision);
    }

    [Fact]
    public void Convergent_a_batch_after_a_gap_is_offered_from_memory_again()
    {
        var gap = _single.Publish(Commit(5), now: 0)!;
        Assert.True(_single.PublishGapPage(gap, Page(7), isLast: true));
        Assert.Null(_single.FindLate(now: 0));

        Assert.Null(_single.Publish(Commit(7), now: 0)); // the page contained it already
        Assert.Null(_single.Publish(Commit(8), now: 0));
        Assert.Equal(8, _single.Revision);
    }

    [Fact]
    public void Convergent_a_gap_whose_reading_stopped_is_read_again_by_one_caller()
    {
        var gap = _single.Publish(Commit(5), now: 0)!;
        Assert.Null(_single.FindOverdue(before: 0));

        _single.StopReading(gap);

        Assert.Same(gap, _single.FindOverdue(before: 0));
        Assert.Null(_single.FindOverdue(before: 0));
    }

    // --- Several writers ---

    [Fact]
    public void Convergent_a_gap_closes_at_its_target_while_commits_go_on_and_these_follow_it()
    {
        _feed.Publish(Commit(5), now: 0);
        var gap = _feed.FindLate(now: Patience)!;
        Assert.Null(_feed.Publish(Commit(6), now: Patience));
        Assert.Null(_feed.Publish(Commit(8), now: Patience));

        Assert.Equal(4, gap.Target);
        Assert.True(_feed.PublishGapPage(gap, Page(4), isLast: true));
        Assert.Null(_feed.FindLate(now: Patience));
        Assert.Equal(6, _feed.Revision);
        Assert.Equal(7, _feed.FindLate(now: 2 * Patience)!.Target);
    }

    [Fact]
    public void Ordered_held_commits_follow_the_missing_one_in_the_order_of_their_revisions()
    {
        var queue = NewQueue(_feed);
        foreach (var revision in (long[])[7, 6, 5])
            Assert.Null(_feed.Publish(Rename(revision), now: 0));
        Assert.Equal((3, 0), (_feed.Revision, queue.PendingCount));

        Assert.Null(_feed.Publish(Rename(4), now: Patience - 1));

        Assert.Equal((7, 4), (_feed.Revision, queue.PendingCount));
        Assert.Null(_feed.LateAt);
        Assert.Equal([4, 5, 6, 7], TakeAll(queue).Select(update => update.State.Revision));
    }

    [Fact]
    public void Bookmarkable_no_token_passes_a_commit_that_is_missing()
    {
        var queue = NewQueue(_feed);
        _feed.Publish(Rename(5), now: 0);

        Assert.Equal((3, 3), queue.TokenPosition());
    }

    [Theory]
    [InlineData(5)]
    [InlineData(4)]
    public void Convergent_a_commit_that_arrives_twice_is_offered_once(long twice)
    {
        var queue = NewQueue(_feed);
        _feed.Publish(Rename(5), now: 0);
        _feed.Publish(Rename(twice), now: 0);
        _feed.Publish(Rename(4), now: 0);
        _feed.Publish(Rename(twice), now: 0);

        Assert.Equal([4, 5], TakeAll(queue).Select(update => update.State.Revision));
        Assert.Null(_feed.Publish(Rename(twice), now: 0));
        Assert.Equal(0, queue.PendingCount);
        Assert.Null(_feed.LateAt);
    }

    [Fact]
    public void Convergent_a_commit_that_stays_missing_is_read_after_the_time_of_the_one_that_waited_longest()
    {
        Assert.Null(_feed.Publish(Commit(7), now: 100));
        Assert.Null(_feed.Publish(Commit(5), now: 110));
        Assert.Equal(100 + Patience, _feed.LateAt);
        Assert.Null(_feed.FindLate(now: 100 + Patience - 1));

        var gap = _feed.FindLate(now: 100 + Patience);

        Assert.Equal((3, 4), (gap!.From, gap.Target));
        Assert.Null(_feed.LateAt);
    }

    [Fact]
    public void Convergent_one_commit_too_many_is_read_from_the_store_and_the_others_are_kept()
    {
        GapRead? gap = null;
        for (var i = 0; i <= Limits.HeldCommits; i++)
        {
            Assert.Null(gap);
            gap = _feed.Publish(Commit(5 + i), now: 0);
        }

        Assert.Equal(4, gap!.Target);
        Assert.True(_feed.PublishGapPage(gap, Page(4), isLast: true));
        var rest = _feed.FindLate(now: 0)!;
        Assert.Equal(4 + Limits.HeldCommits, _feed.Revision);
        Assert.Equal(5 + Limits.HeldCommits, rest.Target);
    }

    [Fact]
    public void Convergent_a_revision_that_the_store_holds_is_read_unless_its_commit_arrives_soon()
    {
        Assert.Null(_feed.NoteRevision(5, now: 0));
        Assert.Null(_feed.NoteRevision(6, now: 10));
        Assert.Null(_feed.Publish(Commit(4), now: 10));
        Assert.Equal(4, _feed.Revision);

        Assert.Equal(6, _feed.FindLate(now: Patience)!.Target);
    }

    [Fact]
    public void Convergent_a_revision_that_the_feed_has_reached_is_not_read()
    {
        Assert.Null(_feed.NoteRevision(3, now: 0));
        Assert.Null(_feed.NoteRevision(4, now: 0));
        Assert.Null(_feed.Publish(Commit(4), now: 10));

        Assert.Null(_feed.LateAt);
        Assert.Null(_feed.FindLate(now: 2 * Patience));
    }

    [Fact]
    public void Convergent_a_held_commit_without_all_its_users_is_read_when_it_is_next()
    {
        Assert.Null(_feed.Publish(Commit(5) with { IsPartial = true }, now: 0));
        Assert.Null(_feed.Publish(Commit(6), now: 0));

        var gap = _feed.Publish(Commit(4), now: 0)!;

        Assert.Equal((4, 4, 5), (_feed.Revision, gap.From, gap.Target));
        Assert.True(_feed.PublishGapPage(gap, Page(5), isLast: true));
        Assert.Null(_feed.FindLate(now: 0));
        Assert.Equal(6, _feed.Revision);
    }

    [Fact]
    public void Convergent_missing_commits_that_arrive_before_the_store_shows_them_close_the_gap()
    {
        _feed.Publish(Commit(5), now: 0);
        var gap = _feed.FindLate(now: Patience)!;
        _feed.StopReading(gap); // the store is away

        Assert.Null(_feed.Publish(Commit(4), now: Patience));

        Assert.Equal(5, _feed.Revision);
        Assert.Null(_feed.FindOverdue(before: 0));
        Assert.True(_feed.PublishGapPage(gap, Page(9), isLast: true)); // too late, and ignored
        Assert.Equal(5, _feed.Revision);
    }

    [Fact]
    public void Ordered_a_missing_commit_does_not_follow_the_newer_states_of_a_page()
    {
        var queue = NewQueue(_feed);
        _feed.Publish(Rename(6), now: 0);
        var gap = _feed.FindLate(now: Patience)!;
        Assert.False(_feed.PublishGapPage(gap, Page(5), isLast: false));

        Assert.Null(_feed.Publish(Rename(4), now: Patience));

        Assert.Equal((3, 0), (_feed.Revision, queue.PendingCount));
    }

    [Fact]
    public async Task Convergent_a_session_that_waits_for_a_held_revision_goes_on_when_it_is_reached()
    {
        var reached = _feed.WhenReached(5, now: 0);
        _feed.Publish(Commit(5), now: 0);
        Assert.False(reached.IsCompleted);

        _feed.Publish(Commit(4), now: 0);

        await reached.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Drained_a_feed_that_ends_drops_what_it_holds()
    {
        var reached = _feed.WhenReached(5, now: 0);
        _feed.Publish(Commit(5), now: 0);

        _feed.EndAll(PresenceErrors.ServerStopping);

        await reached.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Null(_feed.LateAt);
        Assert.Null(_feed.FindLate(now: Patience));
    }

    private static ServiceFeed NewFeed(long patience)
    {
        var feed = new ServiceFeed(Service, patience);
        NewQueue(feed);
        return feed;
    }

    private static WatchQueue NewQueue(ServiceFeed feed)
    {
        var queue = new WatchQueue(feed, new WatchFilter([], UpdateReasons.None, UserView.Full), Service.Configuration);
        feed.Attach(queue);
        queue.CompleteSnapshot();
        return queue;
    }

    [Fact]
    public void OneTimeline_a_commit_of_another_timeline_is_not_published()
    {
        var next = Rename(Service.Revision + 1);
        Assert.Null(_feed.Publish(next with { Service = next.Service with { Timeline = Guid.NewGuid() } }, now: 0));
        Assert.Equal(Service.Revision, _feed.Revision);
        Assert.Null(_feed.FindLate(now: Patience));
    }

    private static List<UserUpdate> TakeAll(WatchQueue queue)
    {
        var (builder, updates) = (new MessageBuilder(new Fixture.FixedSizeEncoder(), UserView.Full), new List<UserUpdate>());
        while (queue.PendingCount > 0)
            updates.AddRange(queue.TakeUpdates(builder)?.Users ?? builder.Take());
        return updates;
    }

    /// <summary>A commit of one change without users.</summary>
    private static ServiceCommit Commit(long revision) =>
        new(Service with { Revision = revision }, revision, [], [], IsDeleted: false);

    /// <summary>A commit of one change of a user of its own.</summary>
    private static ServiceCommit Rename(long revision)
    {
        var record = new UserRecord
        {
            Sid = new UserSid((UInt128)revision),
            Identity = Fixture.World.Id($"user-{revision}"),
            CreateTime = default,
            UpdateTime = default,
            CreatedRevision = revision,
            Revision = revision,
        };
        var state = UserState.Of(Service.Sid, record, Service.Configuration);
        return Commit(revision) with { Users = [new UserChange(state, UpdateReasons.FriendlyName, revision, Previous: 0)] };
    }

    private static ChangesRead Page(long revision) => new(Service with { Revision = revision }, [], HasMore: false, Cost: 0);
}
