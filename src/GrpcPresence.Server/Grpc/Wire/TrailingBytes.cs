namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>Reads a stream, and remembers the last bytes that were read.</summary>
internal sealed class TrailingBytes(Stream stream, int count) : SequentialStream
{
    private readonly byte[] _last = new byte[count];

    /// <summary>The last bytes, or all with leading zeros when there were fewer.</summary>
    public ReadOnlySpan<byte> Last => _last;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var read = stream.Read(buffer);
        var kept = Math.Min(read, _last.Length);
        _last.AsSpan(kept).CopyTo(_last);
        buffer[(read - kept)..read].CopyTo(_last.AsSpan(_last.Length - kept));
        return read;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            stream.Dispose();
        base.Dispose(disposing);
    }
}
