using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Stands between Kestrel's reader and the reader that decodes base64, which does two things that Kestrel's reader cannot take. It throws
/// in the middle of a read: Kestrel could then not skip the rest of the body, would close the connection and log a server error. And it
/// stops behind the padding of a part: if Kestrel has said with the same read that the body is complete, what follows would be ignored.
/// </summary>
internal sealed class GrpcWebTextBody(PipeReader body) : PipeReader, IRequestBodyPipeFeature
{
    private ReadResult? _unfinished; // a read whose end the decoder has not reported
    private long _left; // the bytes that the decoder has not consumed

    /// <inheritdoc/>
    public PipeReader Reader => this;

    /// <summary>Finishes the read that the decoder has begun, if any.</summary>
    public void FinishRead()
    {
        if (_unfinished is { } read)
            AdvanceTo(read.Buffer.Start);
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        var isRead = body.TryRead(out result);
        if (isRead)
            result = Begin(result);
        return isRead;
    }

    /// <inheritdoc/>
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        Begin(await body.ReadAsync(cancellationToken));

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _left = _unfinished?.Buffer.Slice(consumed).Length ?? 0;
        _unfinished = null;
        body.AdvanceTo(consumed, examined);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => body.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => body.Complete(exception);

    // The body is complete for the decoder when a read brings nothing new.
    private ReadResult Begin(ReadResult read)
    {
        _unfinished = read;
        return new ReadResult(read.Buffer, read.IsCanceled, read.IsCompleted && read.Buffer.Length == _left);
    }
}
