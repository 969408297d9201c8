using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Tests.Conformance;

namespace GrpcPresence.Storage.Tests.Import;

/// <summary>Reads everything that the port shows of a store, as values that can be compared.</summary>
internal static class StoreContents
{
    private const int All = 10_000;

    public static async Task<IReadOnlyList<object?>> ReadAsync(IPresenceStore store, CancellationToken stop)
    {
        var found = new List<object?>();
        foreach (var service in await store.ListServicesAsync(0, All, stop))
            await AddServiceAsync(store, service, found, stop);
        found.AddRange((await store.ListServicesBeforeAsync(long.MaxValue, All, stop)).Select(service => (object)service.Id));
        found.AddRange((await store.ListOnlineUsersAsync(0, All, stop)).Cast<object>());
        found.AddRange((await store.ListEndedSessionsAsync(0, All, stop)).Cast<object>());
        found.AddRange((await store.ListWebhooksAsync(stop)).Select(Of));
        found.Add(await store.FindUptimeAsync(stop));
        foreach (var key in await store.ListApiKeysAsync(stop))
            found.Add((key, key.Secret.Salt, key.Secret.Hash, key.PreviousSecret?.Salt, key.PreviousSecret?.Hash));
        var directory = new BatchKeys { NeedsDirectory = true };
        found.Add(StoreSession.Of(store).Read(directory).Directory with { Timeline = default });
        return found;
    }

    private static async Task AddServiceAsync(IPresenceStore store, ServiceRecord service, List<object?> found, CancellationToken stop)
    {
        var sid = service.Sid;
        found.Add(service with { Timeline = default }); // each store has its own
        var read = StoreSession.Of(store).Read(sid).Service!;
        found.Add(read with { Record = read.Record with { Timeline = default } });
        found.Add(await store.FindNotificationsAsync(sid, stop));
        found.Add(Of(await store.FindWebhookAsync(sid, stop)));
        bool?[] selections = [null, true, false];
        foreach (var online in selections)
        {
            found.AddRange((await store.ListUsersAsync(sid, 0, All, online, stop)).Users.Select(Of));
            found.AddRange((await store.ListUsersBeforeAsync(sid, long.MaxValue, All, online, stop)).Users.Select(Of));
        }
        found.AddRange((await store.ListKnownUsersAsync(sid, 0, All, 1, long.MaxValue, stop)).Users.Select(Of));
        foreach (var change in (await store.ListChangesAsync(sid, 0, All, stop)).Changes)
            found.Add((change.Revision, Of(change.State)));
        BindingFilter[] filters = [BindingFilter.All, BindingFilter.All with { Types = [BindingType.WebPush] }];
        foreach (var filter in filters)
            found.AddRange(await store.ListBindingsAsync(sid, filter, 0, All, stop));
    }

    private static object Of(UserState state) =>
        (state.Service, state.Sid, state.Identity, state.Record, state.Revision, state.IsOnline, state.IsNotifiable, state.LastOnlineTime);

    private static object? Of(StoredWebhook? webhook) => webhook is null
        ? null
        : (webhook with { Settings = webhook.Settings with { Filters = [] } }, string.Join(',', webhook.Settings.Filters));
}
