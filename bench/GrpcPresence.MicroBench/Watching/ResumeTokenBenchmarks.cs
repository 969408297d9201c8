using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.MicroBench.Watching;

/// <summary>Measures a resume token as text: docs/adr/0009-resume-token.md.</summary>
public class ResumeTokenBenchmarks
{
    private readonly ResumeToken _token = new(
        new ServiceSid(UInt128.MaxValue / 3), Guid.AllBitsSet, Base: 1_000, Position: 1_001, Newest: 1_002, FilterHash: 1);
    private string _text = "";

    /// <summary>Writes the token.</summary>
    [GlobalSetup]
    public void Setup() => _text = _token.Encode();

    /// <summary>Encodes the token.</summary>
    [Benchmark]
    public string Encode() => _token.Encode();

    /// <summary>Decodes the token.</summary>
    [Benchmark]
    public ResumeToken? Decode() => ResumeToken.TryDecode(_text, out var token) ? token : null;
}
