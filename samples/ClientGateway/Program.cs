using System.CommandLine;
using System.Diagnostics;
using GrpcPresence.Client;
using GrpcPresence.Samples;

var userCount = new Option<int>("--users")
{
    Description = "The number of simulated users, each with one session",
    DefaultValueFactory = _ => 1_000,
};
var report = new Option<double?>("--report") { Description = "Print every so many seconds what the process used; by default never" };

return await ClientCommand.InvokeAsync(
    args,
    "Keeps the sessions of many users alive with the client library, over one connection.",
    async (settings, arguments, stop) =>
    {
        await using var presence = PresenceClient.Create(settings);
        // A gateway that has grown its own memory first shows what the sessions take.
        await using (await presence.StartSessionAsync("gateway", stop))
            Console.WriteLine("connected");
        var before = GC.GetTotalMemory(forceFullCollection: true);

        var identities = Enumerable.Range(1, arguments.GetValue(userCount)).Select(number => $"client-user-{number:D5}");
        // README.md begin
        var sessions = await Task.WhenAll(identities.Select(identity => presence.StartSessionAsync(identity, stop)));
        Console.WriteLine($"{sessions.Length} users are online");                             // over one connection
        var ending = Task.WhenAll(sessions.Select(PrintEndAsync));

        static async Task<SessionEnd> PrintEndAsync(IPresenceSession session)
        {
            var end = await session.Ended;
            if (end.Reason != SessionEndReason.Disposed)                                      // such as a deleted user
                Console.WriteLine($"{session.UserKey}: {end.Reason} {end.Error?.Reason}");
            return end;
        }
        // README.md end

        if (arguments.GetValue(report) is { } seconds)
        {
            var bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / sessions.Length;
            Console.WriteLine($"{bytes} bytes a session, with its identity");
            _ = ReportAsync(TimeSpan.FromSeconds(seconds), stop);
        }
        // A gateway whose key was revoked has no session left, and starts no other one.
        var ends = await ending.WaitAsync(stop);
        if (ends.FirstOrDefault(end => end.Error is not null)?.Error is { } error)
            throw error;
    },
    userCount,
    report);

static async Task ReportAsync(TimeSpan interval, CancellationToken stop)
{
    while (true)
    {
        var (began, used) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        await Task.Delay(interval, stop);
        var share = (Environment.CpuUsage.TotalTime - used) / Stopwatch.GetElapsedTime(began);
        Console.WriteLine($"{share:P2} of a core");
    }
}
