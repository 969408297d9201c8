using GrpcPresence.Server.Streams.Http2;
using GrpcPresence.Server.Tests.Hostile.Http2;
using FrameType = GrpcPresence.Server.Streams.Http2.FrameType;

namespace GrpcPresence.Server.Tests.Streams.Http2;

public sealed class FrameScannerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(1000)]
    public void The_frames_are_found_however_the_bytes_are_divided(int part)
    {
        var sent = new Conversation("three frames").Raw("preface"u8)
            .Frame(3, 1, 5, [0, 0, 0, 8]).Frame(0, 0, 7, new byte[300]).Frame(7, 0, 0x80000000, []);
        var scanner = new FrameScanner("preface"u8.Length);
        var found = new List<FrameHeader>();

        foreach (var chunk in sent.Bytes.ToArray().Chunk(part))
        {
            ReadOnlySpan<byte> bytes = chunk;
            while (scanner.ReadHeader(ref bytes))
                found.Add(scanner.Frame);
        }

        Assert.Equal(
            [new(4, FrameType.Reset, 1, 5), new(300, FrameType.Data, 0, 7), new FrameHeader(0, FrameType.GoAway, 0, 0)],
            found);
    }
}
