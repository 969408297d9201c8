using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Timelines of data that goes back while nodes use it.</summary>
public abstract partial class ClusterStoreConformance
{
    [Fact]
    public async Task A_revision_that_is_taken_again_after_the_data_went_back_is_of_another_timeline_for_every_node()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, _, _) = NewService(a);
        var goBack = await BackUpAsync();
        Rename(a, service, "lost");
        var lost = await ReadAllAsync(service, a, b);
        var timeline = lost[0].Timeline;
        Assert.All(lost, read => Assert.Equal(("lost", 11, timeline), (read.FriendlyName, read.Revision, read.Timeline)));

        await goBack();
        Assert.All(await ReadAllAsync(service, a, b), read => Assert.Equal(10, read.Revision));
        // The node that commits has learned the data. The other one has not.
        await PollAsync(b);
        StoreSession.Of(b.Store).Reopen();
        Rename(b, service, "kept");

        var kept = await ReadAllAsync(service, a, b);
        var present = kept[0].Timeline;
        Assert.NotEqual(timeline, present);
        Assert.All(kept, read => Assert.Equal(("kept", 11, present), (read.FriendlyName, read.Revision, read.Timeline)));
        Assert.Equal(10, await a.Store.FindTimelineEndAsync(service, timeline, Stop));
        Assert.Equal(11, await a.Store.FindTimelineEndAsync(service, present, Stop));
    }

    [Fact]
    public async Task Reads_while_the_data_goes_back_never_show_a_revision_of_one_timeline_under_the_id_of_another()
    {
        const int MostReads = 20_000;
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, _, _) = NewService(a);
        var goBack = await BackUpAsync();
        using var over = new CancellationTokenSource();
        var (seen, begun) = (new HashSet<(Guid, long, string)>(), new TaskCompletionSource());
        var reading = Task.Run(
            async () =>
            {
                for (var reads = 0; reads < MostReads && !over.IsCancellationRequested; reads++)
                {
                    foreach (var read in await a.Store.ReadAsync(service, Stop))
                        seen.Add((read.Timeline, read.Revision, read.FriendlyName));
                    begun.TrySetResult();
                }
            },
            Stop);
        await begun.Task.WaitAsync(Stop);

        Rename(b, service, "lost");
        await goBack();
        await PollAsync(b);
        StoreSession.Of(b.Store).Reopen();
        Rename(b, service, "kept");
        await over.CancelAsync();
        await reading;

        foreach (var read in await ReadAllAsync(service, a, b))
            seen.Add((read.Timeline, read.Revision, read.FriendlyName));
        Assert.Equal(seen.Count, seen.Select(read => (read.Item1, read.Item2)).Distinct().Count());
    }

    private static void Rename(Member member, ServiceRecord service, string name) => Assert.True(Commit(member, session =>
    {
        var read = session.FindService(service.Sid)!;
        session.UpdateService(read with { FriendlyName = name, Revision = read.Revision + 1 });
    }).IsWhole);

    /// <summary>Returns the service instance as each read of each node shows it.</summary>
    private static async Task<IReadOnlyList<ServiceRecord>> ReadAllAsync(ServiceRecord service, params Member[] members)
    {
        var found = new List<ServiceRecord>();
        foreach (var member in members)
        {
            found.AddRange(await member.Store.ReadEverywayAsync(service, Stop));
            var polled = Assert.Single((await PollAsync(member, new KnownService(service.Id, -1, -1))).Services);
            found.Add(polled.Record);
        }
        return found;
    }
}
