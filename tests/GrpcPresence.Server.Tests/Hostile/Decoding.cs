using System.Diagnostics.CodeAnalysis;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Whether bytes are a message; the server's library must think the same of them.</summary>
internal static class Decoding
{
    /// <summary>The message; false when the bytes are none.</summary>
    public static bool TryDecode(MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message) =>
        TryDecode(type, bytes, out message, out _);

    /// <summary>The message; false, and the status that the server answers with, when the bytes are none.</summary>
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
