namespace GrpcPresence.Server.Webhooks;

/// <summary>The policy rejects the addresses of a host. Another attempt would not change that.</summary>
internal sealed class PrivateAddressException() : Exception("The host resolves to a private address.");
