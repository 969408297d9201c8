using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>Whoever may open the admin socket, which the file system decides: may do everything, as who could replace the database may.</summary>
internal sealed class OperatorCaller : Caller
{
    /// <summary>The one object.</summary>
    public static readonly OperatorCaller Instance = new();

    /// <inheritdoc/>
    public override string Name => "operator";

    /// <inheritdoc/>
    public override ApiKeyRole Role => ApiKeyRole.Admin;

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now) => null;
}
