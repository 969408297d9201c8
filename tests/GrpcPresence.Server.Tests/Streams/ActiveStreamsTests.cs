using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Streams;

public sealed class ActiveStreamsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ApiKeyCache _keys = new();
    private readonly ResetRecorder _resets = new();
    private readonly DefaultHttpContext _request = new();
    private readonly ActiveStreams _streams;
    private int _ends;

    public ActiveStreamsTests()
    {
        _streams = new ActiveStreams(_time);
        _request.Features.Set<IHttpResetFeature>(_resets);
    }

    [Fact]
    public void Keys_A_stream_that_does_not_end_on_request_is_reset()
    {
        using var open = _streams.Open(_request);
        using var binding = Bind();
        EndCallers();

        Tick(ActiveStreams.Interval);
        Assert.Equal((1, 0), (_ends, _resets.Codes.Count));
        Tick(ActiveStreams.ResetGrace);
        Assert.Equal((1, 1), (_ends, _resets.Codes.Count));
    }

    [Fact]
    public void Keys_A_stream_that_ends_on_request_is_not_reset()
    {
        using var open = _streams.Open(_request);
        var binding = Bind();
        EndCallers();
        Tick(ActiveStreams.Interval);
        binding.Dispose();

        Tick(ActiveStreams.ResetGrace);

        Assert.Empty(_resets.Codes);
    }

    [Fact]
    public void Keys_Streams_of_callers_that_keep_their_access_continue()
    {
        using var open = _streams.Open(_request);
        using var binding = Bind();

        Tick(ActiveStreams.Interval);

        Assert.Equal(0, _ends);
    }

    private IDisposable Bind() => _streams.EndWith(Caller.Anonymous(_keys, isAllowed: false), _request, Ended);

    private void Ended(PresenceException reason)
    {
        Assert.Equal(ErrorReason.CredentialsRequired, reason.Reason);
        _ends++;
    }

    private void EndCallers() => _keys.Apply(
        [new ApiKey { Sid = default, FriendlyName = "", Role = ApiKeyRole.Read, Secret = new ApiKeySecret("", ""), CreateTime = default }],
            forgotten: []);

    private void Tick(TimeSpan after)
    {
        _time.Advance(after);
        _streams.Tick();
    }
}
