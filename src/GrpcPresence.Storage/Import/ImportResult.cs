namespace GrpcPresence.Storage.Import;

/// <summary>What was taken over.</summary>
/// <param name="ServiceInstances">The number of service instances.</param>
/// <param name="Users">The number of users.</param>
/// <param name="PushBindings">The number of push bindings.</param>
/// <param name="ApiKeys">The number of API keys, revoked ones too.</param>
public sealed record ImportResult(long ServiceInstances, long Users, long PushBindings, long ApiKeys);
