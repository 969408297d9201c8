using GrpcPresence.Client;
using GrpcPresence.Samples;

return await ClientCommand.InvokeAsync(
    args,
    "Watches the users of a service instance with the client library, and is online itself.",
    async (settings, _, stop) =>
    {
        // The lines of README.md begin here; a test compares them.
        await using var presence = PresenceClient.Create(settings);
        await using var session = await presence.StartSessionAsync("watcher", stop);          // online until disposed
        await using var users = await presence.WatchAsync(WatchOptions.Everybody, stop);      // returns with everybody's state
        var updates = users.ReadUpdatesAsync(stop);
        Console.WriteLine($"alice is online: {users["alice"].IsOnline?.ToString() ?? "unknown"}");
        await foreach (var update in updates)                                                 // resumes without limit
            Console.WriteLine($"{update.User.Identity}: {string.Join(", ", update.UpdateReasons)}");
        // The lines of README.md end here.
    });
