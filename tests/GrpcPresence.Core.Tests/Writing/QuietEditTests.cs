using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>Changes without webhooks: each property remembers whether its last change triggered them.</summary>
public sealed class QuietEditTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Webhooks_A_creation_that_skips_webhooks_is_recorded_and_one_that_does_not_is_not()
    {
        var service = await _world.NewService();

        await Create(service, "ada", skipsWebhooks: true);
        await Create(service, "bob", skipsWebhooks: false);

        Assert.Equal(UpdateReasons.Created, await QuietReasons(service, "ada"));
        Assert.Equal(UpdateReasons.None, await QuietReasons(service, "bob"));
    }

    [Fact]
    public async Task Webhooks_An_edit_that_skips_webhooks_is_recorded_for_the_properties_that_it_changes()
    {
        var service = await _world.NewService();
        await Create(service, "ada", skipsWebhooks: false);

        await Edit(service, new UserEdit("Ada", "{}", RoleSid: null), skipsWebhooks: true);
        Assert.Equal(UpdateReasons.FriendlyName, await QuietReasons(service));
        await Edit(service, new UserEdit(null, """{"a":1}""", Role(1)), skipsWebhooks: true);
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.Attributes | UpdateReasons.Role, await QuietReasons(service));
    }

    [Fact]
    public async Task Webhooks_An_edit_with_webhooks_ends_the_skipping_of_exactly_the_properties_that_it_changes()
    {
        var service = await _world.NewService();
        await Create(service, "ada", skipsWebhooks: true);
        await Edit(service, new UserEdit("Ada", """{"a":1}""", Role(1)), skipsWebhooks: true);

        await Edit(service, new UserEdit("Ada", """{"a":2}""", Role(1)), skipsWebhooks: false);

        Assert.Equal(UpdateReasons.Created | UpdateReasons.FriendlyName | UpdateReasons.Role, await QuietReasons(service));
    }

    [Fact]
    public async Task Webhooks_Transitions_and_push_bindings_keep_what_skipped_webhooks()
    {
        var service = await _world.NewService();
        await Create(service, "ada", skipsWebhooks: true);
        await Edit(service, new UserEdit("Ada", null, null), skipsWebhooks: true);

        await _world.Online(service, "ada");
        await _world.Bind(service, "ada", "endpoint");
        await _world.Offline(service, "ada");

        Assert.Equal(UpdateReasons.Created | UpdateReasons.FriendlyName, await QuietReasons(service));
    }

    [Fact]
    public async Task Webhooks_A_watch_receives_a_change_that_skips_webhooks_as_any_other()
    {
        var service = await _world.NewService();
        await using var watch = await _world.Watch(service, now: true);
        await watch.Sync();

        await Create(service, "ada", skipsWebhooks: true);
        Assert.Equal(UpdateReasons.Created, (await watch.NextUpdate()).Reasons);
        await Edit(service, new UserEdit("Ada", null, null), skipsWebhooks: true);
        Assert.Equal(UpdateReasons.FriendlyName, (await watch.NextUpdate()).Reasons);
    }

    private static RoleSid Role(int number) => RoleSid.TryParse($"RL{number:x32}", out var role) ? role : default;

    private Task<UserState> Create(CachedService service, string identity, bool skipsWebhooks) =>
        _world.Do(new CreateUser(service.Sid, World.Id(identity), "", "{}", default) { SkipsWebhooks = skipsWebhooks });

    private Task<UserState> Edit(CachedService service, UserEdit edit, bool skipsWebhooks) => _world.Do(
        new UpdateUser(service.Sid, World.Key("ada"), identity: null, etag: "", edit) { SkipsWebhooks = skipsWebhooks });

    private async Task<UpdateReasons> QuietReasons(CachedService service, string identity = "ada") =>
        (await _world.Get(service, identity))!.Record!.QuietReasons;
}
