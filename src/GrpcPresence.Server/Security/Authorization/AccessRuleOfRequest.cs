namespace GrpcPresence.Server.Security.Authorization;

/// <summary>A row together with functions that read the targets of a request.</summary>
/// <typeparam name="TRequest">The request.</typeparam>
/// <param name="Method">The method's path in gRPC.</param>
internal sealed record AccessRule<TRequest>(string Method) : AccessRule(Method)
{
    /// <summary>
    /// Returns the SID of the request's service instance as the request has it, or null when this message contains none. A method without
    /// this function concerns the whole deployment. Only callers with that scope may call it.
    /// </summary>
    public Func<TRequest, string?>? Service { get; init; }

    /// <summary>Returns the key of the only user that the request concerns, as the request has it.</summary>
    public Func<TRequest, string>? User { get; init; }

    /// <summary>
    /// Returns the keys of the users that the request concerns, where there may be several. Only for <see cref="EndUserRights.Self"/>.
    /// </summary>
    public Func<TRequest, IEnumerable<string>> Users { get; init; } = _ => [];

    /// <summary>Whether the remaining fields are allowed in an end user's request.</summary>
    public Func<TRequest, bool> AllowsEndUser { get; init; } = _ => true;

    /// <summary>Returns the keys of all users that the request concerns.</summary>
    public IEnumerable<string> UsersOf(TRequest request) => User is null ? Users(request) : [User(request)];
}
