using System.Diagnostics.CodeAnalysis;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Decides whether bytes are a valid message, by the same rules as the server's library.</summary>
internal static class Decoding
{
    /// <summary>Decodes the message. Returns false when the bytes are invalid.</summary>
    public static bool TryDecode(MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message) =>
        TryDecode(type, bytes, out message, out _);

    /// <summary>Decodes the message. Returns false, and the status that the server answers, when the bytes are invalid.</summary>
    public static bool TryDecode(MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message, out StatusCode status)
    {
        status = StatusCode.OK;
        try
        {
            message = type.Parser.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException invalid) when (invalid.InnerException is DecoderFallbackException)
        {
            message = null;
            status = StatusCode.InvalidArgument;
            return false;
        }
#pragma warning disable CA1031 // a length near the largest makes the library throw whatever its arithmetic leads to
        catch (Exception)
#pragma warning restore CA1031
        {
            message = null;
            status = StatusCode.Internal;
            return false;
        }
    }
}
