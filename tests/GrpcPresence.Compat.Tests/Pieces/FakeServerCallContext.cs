using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

/// <summary>A context with recognizable values, as an implementation of the abstract members gives them.</summary>
internal sealed class FakeServerCallContext : ServerCallContext
{
    public static readonly DateTime SomeDeadline = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public Metadata? WrittenHeaders { get; private set; }

    public ContextPropagationOptions? AskedPropagation { get; private set; }

    protected override string MethodCore => "/package.Service/Name";

    protected override string HostCore => "host";

    protected override string PeerCore => "peer";

    protected override DateTime DeadlineCore => SomeDeadline;

    protected override Metadata RequestHeadersCore { get; } = [];

    protected override CancellationToken CancellationTokenCore => TestRun.Token;

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new(peerIdentityPropertyName: null, []);

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        WrittenHeaders = responseHeaders;
        return Task.CompletedTask;
    }

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options)
    {
        AskedPropagation = options;
        throw new NotSupportedException();
    }
}
