using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Whether bytes are a message; the server's library must think the same of them.</summary>
internal static class Decoding
{
    /// <summary>The message; false when the bytes are none.</summary>
    public static bool TryDecode(MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message)
    {
        try
        {
            message = type.Parser.ParseFrom(bytes);
            return true;
        }
#pragma warning disable CA1031 // a length near the largest makes the library throw whatever its arithmetic leads to
        catch (Exception)
#pragma warning restore CA1031
        {
            message = null;
            return false;
        }
    }
}
