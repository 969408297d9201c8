using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Tests.Streams;

internal sealed class ResetRecorder : IHttpResetFeature
{
    public List<int> Codes { get; } = [];

    public void Reset(int errorCode) => Codes.Add(errorCode);
}
