using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests;

/// <summary>Gives back what it is given, after the test has had its turn with the call.</summary>
internal sealed class EchoServiceUnderTest(EchoBehaviour behaviour) : EchoService.EchoServiceBase
{
    public override async Task<EchoResponse> Once(EchoRequest request, ServerCallContext context)
    {
        await behaviour.OnCall(context);
        return new EchoResponse { Text = request.Text };
    }

    public override async Task<EchoResponse> Join(IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context)
    {
        await behaviour.OnCall(context);
        var texts = new List<string>();
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            texts.Add(request.Text);
        }

        return new EchoResponse { Text = string.Join(' ', texts) };
    }

    public override async Task Repeat(EchoRequest request, IServerStreamWriter<EchoResponse> responseStream, ServerCallContext context)
    {
        await behaviour.OnCall(context);
        for (var i = 0; i < request.Times; i++)
        {
            await responseStream.WriteAsync(new EchoResponse { Text = $"{request.Text} {i}" });
        }

        await behaviour.AfterResponses(context);
    }

    public override async Task Talk(
        IAsyncStreamReader<EchoRequest> requestStream,
        IServerStreamWriter<EchoResponse> responseStream,
        ServerCallContext context)
    {
        await behaviour.OnCall(context);
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(new EchoResponse { Text = request.Text }, context.CancellationToken);
        }

        await behaviour.AfterResponses(context);
    }
}
