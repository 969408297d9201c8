namespace GrpcPresence.Core.Domain.Users;

/// <summary>A registered push address of a user. Immutable.</summary>
public sealed record PushBinding
{
    /// <summary>The store's key. Grows with each push binding and is never reused.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required BindingSid Sid { get; init; }

    /// <summary>The user's SID.</summary>
    public required UserSid UserSid { get; init; }

    /// <summary>The user's identity.</summary>
    public required Identity Identity { get; init; }

    /// <summary>The push service.</summary>
    public required BindingType Type { get; init; }

    /// <summary>The address; 1 to 1024 bytes of UTF-8.</summary>
    public required string Endpoint { get; init; }

    /// <summary>When it was set.</summary>
    public required DateTimeOffset CreateTime { get; init; }
}
