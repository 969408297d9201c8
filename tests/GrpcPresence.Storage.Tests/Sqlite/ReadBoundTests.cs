using System.Reflection;
using System.Text.RegularExpressions;
using Dapper;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Storage.Tests.Conformance;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Tests that no read of a caller examines more rows, or reads more bytes, than one page may.</summary>
public sealed class ReadBoundTests : SqliteTestBase
{
    private const int Many = (3 * Limits.RowsPerPage) + 5;

    /// <summary>
    /// The names of the statements of users, changes and tombstones. Two run at a start only: over all users, and over a table of one row.
    /// </summary>
    public static TheoryData<string> Statements =>
        [.. StatementFields().Select(constant => constant.Name).Where(name => name is not ("ListOnlineUsers" or "FindUptime"))];

    [Theory]
    [MemberData(nameof(Statements))]
    public void Reads_No_statement_scans_a_table_or_sorts(string name)
    {
        using var store = Open();
        var sql = (string)StatementFields().Single(constant => constant.Name == name).GetRawConstantValue()!;

        foreach (var step in PlanOf(sql))
        {
            Assert.StartsWith("SEARCH", step, StringComparison.Ordinal);
            Assert.DoesNotContain("TEMP B-TREE", step, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("b.service_id = 1 AND b.id > 1 ORDER BY b.id LIMIT 1", "push_bindings_by_service")]
    [InlineData("b.service_id = 1 AND b.id < 1 ORDER BY b.id DESC LIMIT 1", "push_bindings_by_service")]
    [InlineData("b.service_id = 1 AND b.type = 1 AND b.id > 1 ORDER BY b.id LIMIT 1", "push_bindings_by_type")]
    [InlineData("b.service_id = 1 AND b.type = 1 AND b.id < 1 ORDER BY b.id DESC LIMIT 1", "push_bindings_by_type")]
    [InlineData("b.user_id IN (1, 2) AND (1 OR b.type IN (1)) AND b.id > 1 ORDER BY b.id LIMIT 1", "push_bindings_by_user")]
    [InlineData("b.service_id = 1 AND b.sid = x'00'", "push_bindings_by_sid")]
    public void Reads_A_list_of_push_bindings_uses_an_index(string condition, string index)
    {
        using var store = Open();

        var plan = PlanOf($"{BindingRow.Select} WHERE {condition}");

        Assert.Contains(plan, step => step.Contains(index, StringComparison.Ordinal));
        Assert.DoesNotContain(plan, step => step.StartsWith("SCAN", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, false)]
    [InlineData(false, true, true)]
    public async Task Reads_A_filter_that_excludes_all_users_reads_nothing(bool online, bool filter, bool backwards)
    {
        using var store = OpenWith((number, revision) => Sample.OnlineUser(number, revision) with { IsOnline = online });

        var read = await List(store, filter, backwards, id: backwards ? long.MaxValue : 0);

        Assert.Empty(read.Users);
        Assert.Null(read.Next);
        Assert.Equal(0, read.Cost);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task Reads_A_page_of_users_of_an_earlier_on_period_ends_after_a_bounded_number_of_rows(bool online, bool backwards)
    {
        // All became known before reachability was switched on again, except the last one in the direction of the list.
        var last = backwards ? 1 : Many;
        using var store = OpenWith(
            (number, revision) => Sample.OnlineUser(number, revision) with
            {
                IsOnline = online,
                KnownRevision = number == last ? Many + 10 : 1,
            },
            switchedOn: Many + 5);

        var found = new List<UserState>();
        var pages = 0;
        for (long? at = backwards ? long.MaxValue : 0; at is { } id; pages++)
        {
            var read = await List(store, online, backwards, id);
            Assert.InRange(read.Cost, 1, Limits.RowsPerPage);
            found.AddRange(read.Users);
            at = read.Next;
        }

        Assert.Equal(Sample.UserSid(last), Assert.Single(found).Sid);
        Assert.Equal((Many + Limits.RowsPerPage - 1) / Limits.RowsPerPage, pages);
    }

    [Fact]
    public async Task Reads_A_sweep_of_known_users_ends_after_a_bounded_number_of_rows()
    {
        using var store = OpenWith((number, revision) => Sample.User(number, revision));

        var read = await store.ListKnownUsersAsync(Sample.ServiceSid(1), 0, 500, knownSince: 1, long.MaxValue, Stop);

        Assert.Empty(read.Users);
        Assert.Equal(Limits.RowsPerPage, read.Cost);
        Assert.NotNull(read.Next);
    }

    [Fact]
    public async Task Reads_A_page_of_large_users_ends_at_its_bytes_while_it_is_read()
    {
        var attributes = new string('x', Limits.AttributesBytes);
        using var store = OpenWith((number, revision) => Sample.User(number, revision) with { Attributes = attributes }, count: 300);
        const int Most = (Limits.PageBytes / Limits.AttributesBytes) + 1;

        var listed = await store.ListUsersAsync(Sample.ServiceSid(1), 0, 500, online: null, Stop);
        var changed = await store.ListChangesAsync(Sample.ServiceSid(1), 0, 500, Stop);

        Assert.InRange(listed.Users.Count, 1, Most);
        Assert.InRange(changed.Changes.Count, 1, Most);
        Assert.Equal(listed.Users[^1].Record!.Id, listed.Next);
        Assert.True(changed.HasMore);
        // A row of 16 KiB counts as several.
        Assert.Equal(listed.Users.Count * 5, listed.Cost);
    }

    [Fact]
    public async Task Reads_A_batch_of_large_users_ends_at_its_bytes_while_it_is_read()
    {
        var attributes = new string('x', Limits.AttributesBytes);
        using var store = OpenWith((number, revision) => Sample.User(number, revision) with { Attributes = attributes }, count: 300);
        UserKey[] keys = [.. Enumerable.Range(1, 300).Select(number => new UserKey(Sample.Identity(number)))];

        var cut = await store.FindUsersAsync(Sample.ServiceSid(1), keys, 10 * Limits.AttributesBytes, Stop);
        var whole = await store.FindUsersAsync(Sample.ServiceSid(1), keys, Stop);

        Assert.InRange(cut.Users.Count, 1, 10);
        Assert.NotNull(cut.Next);
        Assert.InRange(cut.Cost, 1, 5 * 11);
        Assert.Equal((300, null), (whole.Users.Count, whole.Next));
    }

    [Fact]
    public async Task Reads_An_identity_that_was_deleted_often_ends_the_read_of_its_tombstones()
    {
        using var store = Open();
        AddService(store);
        var session = StoreSession.Of(store);
        var service = session.FindService(Sample.ServiceSid(1))!;
        for (var i = 1; i <= Limits.TombstonesPerKey + 100; i++)
            session.AddTombstone(service.Id, Sample.TombstoneOf(Sample.User(i, i) with { Identity = Sample.Identity(1) }, i));
        session.UpdateService(service with { Revision = Many });
        session.Commit();

        var read = await store.FindChangesAsync(Sample.ServiceSid(1), [new UserKey(Sample.Identity(1))], 0, Stop);

        Assert.True(read.HasMore);
        Assert.InRange(read.Cost, 1, Limits.TombstonesPerKey + 2);
    }

    private static FieldInfo[] StatementFields() =>
    [
        .. typeof(SqlitePresenceStore).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
            .Where(constant => constant is { IsLiteral: true } && constant.GetRawConstantValue() is string text
                && text.StartsWith("SELECT", StringComparison.Ordinal)),
    ];

    private static ValueTask<UsersRead> List(SqlitePresenceStore store, bool online, bool backwards, long id) => backwards
        ? store.ListUsersBeforeAsync(Sample.ServiceSid(1), id, 500, online, Stop)
        : store.ListUsersAsync(Sample.ServiceSid(1), id, 500, online, Stop);

    private SqlitePresenceStore OpenWith(Func<int, long, UserRecord> user, int count = Many, long switchedOn = 1)
    {
        var store = Open();
        var session = StoreSession.Of(store);
        var service = session.InsertService(Sample.Service() with
        {
            Revision = count + 20,
            Configuration = new ServiceConfiguration
            {
                ReachabilityEnabled = true,
                SwitchedOnRevision = switchedOn,
                UpdateTime = Sample.Time,
            },
        });
        for (var number = 1; number <= count; number++)
            session.InsertUser(service.Id, user(number, number + 1));
        session.Commit();
        return store;
    }

    private string[] PlanOf(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={DatabasePath};Mode=ReadOnly;Pooling=false");
        connection.Open();
        var parameters = new DynamicParameters();
        foreach (var name in Regex.Matches(sql, @"\$(\w+)").Select(match => match.Groups[1].Value).Distinct())
            parameters.Add(name, 1L);
        return [.. connection.Query("EXPLAIN QUERY PLAN " + sql, parameters).Select(row => (string)row.detail)];
    }
}
