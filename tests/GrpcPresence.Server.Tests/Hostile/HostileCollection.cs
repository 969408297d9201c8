namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Runs alone, because it loads the machine and measures the heap that all tests share.</summary>
[CollectionDefinition(nameof(HostileCollection), DisableParallelization = true)]
public sealed class HostileCollection;
