using GrpcPresence.Core.Domain;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>How many earlier starts a database remembers.</summary>
public sealed class TimelineTests
{
    [Fact]
    public async Task A_start_forgets_the_timelines_and_cuts_that_are_too_old_and_keeps_the_others()
    {
        var database = PostgresTests.NewDatabase();
        var (first, second) = (Guid.Empty, Guid.Empty);
        var service = Sample.Service();
        for (var start = 1; start <= 3; start++)
        {
            using var store = await PostgresTests.OpenAsync(database);
            var session = StoreSession.Of(store);
            if (start == 1)
                service = session.InsertService(service with { Revision = 1 });
            else
                session.UpdateService(session.FindService(service.Sid)! with { Revision = start });
            Assert.True(session.Commit().IsWhole);
            (first, second) = (start == 1 ? store.TimelineOf(service) : first, start == 2 ? store.TimelineOf(service) : second);
        }
        // Further starts, as many as are kept with the next one and the second one.
        PostgresServer.Execute(
            database, $"INSERT INTO timelines SELECT seq, gen_random_uuid() FROM generate_series(4, {Limits.KeptTimelines}) AS seq");

        using var last = await PostgresTests.OpenAsync(database);

        Assert.Equal(Limits.KeptTimelines, PostgresServer.Query<long>(database, "SELECT count(*) FROM timelines"));
        Assert.Equal(3, PostgresServer.Query<long>(database, "SELECT min(timeline_seq) FROM timeline_cuts"));
        Assert.Null(await last.FindTimelineEndAsync(service, first, TestContext.Current.CancellationToken));
        Assert.Equal(2, await last.FindTimelineEndAsync(service, second, TestContext.Current.CancellationToken));
    }
}
