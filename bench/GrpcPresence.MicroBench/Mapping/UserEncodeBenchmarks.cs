using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Mapping;

/// <summary>Encodes a change, which happens once for all watchers with the same view.</summary>
public class UserEncodeBenchmarks : WorldBenchmarks
{
    private UserState _state = null!;

    /// <summary>The fields.</summary>
    [Params(UserView.Reachability, UserView.Full)]
    public UserView View { get; set; }

    /// <summary>Creates the user.</summary>
    [GlobalSetup]
    public void Setup() => _state = Sample.State(World.RecordOf(World.NewService(Limits.MaxSessionTimeout).Sid), user: 1, revision: 1_000);

    /// <summary>Encodes the user.</summary>
    [Benchmark]
    public byte[] Encode() => World.Encoder.Encode(_state, View);
}
