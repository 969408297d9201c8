namespace GrpcPresence.Server.Telemetry;

/// <summary>The standard output and the standard error of the process. Either may be closed, full or unread.</summary>
internal sealed class StandardStreams : IDisposable
{
    private const int OutputDescriptor = 1;
    private const int ErrorDescriptor = 2;

    private StandardStreams()
    {
        Output = new StandardWriter(WriterTo(OutputDescriptor, Console.OpenStandardOutput));
        Error = new StandardWriter(WriterTo(ErrorDescriptor, Console.OpenStandardError));
    }

    /// <summary>Standard output.</summary>
    public StandardWriter Output { get; }

    /// <summary>Standard error.</summary>
    public StandardWriter Error { get; }

    /// <summary>The number of log entries and lines that were not written, because the server does not wait for a slow reader.</summary>
    public long Dropped => Output.Dropped + Error.Dropped;

    /// <summary>Opens the streams and makes the console use them: the logger of the framework writes to the console.</summary>
    public static StandardStreams Open()
    {
        var streams = new StandardStreams();
        Console.SetOut(streams.Output);
        Console.SetError(streams.Error);
        return streams;
    }

    /// <summary>From now on, no caller waits for a reader. See <see cref="StandardWriter"/>.</summary>
    public void StopWaiting()
    {
        Output.StopWaiting();
        Error.StopWaiting();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Output.Dispose();
        Error.Dispose();
    }

    private static Action<byte[]> WriterTo(int descriptor, Func<Stream> openConsole)
    {
        if (OperatingSystem.IsWindows())
        {
            var console = openConsole();
            return bytes => console.Write(bytes);
        }
        return StandardDescriptor.IsInherited(descriptor) ? bytes => StandardDescriptor.Write(descriptor, bytes) : _ => { };
    }
}
