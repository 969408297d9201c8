using System.Runtime.InteropServices;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Writes to standard output or standard error directly. The console of .NET holds one lock for both while it writes, and everybody who
/// writes to the console needs it. One unread pipe would then block every thread that logs.
/// </summary>
internal static class StandardDescriptor
{
    /// <summary>The code of the exception for a pipe whose reader is gone.</summary>
    public const int BrokenPipe = 32; // EPIPE

    private const int Interrupted = 4; // EINTR
    private const int LinuxWouldBlock = 11;
    private const int MacWouldBlock = 35;

    /// <summary>
    /// Whether the process was started with the descriptor. If it was not, a file of the runtime, or later a socket, may have its number. A
    /// log entry must not reach those. An inherited descriptor is never marked as close-on-exec, and the runtime marks all of its own.
    /// </summary>
    public static bool IsInherited(int descriptor)
    {
        const int GetFlags = 1; // F_GETFD
        return Control(descriptor, GetFlags) == 0;
    }

    /// <summary>Writes all bytes, and waits until the reader has taken enough of them.</summary>
    /// <exception cref="IOException">The bytes cannot be written. Its HResult is the error number.</exception>
    public static void Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var written = Write(descriptor, ref MemoryMarshal.GetReference(bytes), bytes.Length);
            if (written >= 0)
            {
                bytes = bytes[(int)written..];
                continue;
            }
            var error = Marshal.GetLastPInvokeError();
            if (error is LinuxWouldBlock or MacWouldBlock)
                WaitUntilWritable(descriptor);
            else if (error != Interrupted)
                throw new IOException($"The standard output cannot be written: {Marshal.GetPInvokeErrorMessage(error)}.", error);
        }
    }

    // Another process may have made a shared pipe or terminal non-blocking.
    private static void WaitUntilWritable(int descriptor)
    {
        const short Output = 4; // POLLOUT
        const int WithoutLimit = -1;
        var polled = new Polled { Descriptor = descriptor, Events = Output };
        _ = Poll(ref polled, 1, WithoutLimit);
    }

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(int descriptor, ref byte bytes, nint count);

    [DllImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Poll(ref Polled polled, uint count, int milliseconds);

    [DllImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(int descriptor, int command);

    [StructLayout(LayoutKind.Sequential)]
    private struct Polled
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
