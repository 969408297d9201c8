namespace GrpcPresence.Server.Webhooks;

/// <summary>Why a webhook request got no response.</summary>
internal enum WebhookFailure
{
    /// <summary>The endpoint did not answer in time.</summary>
    NoAnswer,

    /// <summary>No connection was made, or it ended before a response.</summary>
    NoConnection,

    /// <summary>The host name was not resolved.</summary>
    NameNotResolved,

    /// <summary>The handshake of TLS failed, or the certificate is invalid.</summary>
    TlsFailed,

    /// <summary>The response is not one of HTTP, or is too large.</summary>
    InvalidResponse,

    /// <summary>The server does not call the URL, because the host has an address that is not allowed.</summary>
    AddressRejected,

    /// <summary>The server does not call the URL, which an earlier version accepted.</summary>
    UrlRejected,
}
