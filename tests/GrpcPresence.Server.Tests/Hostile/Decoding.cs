using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Decides whether bytes are a valid message.</summary>
internal static class Decoding
{
    private static readonly ConcurrentDictionary<MessageDescriptor, MessageShape> Shapes = new();

    /// <summary>Decodes an answer. Returns false when the bytes are invalid.</summary>
    public static bool TryDecode(MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message) =>
        TryDecode(type, bytes, out message, out _);

    /// <summary>Decodes a request. Returns false, and the status that the server answers, when the bytes are invalid.</summary>
    public static bool TryDecodeRequest(
        MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message, out StatusCode status)
    {
        if (!TryDecode(type, bytes, out message, out status))
            return false;
        if (HasWireFormat(type, bytes))
            return true;
        status = StatusCode.Internal;
        return false;
    }

    private static bool TryDecode(MessageDescriptor type, byte[] bytes, [NotNullWhen(true)] out IMessage? message, out StatusCode status)
    {
        status = StatusCode.OK;
        try
        {
            message = type.Parser.ParseFrom(bytes);
            // The library allows fewer nested groups while it discards unknown fields, as the server does.
            type.Parser.WithDiscardUnknownFields(discardUnknownFields: true).ParseFrom(bytes);
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

    // The library takes a negative length of a packed list for an empty list. The server rejects it.
    private static bool HasWireFormat(MessageDescriptor type, byte[] bytes)
    {
        try
        {
            Shapes.GetOrAdd(type, static type => new MessageShape(type)).Check(new ReadOnlySequence<byte>(bytes));
            return true;
        }
        catch (Exception exception) when (exception is PresenceException or RpcException)
        {
            return true; // with too many entries
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}
