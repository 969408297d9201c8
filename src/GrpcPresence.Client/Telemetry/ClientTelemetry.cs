using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace GrpcPresence.Client.Telemetry;

/// <summary>The instruments of a client, in the meter and the activity source <c>GrpcPresence.Client</c>.</summary>
internal sealed class ClientTelemetry : IDisposable
{
    public const string Name = "GrpcPresence.Client";

    /// <summary>Activities: the start of a session, and each time that a watch gets up to date.</summary>
    public static readonly ActivitySource Activities = new(Name);

    private readonly Meter _meter;

    public ClientTelemetry(IMeterFactory? meters)
    {
        _meter = meters?.Create(Name) ?? new Meter(Name);
        Sessions = _meter.CreateUpDownCounter<long>(
            "presence.client.sessions", "{session}", "Sessions that the client keeps alive");
        Watches = _meter.CreateUpDownCounter<long>("presence.client.watches", "{watch}", "Open watches");
        Heartbeats = _meter.CreateCounter<long>(
            "presence.client.heartbeats", "{heartbeat}", "Answered heartbeats; the tag outcome is accepted or the reason of the rejection");
        Ends = _meter.CreateCounter<long>(
            "presence.client.ends", "{end}", "Answered ends of sessions; the tag outcome is accepted or the reason of the rejection");
        Connections = _meter.CreateCounter<long>(
            "presence.client.connections", "{stream}", "Opened streams; the tag kind is heartbeats, unary or watch");
        Disconnections = _meter.CreateCounter<long>(
            "presence.client.disconnections", "{stream}", "Streams that ended before they were closed; the tag reason says why");
        Updates = _meter.CreateCounter<long>("presence.client.updates", "{update}", "Changes that watches raised");
        Resets = _meter.CreateCounter<long>(
            "presence.client.resets", "{reset}", "Snapshots that a watch received; the tag reason is that of the server");
    }

    public UpDownCounter<long> Sessions { get; }

    public UpDownCounter<long> Watches { get; }

    public Counter<long> Heartbeats { get; }

    public Counter<long> Ends { get; }

    public Counter<long> Connections { get; }

    public Counter<long> Disconnections { get; }

    public Counter<long> Updates { get; }

    public Counter<long> Resets { get; }

    public void Dispose() => _meter.Dispose();
}
