using System.Buffers;
using System.Numerics;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// An outgoing <c>WatchUsersResponse</c>. Updates are assembled from the bytes of each user, which are encoded once for all watchers. Rare
/// messages are encoded as usual. REST reads <see cref="Event"/>, <see cref="Service"/> and <see cref="View"/>, and ignores the bytes.
/// </summary>
internal sealed class WatchFrame(WatchEvent watchEvent, ServiceSid service, IUserEncoder encoder, UserView view)
{
    // Tags: (field number << 3) | wire type 2. A test decodes frames with the generated classes.
    private const byte UpdatesTag = (V1.WatchUsersResponse.UpdatesFieldNumber << 3) | 2;
    private const byte ResumeTokenTag = (V1.WatchUsersResponse.ResumeTokenFieldNumber << 3) | 2;
    private const byte UpdateTag = (V1.WatchUpdates.UpdatesFieldNumber << 3) | 2;
    private const byte UserTag = (V1.UserUpdate.UserFieldNumber << 3) | 2;
    private const byte ReasonsTag = (V1.UserUpdate.UpdateReasonsFieldNumber << 3) | 2;
    private const int MaxVarint = 5;
    private const int MaxHeaders = 3 * (1 + MaxVarint); // the maximum for one update

    /// <summary>The highest reason number.</summary>
    private static readonly int LastReason = BitOperations.Log2((uint)UpdateReasons.All);

    /// <summary>The marshaller of the streaming method.</summary>
    public static Marshaller<WatchFrame> Marshaller { get; } = new(
        static (frame, context) => frame.Write(context),
        static _ => throw new NotSupportedException("Frames are only sent, never received."));

    /// <summary>The reason numbers of each set of reasons, encoded as a packed field. The index is the set.</summary>
    private static readonly byte[][] PackedReasons =
        [
            .. Enumerable.Range(0, (int)UpdateReasons.All + 1)
                .Select(set => Enumerable.Range(1, LastReason).Where(bit => (set & (1 << bit)) != 0).Select(bit => (byte)bit).ToArray()),
        ];

    /// <summary>The event to send.</summary>
    public WatchEvent Event => watchEvent;

    /// <summary>The service instance of the watch.</summary>
    public ServiceSid Service => service;

    /// <summary>The view of users that the watch asked for.</summary>
    public UserView View => view;

    private void Write(SerializationContext context)
    {
        if (watchEvent is WatchEvent.Updates updates)
        {
            WriteUpdates(updates, context);
        }
        else
        {
            var encoded = ToMessage();
            context.SetPayloadLength(encoded.CalculateSize());
            encoded.WriteTo(context.GetBufferWriter());
        }
        context.Complete();
    }

    private V1.WatchUsersResponse ToMessage()
    {
        var response = new V1.WatchUsersResponse { ResumeToken = watchEvent.Token?.Encode() ?? "" };
        switch (watchEvent)
        {
            case WatchEvent.ConfigurationChanged changed:
                response.Configuration = changed.Configuration.ToMessage(service);
                break;
            case WatchEvent.Reset reset:
                response.Reset = new V1.WatchReset { Reason = (V1.ResetReason)reset.Reason };
                break;
            case WatchEvent.Synced:
                response.Synced = new V1.WatchSynced();
                break;
            case WatchEvent.Progress:
                response.Progress = new V1.WatchProgress();
                break;
            default:
                throw new InvalidOperationException($"{watchEvent.GetType().Name} has no response message.");
        }
        return response;
    }

    private void WriteUpdates(WatchEvent.Updates updates, SerializationContext context)
    {
        var shared = updates.Shared?.GetBodyBytes((Frame: this, updates.Users), static state => state.Frame.EncodeBody(state.Users));
        var body = shared?.Length ?? SizeOf(updates.Users);
        var token = updates.Token is { } at ? updates.Shared?.GetTokenText(at) ?? at.Encode() : null;
        context.SetPayloadLength(Framed(body) + (token is null ? 0 : Framed(token.Length)));

        var output = context.GetBufferWriter();
        WriteHeader(output, UpdatesTag, body);
        if (shared is null)
            WriteUsers(output, updates.Users);
        else
            output.Write(shared);
        if (token is null)
            return;
        WriteHeader(output, ResumeTokenTag, token.Length);
        Encoding.ASCII.GetBytes(token, output.GetSpan(token.Length));
        output.Advance(token.Length);
    }

    private byte[] EncodeBody(IReadOnlyList<UserUpdate> users)
    {
        var output = new ArrayBufferWriter<byte>(SizeOf(users) + MaxHeaders); // the last user requests this space without using it
        WriteUsers(output, users);
        return output.WrittenSpan.ToArray();
    }

    private int SizeOf(IReadOnlyList<UserUpdate> users)
    {
        var size = 0;
        foreach (var user in users)
            size += Framed(UpdateSize(user));
        return size;
    }

    private void WriteUsers(IBufferWriter<byte> output, IReadOnlyList<UserUpdate> users)
    {
        foreach (var user in users)
            WriteUpdate(output, user);
    }

    private void WriteUpdate(IBufferWriter<byte> output, UserUpdate update)
    {
        var user = update.State.Encode(encoder, view);
        var reasons = PackedReasons[(int)update.Reasons];
        var span = output.GetSpan(user.Length + reasons.Length + MaxHeaders);
        var at = PutHeader(span, UpdateTag, UpdateSize(update));
        at += PutHeader(span[at..], UserTag, user.Length);
        user.CopyTo(span[at..]);
        at += user.Length;
        if (reasons.Length > 0)
        {
            at += PutHeader(span[at..], ReasonsTag, reasons.Length);
            reasons.CopyTo(span[at..]);
            at += reasons.Length;
        }
        output.Advance(at);
    }

    private int UpdateSize(UserUpdate update)
    {
        var reasons = PackedReasons[(int)update.Reasons].Length;
        return Framed(update.State.Encode(encoder, view).Length) + (reasons == 0 ? 0 : Framed(reasons));
    }

    /// <summary>Returns the size of a field with a one-byte tag and a length.</summary>
    private static int Framed(int length) => 1 + CodedOutputStream.ComputeLengthSize(length) + length;

    private static void WriteHeader(IBufferWriter<byte> output, byte tag, int length) =>
        output.Advance(PutHeader(output.GetSpan(1 + MaxVarint), tag, length));

    private static int PutHeader(Span<byte> span, byte tag, int length)
    {
        span[0] = tag;
        var at = 1;
        var rest = (uint)length;
        for (; rest >= 0x80; rest >>= 7)
            span[at++] = (byte)(rest | 0x80);
        span[at++] = (byte)rest;
        return at;
    }
}
