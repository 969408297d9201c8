namespace GrpcPresence.Core.Domain.Users;

/// <summary>Which push bindings are meant: those of the users that it names, or of everybody when it names none, and of the types. Immutable.</summary>
public sealed record BindingFilter
{
    /// <summary>All push bindings.</summary>
    public static readonly BindingFilter All = new();

    /// <summary>A user who must exist; null for none.</summary>
    public UserKey? User { get; init; }

    /// <summary>Users who may exist.</summary>
    public IReadOnlyList<UserKey> Users { get; init; } = [];

    /// <summary>The push services, each once; none means all.</summary>
    public IReadOnlyList<BindingType> Types { get; init; } = [];

    /// <summary>Whether it names users, be it that none of them exists.</summary>
    public bool NamesUsers => User is not null || Users.Count > 0;
}
