using GrpcPresence.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Cluster.Tests.Channel;

/// <summary>What is on its way to a peer has a bound, whatever the connection does with it.</summary>
public sealed class PeerTests
{
    private const int Size = 1024 * 1024;
    private const int Bound = (int)(Peer.MaxBytes / Size);

    private readonly FakeTimeProvider _time = new();
    private readonly Service _service = new();
    private readonly Peer _peer;

    public PeerTests() => _peer = new Peer(new NodeId("127.0.0.1:7001", 1), _service);

    [Fact]
    public void Messages_above_the_bound_are_dropped_until_a_probe_is_answered()
    {
        Assert.Equal(Bound, SendMany());
        Assert.Equal(1, _service.Probes);

        // It followed the first message, so it says nothing about the others.
        _service.Answer();
        Assert.Equal(1, SendMany());

        _service.Answer();
        Assert.Equal(Bound, SendMany());
    }

    [Fact]
    public void A_probe_without_an_answer_releases_nothing_and_is_repeated_after_a_second()
    {
        SendMany();
        _service.Fail();
        Assert.Equal(0, SendMany());
        Assert.Equal(1, _service.Probes);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, SendMany());
        Assert.Equal(2, _service.Probes);

        _service.Answer();
        Assert.Equal(Bound, SendMany());
    }

    [Fact]
    public void A_few_bytes_need_no_probe()
    {
        for (var count = 0; count < 100; count++)
            Assert.True(_peer.TrySend(new byte[100], _time));
        Assert.Equal((100, 0), (_service.Messages, _service.Probes));
    }

    [Fact]
    public void A_message_above_the_bound_is_never_sent() =>
        Assert.False(_peer.TrySend(new byte[Peer.MaxBytes + 1], _time));

    private int SendMany()
    {
        var sent = 0;
        for (var count = 0; count < 3 * Bound; count++)
            sent += _peer.TrySend(new byte[Size], _time) ? 1 : 0;
        return sent;
    }

    private sealed class Service : INodeService
    {
        private TaskCompletionSource _probe = new();

        public int Messages { get; private set; }

        public int Probes { get; private set; }

        public Task Deliver(byte[] message)
        {
            Messages++;
            return Task.CompletedTask;
        }

        public Task Probe()
        {
            Probes++;
            _probe = new TaskCompletionSource();
            return _probe.Task;
        }

        public void Answer() => _probe.SetResult();

        public void Fail() => _probe.SetException(new TimeoutException());
    }
}
