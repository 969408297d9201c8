using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>Connections to a host with several addresses, on a manual clock.</summary>
public sealed class HappyEyeballsTests
{
    private static readonly IPAddress First = IPAddress.Parse("8.8.8.8");
    private static readonly IPAddress Second = IPAddress.Parse("8.8.4.4");
    private static readonly IPAddress Sixth = IPAddress.Parse("2606:4700::1111");

    private readonly FakeTimeProvider _time = new();
    private readonly Dictionary<IPAddress, Attempt> _attempts;

    public HappyEyeballsTests() =>
        _attempts = new[] { First, Second, Sixth }.ToDictionary(address => address, address => new Attempt(address));

    [Fact]
    public async Task The_next_address_is_tried_when_the_first_one_drops_packets()
    {
        var connecting = ConnectAsync(First, Second);
        await _attempts[First].Begun.Wait();

        _time.Advance(HappyEyeballs.AttemptDelay - TimeSpan.FromTicks(1));
        Assert.False(_attempts[Second].HasBegun);
        _time.Advance(TimeSpan.FromTicks(1));
        await _attempts[Second].Begun.Wait();
        using var stream = new MemoryStream();
        _attempts[Second].Outcome.SetResult(stream);

        Assert.Same(stream, await connecting);
        Assert.True(_attempts[First].Cancelled.IsCancellationRequested);
    }

    [Fact]
    public async Task The_first_address_may_still_win_after_the_next_one_was_tried()
    {
        var connecting = ConnectAsync(First, Second);
        await _attempts[First].Begun.Wait();
        _time.Advance(HappyEyeballs.AttemptDelay);
        await _attempts[Second].Begun.Wait();
        using var stream = new MemoryStream();
        var closed = new Barrier("the connection that lost is closed");
        using var late = new ObservedStream(closed);

        _attempts[First].Outcome.SetResult(stream);
        Assert.Same(stream, await connecting);
        _attempts[Second].Outcome.SetResult(late);

        await closed.Wait();
    }

    [Fact]
    public async Task The_next_address_is_tried_at_once_when_one_fails()
    {
        var connecting = ConnectAsync(First, Second);
        await _attempts[First].Begun.Wait();

        _attempts[First].Outcome.SetException(new SocketException((int)SocketError.ConnectionRefused));
        await _attempts[Second].Begun.Wait();
        _attempts[Second].Outcome.SetException(new SocketException((int)SocketError.NetworkUnreachable));

        var failure = await Assert.ThrowsAsync<SocketException>(() => connecting);
        Assert.Equal(SocketError.NetworkUnreachable, failure.SocketErrorCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Never_unasked_a_host_with_an_address_that_the_server_could_not_try_does_not_count_as_unavailable(bool isFirst)
    {
        var connecting = ConnectAsync(First, Second);
        await _attempts[First].Begun.Wait();
        Exception[] outcomes = [PresenceErrors.WebhookCapacityExceeded(), new SocketException((int)SocketError.ConnectionRefused)];

        _attempts[First].Outcome.SetException(outcomes[isFirst ? 0 : 1]);
        await _attempts[Second].Begun.Wait();
        _attempts[Second].Outcome.SetException(outcomes[isFirst ? 1 : 0]);

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => connecting);
        Assert.Equal(ErrorReason.WebhookCapacityExceeded, refusal.Reason);
    }

    [Fact]
    public async Task A_connection_wins_over_an_address_that_the_server_could_not_try()
    {
        var connecting = ConnectAsync(First, Second);
        await _attempts[First].Begun.Wait();
        _attempts[First].Outcome.SetException(PresenceErrors.WebhookCapacityExceeded());
        await _attempts[Second].Begun.Wait();
        using var stream = new MemoryStream();

        _attempts[Second].Outcome.SetResult(stream);

        Assert.Same(stream, await connecting);
    }

    [Fact]
    public async Task The_families_take_turns()
    {
        var connecting = ConnectAsync(First, Second, Sixth);
        await _attempts[First].Begun.Wait();

        _time.Advance(HappyEyeballs.AttemptDelay);
        await _attempts[Sixth].Begun.Wait();
        Assert.False(_attempts[Second].HasBegun);
        using var stream = new MemoryStream();
        _attempts[Sixth].Outcome.SetResult(stream);

        Assert.Same(stream, await connecting);
    }

    [Fact]
    public async Task Cancellation_ends_all_attempts()
    {
        using var cancelled = new CancellationTokenSource();
        var connecting = ConnectAsync([First, Second], cancelled.Token);
        await _attempts[First].Begun.Wait();

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        Assert.False(_attempts[Second].HasBegun);
    }

    private Task<Stream> ConnectAsync(params IPAddress[] addresses) => ConnectAsync(addresses, TestRun.Token);

    private Task<Stream> ConnectAsync(IPAddress[] addresses, CancellationToken cancellationToken) =>
        new HappyEyeballs((endpoint, token) => _attempts[endpoint.Address].RunAsync(token), _time).ConnectAsync(
            addresses, port: 443, cancellationToken);

    private sealed class ObservedStream(Barrier closed) : MemoryStream
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            closed.Reach();
        }
    }

    private sealed class Attempt(IPAddress address)
    {
        public Barrier Begun { get; } = new($"the connection to {address} begins");

        public TaskCompletionSource<Stream> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationToken Cancelled { get; private set; }

        public bool HasBegun { get; private set; }

        public async Task<Stream> RunAsync(CancellationToken cancellationToken)
        {
            (HasBegun, Cancelled) = (true, cancellationToken);
            Begun.Reach();
            // An attempt may succeed although it was cancelled: the cancellation came too late.
            return address.Equals(Second) ? await Outcome.Task : await Outcome.Task.WaitAsync(cancellationToken);
        }
    }
}
