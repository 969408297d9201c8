using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// A bookmark: everything up to it was delivered. During a catch-up it is a pair: users whose row has a revision above <paramref
/// name="Position"/> have still to be delivered, with reasons counted from <paramref name="Base"/>. Otherwise both numbers are the same.
/// </summary>
/// <param name="Service">The service instance.</param>
/// <param name="Timeline">The timeline that the revisions belong to, combined with the service instance's key.</param>
/// <param name="Base">The revision from which reasons count.</param>
/// <param name="Position">The revision up to which rows were delivered; not below the base.</param>
/// <param name="Newest">
/// No state that the client was sent is newer than this revision. It may be above the position, because the last state of a user that
/// changed twice is sent in the place of the first. If the data was cut back to a revision before it, the client may know states that the
/// data has lost.
/// </param>
/// <param name="FilterHash">The filter that the token was issued for.</param>
public sealed record ResumeToken(ServiceSid Service, Guid Timeline, long Base, long Position, long Newest, ulong FilterHash)
{
    private const byte Format = 1;
    private const int ChecksumAt = 1 + 16 + 16 + 8 + 8 + 8 + 8;
    private const int Length = ChecksumAt + 4;

    /// <summary>
    /// Returns the timeline that tokens of a service instance name. A service instance that takes the SID of a deleted one has revisions of
    /// its own, so the key of the service instance is a part of it.
    /// </summary>
    public static Guid TimelineOf(ServiceRecord service) => Combine(service.Timeline, service.Id);

    /// <summary>
    /// Returns the timeline of the store in which the token was issued. If another service instance had the SID then, returns an id that no
    /// timeline has.
    /// </summary>
    public Guid StoreTimelineOf(ServiceRecord service) => Combine(Timeline, service.Id);

    /// <summary>
    /// Returns the text that clients keep: base64url of format, service SID, timeline, base, position, newest, filter hash and a checksum.
    /// </summary>
    public string Encode()
    {
        Span<byte> bytes = stackalloc byte[Length];
        bytes[0] = Format;
        BinaryPrimitives.WriteUInt128BigEndian(bytes[1..], Service.Value);
        Timeline.TryWriteBytes(bytes[17..]);
        BinaryPrimitives.WriteInt64BigEndian(bytes[33..], Base);
        BinaryPrimitives.WriteInt64BigEndian(bytes[41..], Position);
        BinaryPrimitives.WriteInt64BigEndian(bytes[49..], Newest);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[57..], FilterHash);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[ChecksumAt..], Checksum(bytes[..ChecksumAt]));
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>
    /// Parses the text. Returns false if it is not a token. The checksum detects damage, not forgery: a token grants no access.
    /// </summary>
    public static bool TryDecode(string text, [NotNullWhen(true)] out ResumeToken? token)
    {
        token = null;
        Span<byte> bytes = stackalloc byte[Length];
        if (text.Length != Base64Url.GetEncodedLength(Length)
            || !Base64Url.IsValid(text)
            || !Base64Url.TryDecodeFromChars(text, bytes, out var written)
            || written != Length
            || bytes[0] != Format
            || BinaryPrimitives.ReadUInt32BigEndian(bytes[ChecksumAt..]) != Checksum(bytes[..ChecksumAt]))
        {
            return false;
        }
        var decoded = new ResumeToken(
            new ServiceSid(BinaryPrimitives.ReadUInt128BigEndian(bytes[1..])),
            new Guid(bytes.Slice(17, 16)),
            BinaryPrimitives.ReadInt64BigEndian(bytes[33..]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[41..]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[49..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[57..]));
        if (decoded.Base < 0 || decoded.Position < decoded.Base || decoded.Newest < 0)
            return false;
        token = decoded;
        return true;
    }

    // An exclusive or into the low eight bytes, so the second time undoes the first.
    private static Guid Combine(Guid timeline, long serviceId)
    {
        Span<byte> bytes = stackalloc byte[16];
        timeline.TryWriteBytes(bytes, bigEndian: true, out _);
        var low = bytes[8..];
        BinaryPrimitives.WriteInt64BigEndian(low, BinaryPrimitives.ReadInt64BigEndian(low) ^ serviceId);
        return new Guid(bytes, bigEndian: true);
    }

    // FNV-1a, 32 bits.
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var hash = 2166136261u;
        foreach (var value in bytes)
            hash = (hash ^ value) * 16777619u;
        return hash;
    }
}
