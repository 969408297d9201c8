using GrpcPresence.Twilio.Tests.Fixture;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

public sealed class UserListTests(OpenServer server) : IAsyncLifetime
{
    private const int Crowd = 70;

    private string _service = "";
    private HashSet<string> _everybody = [];

    public async ValueTask InitializeAsync()
    {
        _service = (await ServiceResource.CreateAsync("Lists", server.Client)).Sid;
        var users = await Task.WhenAll(
            Enumerable.Range(0, Crowd).Select(i => UserResource.CreateAsync(_service, $"user-{i}", client: server.Client)));
        _everybody = [.. users.Select(user => user.Sid)];
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData(null)]
    [InlineData(20)]
    [InlineData(1000)]
    public async Task A_list_reads_page_after_page(int? pageSize)
    {
        var listed = (await UserResource.ReadAsync(_service, pageSize, client: server.Client)).Select(user => user.Sid).ToList();

        Assert.Equal(Crowd, listed.Count);
        Assert.Equal(_everybody, listed.ToHashSet());
    }

    [Fact]
    public async Task A_list_stops_at_its_limit()
    {
        var listed = await UserResource.ReadAsync(_service, pageSize: 20, limit: 45, client: server.Client);

        Assert.Equal(46, listed.Count()); // the library returns one more than its limit
    }

    [Fact]
    public void Pages_are_walked_by_hand_to_the_last_one()
    {
        var page = UserResource.GetPage($"{server.Rest}v1/Services/{_service}/Users?PageSize=30", server.Client);
        var sizes = new List<int> { page.Records.Count };
        var seen = page.Records.Select(user => user.Sid).ToHashSet();
        while (page.HasNextPage())
        {
            page = UserResource.NextPage(page, server.Client);
            sizes.Add(page.Records.Count);
            seen.UnionWith(page.Records.Select(user => user.Sid));
        }

        Assert.Equal([30, 30, 10], sizes);
        Assert.Equal(_everybody, seen);
    }

    [Fact]
    public void Pages_are_walked_back_to_the_first_one()
    {
        var first = UserResource.GetPage($"{server.Rest}v1/Services/{_service}/Users?PageSize=30", server.Client);
        var second = UserResource.NextPage(first, server.Client);
        var third = UserResource.NextPage(second, server.Client);

        var secondAgain = UserResource.PreviousPage(third, server.Client);
        var firstAgain = UserResource.PreviousPage(secondAgain, server.Client);

        Assert.Equal(second.Records.Select(user => user.Sid), secondAgain.Records.Select(user => user.Sid));
        Assert.Equal(first.Records.Select(user => user.Sid), firstAgain.Records.Select(user => user.Sid));
    }
}
