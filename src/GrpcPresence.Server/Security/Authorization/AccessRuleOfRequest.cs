namespace GrpcPresence.Server.Security.Authorization;

/// <summary>A row, with what it reads from a request.</summary>
/// <typeparam name="TRequest">The request.</typeparam>
/// <param name="Method">The method, as gRPC names it in its path.</param>
internal sealed record AccessRule<TRequest>(string Method) : AccessRule(Method)
{
    /// <summary>
    /// The SID of the service instance that the request is about, as it stands there; null when this message names none. Without a function
    /// the method is
    /// about the whole deployment, and only for callers whose scope that is.
    /// </summary>
    public Func<TRequest, string?>? Service { get; init; }

    /// <summary>The key of the one user that the request is about, as it stands there.</summary>
    public Func<TRequest, string>? User { get; init; }

    /// <summary>
    /// The keys of the users that the request is about, where there may be several. For <see cref="EndUserRights.Self"/> alone.
    /// </summary>
    public Func<TRequest, IEnumerable<string>> Users { get; init; } = _ => [];

    /// <summary>What else must be so of the request of an end user.</summary>
    public Func<TRequest, bool> AllowsEndUser { get; init; } = _ => true;

    /// <summary>The keys of all users that the request is about.</summary>
    public IEnumerable<string> UsersOf(TRequest request) => User is null ? Users(request) : [User(request)];
}
