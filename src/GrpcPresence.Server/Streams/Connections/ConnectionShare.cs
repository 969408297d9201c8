using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Streams.Connections;

/// <summary>Whose connections are counted together: an API key's, an end user's, or those of all callers of a service instance.</summary>
/// <param name="Name">The SID of the API key; empty for a service instance.</param>
/// <param name="User">The end user, if it is one.</param>
/// <param name="Scope">The service instance, if the caller is limited to one.</param>
internal readonly record struct ConnectionShare(string Name, Identity? User, ServiceSid? Scope);
