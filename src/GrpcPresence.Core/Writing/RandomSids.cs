using System.Buffers.Binary;
using System.Security.Cryptography;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>Makes SIDs of 128 random bits, so that no caller can guess another's. Safe from any thread.</summary>
public static class RandomSids
{
    /// <summary>Makes a service instance SID.</summary>
    public static ServiceSid NewServiceSid() => new(NewValue());

    /// <summary>Makes a user SID.</summary>
    public static UserSid NewUserSid() => new(NewValue());

    /// <summary>Makes a push binding SID.</summary>
    public static BindingSid NewBindingSid() => new(NewValue());

    /// <summary>Makes an API key SID.</summary>
    public static ApiKeySid NewApiKeySid() => new(NewValue());

    private static UInt128 NewValue()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
