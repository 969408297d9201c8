using System.Collections.Concurrent;
using System.Text;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Server.Tests.Fixture;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>Tests the writers of standard output and standard error over a device that the test controls.</summary>
public sealed class StandardWriterTests : IDisposable
{
    private readonly ConcurrentQueue<string> _written = new();
    private readonly ManualResetEventSlim _reads = new(initialState: true);
    private readonly TaskCompletionSource _blocked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int? _error;

    [Fact]
    public async Task Output_A_server_that_nobody_reads_drops_and_counts_what_does_not_fit_and_never_waits()
    {
        using var writer = NewWriter();
        writer.StopWaiting();
        _reads.Reset();
        writer.WriteLine("first");
        await Barrier.Within(_blocked.Task, "the device blocks");

        // This would never return if a caller waited.
        for (var i = 0; i < 10_000; i++)
            writer.WriteLine("more");

        Assert.InRange(writer.Dropped, 1, 9_999);
        _reads.Set();
    }

    [Fact]
    public void Output_A_server_whose_output_fails_counts_each_text_and_goes_on()
    {
        using (var writer = NewWriter())
        {
            writer.StopWaiting();
            _error = 28; // ENOSPC
            writer.WriteLine("first");
            writer.WriteLine("second");
            writer.Dispose();
            Assert.Equal(2, writer.Dropped);
        }

        Assert.Empty(_written);
    }

    [Fact]
    public void Output_The_last_texts_are_written_before_the_program_ends()
    {
        using (var writer = NewWriter())
        {
            writer.StopWaiting();
            for (var i = 0; i < 100; i++)
                writer.WriteLine($"{i}");
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}{Environment.NewLine}"), _written);
    }

    [Fact]
    public void A_command_fails_when_its_result_cannot_be_written()
    {
        using var writer = NewWriter();
        _error = 28; // ENOSPC

        Assert.Throws<IOException>(() => writer.WriteLine("SID:secret"));
    }

    [Fact]
    public async Task A_command_whose_reader_has_seen_enough_does_not_fail()
    {
        using var writer = NewWriter();
        _error = StandardDescriptor.BrokenPipe;

        await writer.WriteLineAsync("more than head reads");
    }

    [Fact]
    public async Task Every_way_to_write_reaches_the_device_at_once_and_in_order()
    {
        using var writer = NewWriter();

        writer.Write('a');
        writer.Write("b");
        writer.Write("xcx".ToCharArray(), 1, 1);
        await writer.WriteAsync("d");
        await writer.WriteLineAsync("e");
        await writer.WriteLineAsync();
        writer.WriteLine("ü");
        writer.Write((string?)null);

        Assert.Equal($"abcde{Environment.NewLine}{Environment.NewLine}ü{Environment.NewLine}", string.Concat(_written));
    }

    public void Dispose() => _reads.Dispose();

    private StandardWriter NewWriter() => new(bytes =>
    {
        if (!_reads.IsSet)
            _blocked.TrySetResult();
        _reads.Wait(TestRun.Token);
        if (_error is { } error)
            throw new IOException("The device failed.", error);
        _written.Enqueue(Encoding.UTF8.GetString(bytes));
    });
}
