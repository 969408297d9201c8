namespace GrpcPresence.Server.Security.Authorization;

/// <summary>What an end user may do with a method, within the service instance of the access token.</summary>
internal enum EndUserRights
{
    /// <summary>May not call it.</summary>
    None,

    /// <summary>May call it for any user: it only reads users.</summary>
    AllUsers,

    /// <summary>May call it when every user in the request is the end user.</summary>
    Self,

    /// <summary>May call it. The handler checks the owner of the push binding when it looks the binding up.</summary>
    OwnBinding,
}
