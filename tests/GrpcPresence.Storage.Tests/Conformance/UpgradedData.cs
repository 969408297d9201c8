using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>The data of all dumps, which the programs of earlier schema versions made.</summary>
internal static class UpgradedData
{
    /// <summary>Fails unless the store has all of the data, and continues it.</summary>
    public static async Task RequireAsync(IPresenceStore store, CancellationToken cancellationToken)
    {
        var services = await store.ListServicesAsync(0, 10, cancellationToken);
        Assert.Equal(["one", "two"], services.Select(service => service.FriendlyName));
        var one = services[0];
        Assert.Equal((4, true), (one.UserCount, one.Configuration.ReachabilityEnabled));
        var users = (await store.ListUsersAsync(one.Sid, 0, 10, online: null, cancellationToken)).Users;
        Assert.Equal(["ada", "bob", "cay", "dan"], users.Select(user => user.Identity.ToString()));
        Assert.Equal([true, false, true, null], users.Select(user => user.IsOnline));
        Assert.Equal("{\"a\":1}", users[3].Record!.Attributes);
        var online = await store.ListOnlineUsersAsync(0, 10, cancellationToken);
        Assert.Equal(["ada", "cay"], online.Select(user => user.Identity.ToString()));
        Assert.Single((await store.ListChangesAsync(one.Sid, 0, 100, cancellationToken)).Changes, change => change.State.IsDeleted);
        var binding = Assert.Single(await store.ListBindingsAsync(one.Sid, BindingFilter.All, 0, 10, cancellationToken));
        Assert.Equal((users[0].Sid, BindingType.Fcm, "token"), (binding.UserSid, binding.Type, binding.Endpoint));
        Assert.Equal("http://webhook.example/hook", (await store.FindWebhookAsync(one.Sid, cancellationToken))!.Settings.PostUrl);
        Assert.Single(await store.ListApiKeysAsync(cancellationToken));

        // New rows follow the old ones in every list, so that page tokens from before stay valid.
        var session = StoreSession.Of(store);
        var added = session.InsertUser(session.FindService(one.Sid)!.Id, Sample.User(1, one.Revision + 1));
        session.InsertBinding(one.Id, added.Id, Sample.Binding(1, added));
        session.Commit();
        var after = await store.ListUsersAsync(one.Sid, users[3].Record!.Id, 10, online: null, cancellationToken);
        Assert.Equal(added.Sid, Assert.Single(after.Users).Sid);
        var bindings = await store.ListBindingsAsync(one.Sid, BindingFilter.All, binding.Id, 10, cancellationToken);
        Assert.Equal(added.Sid, Assert.Single(bindings).UserSid);
    }
}
