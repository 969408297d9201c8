namespace GrpcPresence.Server.Security;

/// <summary>Marks an endpoint that authenticates its caller before it reads a body, waits, or answers.</summary>
internal sealed class AuthenticatesFirst
{
    /// <summary>The mark.</summary>
    public static readonly AuthenticatesFirst Instance = new();
}
