using System.Buffers.Binary;
using System.Security.Cryptography;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>Creates SIDs of 128 random bits, so that nobody can guess one. Safe from any thread.</summary>
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
