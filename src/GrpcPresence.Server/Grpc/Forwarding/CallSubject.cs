namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>
/// What a request concerns, as the request has it. In a cluster the node runs the call that holds the shard of it: the shard of the user,
/// or the home shard of the service instance.
/// </summary>
/// <param name="Service">The SID of the service instance.</param>
/// <param name="User">The key of the user; null for what concerns the service instance as a whole.</param>
/// <param name="Binding">The SID of the push binding whose user it is, if the request does not name the user; otherwise null.</param>
internal readonly record struct CallSubject(string? Service, string? User = null, string? Binding = null);
