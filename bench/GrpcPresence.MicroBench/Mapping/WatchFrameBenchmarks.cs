using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.MicroBench.Fixture;
using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.MicroBench.Mapping;

/// <summary>Assembles the message of one watcher from users that were encoded before.</summary>
public class WatchFrameBenchmarks : WorldBenchmarks
{
    private readonly PayloadSink _sink = new();
    private ServiceRecord _service = null!;
    private WatchEvent _message = null!;

    /// <summary>Updates per message.</summary>
    [Params(1, Limits.WatchUpdatesPerMessage)]
    public int Updates { get; set; }

    /// <summary>Creates the users and encodes them.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _service = World.RecordOf(World.NewService(Limits.MaxSessionTimeout).Sid);
        var updates = Enumerable.Range(0, Updates)
            .Select(user => new UserUpdate(Sample.State(_service, user, revision: 1_000 + user), UpdateReasons.ReachabilityOnline))
            .ToList();
        var token = new ResumeToken(_service.Sid, Guid.Empty, Base: 1_000, Position: 1_000, Newest: 1_000, FilterHash: 1);
        _message = new WatchEvent.Updates(updates, token);
        Write();
    }

    /// <summary>Creates the frame and writes it. Returns its bytes.</summary>
    [Benchmark]
    public int Write()
    {
        var frame = new WatchFrame(_message, _service.Sid, World.Encoder, UserView.Full);
        WatchFrame.Marshaller.ContextualSerializer(frame, _sink);
        return _sink.Written;
    }
}
