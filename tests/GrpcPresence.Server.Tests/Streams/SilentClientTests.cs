using System.IO.Pipelines;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using HeartbeatStream = GrpcPresence.Server.Tests.Fixture.HeartbeatStream;

namespace GrpcPresence.Server.Tests.Streams;

/// <summary>
/// Tests what happens to the sessions of a heartbeat stream whose connection breaks. A test cannot move Kestrel's own timers, so it makes
/// the body of the stream's request throw what Kestrel throws.
/// </summary>
public sealed class SilentClientTests
{
    [Fact]
    public async Task The_sessions_of_a_client_that_fell_silent_live_on()
    {
        // The server closed the connection because a ping was not answered. Kestrel's own exception for this is internal.
        var lease = await LeaseAfterAsync(new IOException("", new ConnectionAbortedException("", new TimeoutException())));

        Assert.Equal(TimeSpan.FromSeconds(75), lease);
    }

    [Fact]
    public async Task The_sessions_of_a_client_that_closed_its_connection_end_soon()
    {
        var lease = await LeaseAfterAsync(new IOException("The client reset the request stream."));

        Assert.InRange(lease, TimeSpan.Zero, TimeSpan.FromSeconds(6));
    }

    /// <summary>Breaks a stream with the exception, and returns the time from the last heartbeat to the end of the lease.</summary>
    private static async Task<TimeSpan> LeaseAfterAsync(IOException reason)
    {
        using var broken = new CancellationTokenSource();
        var bodies = new BreakableBodies(reason, broken.Token);
        await using var server = await TestServer.StartAsync(services: services => services.AddSingleton<IStartupFilter>(bodies));
        var service = await server.CreateReachableServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(server, service, endSessionsOnClose: true);
        await stream.BeatAsync(("ada", "s1"));

        await broken.CancelAsync();
        await stream.Ended();

        var list = await server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = service, UserKey = "ada" });
        var session = Assert.Single(list.Sessions);
        return (session.LeaseExpireTime - session.LastHeartbeatTime).ToTimeSpan();
    }

    /// <summary>Makes the reads of every heartbeat stream throw once the token is cancelled.</summary>
    private sealed class BreakableBodies(IOException reason, CancellationToken broken) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((HttpContext http, RequestDelegate handler) =>
            {
                if (http.Request.Path == "/presence.v1.UserService/StreamHeartbeats")
                    http.Features.Set<IRequestBodyPipeFeature>(new Body(http.Request.BodyReader, reason, broken));
                return handler(http);
            });
            next(app);
        };
    }

    private sealed class Body(PipeReader body, IOException reason, CancellationToken broken) : PipeReader, IRequestBodyPipeFeature
    {
        public PipeReader Reader => this;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, broken);
            try
            {
                return await body.ReadAsync(reading.Token);
            }
            catch (OperationCanceledException) when (broken.IsCancellationRequested)
            {
                throw reason;
            }
        }

        public override bool TryRead(out ReadResult result) => body.TryRead(out result);

        public override void AdvanceTo(SequencePosition consumed) => body.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => body.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => body.CancelPendingRead();

        public override void Complete(Exception? exception = null) => body.Complete(exception);
    }
}
