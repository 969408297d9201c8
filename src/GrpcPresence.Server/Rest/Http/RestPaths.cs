using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>The paths of Twilio Conversations that the server implements.</summary>
internal static class RestPaths
{
    /// <summary>The path parameter of the service instance.</summary>
    public const string ServiceSid = "ChatServiceSid";

    /// <summary>The path parameter of the last resource in a path.</summary>
    public const string Sid = "Sid";

    /// <summary>The first segment of the path of every operation.</summary>
    public const string Root = "/v1";

    /// <summary>The path of all service instances.</summary>
    public const string Services = Root + "/Services";

    /// <summary>The path of one service instance.</summary>
    public const string Service = Services + "/{" + ServiceSid + "}";

    /// <summary>Declares the path parameter of the service instance.</summary>
    public static readonly RestParameter InService =
        RestParameter.Path(ServiceSid, "The SID of the service instance: IS and 32 hexadecimal digits.");
}
