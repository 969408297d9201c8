using System.Diagnostics.Metrics;

namespace GrpcPresence.Client.Telemetry;

/// <summary>The instruments of a client, in the meter <c>GrpcPresence.Client</c>.</summary>
internal sealed class ClientTelemetry : IDisposable
{
    /// <summary>The name of the meter, of the activity source, and of the log's category.</summary>
    public const string Name = "GrpcPresence.Client";

    private readonly Meter _meter;

    public ClientTelemetry(IMeterFactory? meters)
    {
        _meter = meters?.Create(Name) ?? new Meter(Name);
        Sessions = new GuardedCounter(_meter.CreateUpDownCounter<long>(
            "presence.client.sessions", "{session}", "Sessions that the client keeps alive").Add);
        Watches = new GuardedCounter(_meter.CreateUpDownCounter<long>("presence.client.watches", "{watch}", "Open watches").Add);
        Heartbeats = new GuardedCounter(_meter.CreateCounter<long>(
            "presence.client.heartbeats",
            "{heartbeat}",
            "Answered heartbeats; the tag outcome is accepted or the reason of the rejection").Add);
        Ends = new GuardedCounter(_meter.CreateCounter<long>(
            "presence.client.ends", "{end}", "Answered ends of sessions; the tag outcome is accepted or the reason of the rejection").Add);
        Connections = new GuardedCounter(_meter.CreateCounter<long>(
            "presence.client.connections", "{stream}", "Opened streams; the tag kind is heartbeats, unary or watch").Add);
        Disconnections = new GuardedCounter(_meter.CreateCounter<long>(
            "presence.client.disconnections", "{stream}", "Streams that ended before they were closed; the tag reason says why").Add);
        Updates = new GuardedCounter(_meter.CreateCounter<long>("presence.client.updates", "{update}", "Changes that watches raised").Add);
        Resets = new GuardedCounter(_meter.CreateCounter<long>(
            "presence.client.resets", "{reset}", "Snapshots that a watch received; the tag reason is that of the server").Add);
    }

    public GuardedCounter Sessions { get; }

    public GuardedCounter Watches { get; }

    public GuardedCounter Heartbeats { get; }

    public GuardedCounter Ends { get; }

    public GuardedCounter Connections { get; }

    public GuardedCounter Disconnections { get; }

    public GuardedCounter Updates { get; }

    public GuardedCounter Resets { get; }

    public void Dispose() => _meter.Dispose();
}
