namespace GrpcPresence.Server.Security.Authentication;

/// <summary>How a caller proved who it is.</summary>
internal enum CallerKind
{
    /// <summary>The caller presents no credentials, and the server requires none. It may do everything except create API keys.</summary>
    Anonymous,

    /// <summary>
    /// The caller uses the admin socket. File permissions decide who may open the socket; these users could replace the database as well.
    /// </summary>
    Operator,

    /// <summary>The caller presents the account's secret from the settings.</summary>
    Account,

    /// <summary>A back end presents an API key, or a client certificate with the name of one.</summary>
    ApiKey,

    /// <summary>An end user presents an access token.</summary>
    EndUser,
}
