using System.Buffers.Binary;
using System.Security.Cryptography;
using GrpcPresence.Core.Access;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes;

/// <summary>SIDs of 128 random bits: nobody can guess another's. Safe from any thread.</summary>
public sealed class RandomSidGenerator : ISidGenerator
{
    /// <inheritdoc/>
    public ServiceSid NewServiceSid() => new(NewValue());

    /// <inheritdoc/>
    public UserSid NewUserSid() => new(NewValue());

    /// <inheritdoc/>
    public BindingSid NewBindingSid() => new(NewValue());

    /// <inheritdoc/>
    public ApiKeySid NewApiKeySid() => new(NewValue());

    private static UInt128 NewValue()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
