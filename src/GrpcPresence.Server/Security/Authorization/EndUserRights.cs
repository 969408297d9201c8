namespace GrpcPresence.Server.Security.Authorization;

/// <summary>What an end user may do with a method, within the service instance of the access token.</summary>
internal enum EndUserRights
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Call it for whomever: it only reads users.</summary>
    Everybody,

    /// <summary>Call it when every user whom the request names is the end user.</summary>
    Self,

    /// <summary>Call it; whose the push binding is that the request names, is decided where that is found.</summary>
    OwnBinding,
}
