namespace Grpc.Core;

/// <summary>Checks a server after the usual checks have passed. An exception counts as a refusal.</summary>
/// <param name="context">The server.</param>
/// <returns>Whether to go on with the connection.</returns>
public delegate bool VerifyPeerCallback(VerifyPeerContext context);
