namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>The list that a page token belongs to.</summary>
internal enum PageKind : byte
{
    /// <summary>ListServiceInstances.</summary>
    ServiceInstances = 1,

    /// <summary>ListUsers.</summary>
    Users = 2,

    /// <summary>ListPushBindings.</summary>
    PushBindings = 3,

    /// <summary>ListApiKeys.</summary>
    ApiKeys = 4,
}
