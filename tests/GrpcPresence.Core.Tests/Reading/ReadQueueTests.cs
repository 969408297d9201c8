using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Reading;
using GrpcPresence.Core.Tests.Quotas;

namespace GrpcPresence.Core.Tests.Reading;

/// <summary>Tests in which order reads of tenants and callers are taken. Each read waits until the test lets it end.</summary>
public sealed class ReadQueueTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly QuotaWorld _world = new();
    private readonly List<string> _started = [];
    private readonly Dictionary<string, TaskCompletionSource> _open = [];
    private readonly Lock _gate = new();
    private readonly List<Thread> _threads = [];
    private ReadQueue _queue = new(total: 1, perTenant: 1, perCaller: 1);

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var open in _open.Values)
                open.TrySetResult();
        }
        _queue.Close();
        foreach (var thread in _threads)
            thread.Join();
        _world.Dispose();
    }

    [Fact]
    public async Task Reads_Tenants_take_turns_however_many_reads_one_has_queued()
    {
        var reads = new List<Task> { Add("A1", tenant: 1, "eve"), Add("A2", tenant: 1, "eve"), Add("A3", tenant: 1, "eve") };
        reads.AddRange([Add("B1", tenant: 2, "bob"), Add("B2", tenant: 2, "bob"), Add("C1", tenant: 3, "cay")]);

        Start(threads: 1);
        await EndAll(reads);

        Assert.Equal(["A1", "B1", "C1", "A2", "B2", "A3"], _started);
    }

    [Fact]
    public async Task Reads_Callers_of_a_tenant_take_turns()
    {
        var reads = new List<Task> { Add("e1", tenant: 1, "eve"), Add("e2", tenant: 1, "eve"), Add("e3", tenant: 1, "eve") };
        reads.AddRange([Add("b1", tenant: 1, "bob"), Add("b2", tenant: 1, "bob")]);

        Start(threads: 1);
        await EndAll(reads);

        Assert.Equal(["e1", "b1", "e2", "b2", "e3"], _started);
    }

    [Fact]
    public async Task Reads_One_tenant_never_occupies_all_threads()
    {
        _queue = new ReadQueue(total: 2, perTenant: 1, perCaller: 1);
        var first = Add("A1", tenant: 1, "eve");
        var second = Add("A2", tenant: 1, "bob");
        Start(threads: 2);
        await Started("A1");

        var other = Add("B1", tenant: 2, "cay");

        await Started("B1");
        Assert.DoesNotContain("A2", Order());
        End("A1");
        await Started("A2");
        End("B1");
        End("A2");
        await Task.WhenAll(first, second, other);
    }

    [Fact]
    public async Task Reads_One_caller_has_a_limit_of_its_own()
    {
        _queue = new ReadQueue(total: 4, perTenant: 2, perCaller: 1);
        var reads = new List<Task> { Add("e1", tenant: 1, "eve"), Add("e2", tenant: 1, "eve") };
        Start(threads: 4);
        await Started("e1");

        reads.Add(Add("b1", tenant: 1, "bob"));

        await Started("b1");
        Assert.DoesNotContain("e2", Order());
        await EndAll(reads);
    }

    [Fact]
    public async Task Reads_A_cancelled_read_leaves_the_queue_at_once()
    {
        using var cancellation = new CancellationTokenSource();
        var running = Add("e1", tenant: 1, "eve");
        var waiting = Add("e2", tenant: 1, "eve", cancellation.Token);
        Start(threads: 1);
        await Started("e1");
        Assert.Equal(1, _queue.Count);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, _queue.Count);
        var next = Add("e3", tenant: 1, "eve");
        await EndAll([running, next]);
        Assert.Equal(["e1", "e3"], _started);
    }

    [Fact]
    public async Task Reads_A_read_that_fails_does_not_end_its_thread()
    {
        Start(threads: 1);
        await Assert.ThrowsAsync<StorageException>(async () =>
            await _queue.RunAsync<int>(Owner(1, "eve"), () => throw new StorageException("broken"), TestContext.Current.CancellationToken));

        await EndAll([Add("e1", tenant: 1, "eve")]);
    }

    [Fact]
    public async Task Reads_Closing_fails_what_waits()
    {
        var waiting = Add("e1", tenant: 1, "eve");

        _queue.Close();

        await Assert.ThrowsAsync<StorageException>(() => waiting);
        await Assert.ThrowsAsync<StorageException>(() => Add("e2", tenant: 1, "eve"));
    }

    [Fact]
    public async Task Reads_A_read_that_waits_for_another_process_frees_its_thread()
    {
        _queue = new ReadQueue(total: 3, perTenant: 2, perCaller: 1);
        Start(threads: 1);
        var remote = AddRemote("A1", tenant: 1, "eve");
        await Started("A1");

        var local = Add("B1", tenant: 2, "bob");
        End("B1");
        await local;

        Assert.False(remote.IsCompleted);
        End("A1");
        await remote;
    }

    [Fact]
    public async Task Reads_That_wait_for_another_process_keep_every_limit_and_the_turns()
    {
        _queue = new ReadQueue(total: 2, perTenant: 1, perCaller: 1);
        Start(threads: 2);
        var reads = new List<Task> { AddRemote("A1", tenant: 1, "eve"), AddRemote("B1", tenant: 2, "bob") };
        await Started("A1");
        await Started("B1");
        reads.AddRange([AddRemote("A2", tenant: 1, "eve"), AddRemote("C1", tenant: 3, "cay"), AddRemote("B2", tenant: 2, "bob")]);
        Assert.Equal(3, _queue.Count);

        End("A1");
        await Started("C1");
        Assert.Equal(["A1", "B1", "C1"], Order().Order());
        End("C1");
        await Started("A2");
        End("B1");
        await Started("B2");

        await EndAll(reads);
        Assert.Equal(["C1", "A2", "B2"], Order()[2..]);
    }

    [Fact]
    public async Task Reads_The_threads_of_a_closed_queue_end_after_the_reads_that_wait_for_another_process()
    {
        _queue = new ReadQueue(total: 2, perTenant: 2, perCaller: 2);
        Start(threads: 2);
        var remote = AddRemote("A1", tenant: 1, "eve");
        await Started("A1");

        _queue.Close();

        // Another thread may have found the queue closed while the read was being started.
        Assert.Contains(_threads, thread => !thread.Join(TimeSpan.FromMilliseconds(50)));
        End("A1");
        await remote;
        Assert.All(_threads, thread => Assert.True(thread.Join(Patience)));
    }

    private ReadOwner Owner(int tenant, string caller) => new(new ServiceSid((UInt128)tenant), null, _world.User(caller, tenant));

    private Task<int> Add(string name, int tenant, string caller, CancellationToken cancellationToken = default)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _open.Add(name, end);
        return _queue.RunAsync(
            Owner(tenant, caller),
            () =>
            {
                lock (_gate)
                    _started.Add(name);
                // The store blocks its thread, so the test blocks it too.
                Assert.True(end.Task.Wait(Patience), $"Nothing ended {name}.");
                return new ValueTask<int>(0);
            },
            cancellationToken).AsTask();
    }

    private Task<int> AddRemote(string name, int tenant, string caller)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _open.Add(name, end);
        return _queue.RunAsync(Owner(tenant, caller), ReadAsync, TestContext.Current.CancellationToken).AsTask();

        async ValueTask<int> ReadAsync()
        {
            lock (_gate)
                _started.Add(name);
            await end.Task;
            return 0;
        }
    }

    private void Start(int threads)
    {
        for (var i = 0; i < threads; i++)
        {
            var thread = new Thread(_queue.Work) { IsBackground = true };
            thread.Start();
            _threads.Add(thread);
        }
    }

    private string[] Order()
    {
        lock (_gate)
            return [.. _started];
    }

    private async Task Started(string name) =>
        Assert.True(await Task.Run(() => SpinWait.SpinUntil(() => Order().Contains(name), Patience)), $"{name} did not start.");

    private void End(string name)
    {
        lock (_gate)
            _open[name].TrySetResult();
    }

    private async Task EndAll(IEnumerable<Task> reads)
    {
        lock (_gate)
        {
            foreach (var open in _open.Values)
                open.TrySetResult();
        }
        await Task.WhenAll(reads).WaitAsync(Patience);
    }
}
