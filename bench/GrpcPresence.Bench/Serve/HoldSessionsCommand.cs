using System.Diagnostics.Metrics;
using System.Globalization;
using GrpcPresence.Client;

namespace GrpcPresence.Bench.Serve;

/// <summary>
/// Keeps sessions alive with the client library, as a gateway does. It writes <c>holding BYTES</c> when they have started, and answers the
/// line <c>count</c> with the number of heartbeats and of streams so far. The process ends with its input.
/// </summary>
internal static class HoldSessionsCommand
{
    /// <summary>Runs until the input ends.</summary>
    /// <param name="arguments">The address, the service instance and the number of sessions.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var (heartbeats, streams) = (0L, 0L);
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name is "presence.client.heartbeats" or "presence.client.connections")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            if (instrument.Name == "presence.client.heartbeats")
                Interlocked.Add(ref heartbeats, value);
            else
                Interlocked.Add(ref streams, value);
        });
        listener.Start();
        await using var presence = PresenceClient.Create(
            new PresenceClientOptions { Address = new Uri(arguments[0]), ServiceSid = arguments[1] });
        // What a process needs once, for any number of sessions, does not count.
        await using (await presence.StartSessionAsync("first"))
        {
        }
        var before = GC.GetTotalMemory(forceFullCollection: true);

        var count = int.Parse(arguments[2], CultureInfo.InvariantCulture);
        // A gateway keeps its sessions, and waits for their ends.
        var sessions = new (IPresenceSession Session, Task<SessionEnd> Ended)[count];
        for (var from = 0; from < count; from += 1000)
        {
            var started = await Task.WhenAll(
                Enumerable.Range(from, Math.Min(1000, count - from)).Select(i => presence.StartSessionAsync($"client-user-{i:D5}")));
            for (var i = 0; i < started.Length; i++)
                sessions[from + i] = (started[i], started[i].Ended);
        }
        var bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / count;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"holding {bytes}"));
        while (await Task.Run(Console.In.ReadLine) is not null)
        {
            if (sessions.FirstOrDefault(session => session.Ended.IsCompleted).Ended is { } ended)
                throw new InvalidDataException($"A session ended: {await ended}");
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"counted {Interlocked.Read(ref heartbeats)} {Interlocked.Read(ref streams)}"));
        }
        Environment.Exit(0); // without ending the sessions
        return 0;
    }
}
