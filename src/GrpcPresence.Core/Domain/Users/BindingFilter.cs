namespace GrpcPresence.Core.Domain.Users;

/// <summary>
/// Selects push bindings: those of the named users, or of all users when it names none, and of the given types. Immutable.
/// </summary>
public sealed record BindingFilter
{
    /// <summary>Selects all push bindings.</summary>
    public static readonly BindingFilter All = new();

    /// <summary>A user that must exist, or null.</summary>
    public UserKey? User { get; init; }

    /// <summary>Users that may exist.</summary>
    public IReadOnlyList<UserKey> Users { get; init; } = [];

    /// <summary>The push services, each once; empty means all.</summary>
    public IReadOnlyList<BindingType> Types { get; init; } = [];

    /// <summary>Whether the filter names users, whether or not any of them exists.</summary>
    public bool NamesUsers => User is not null || Users.Count > 0;
}
