using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>The paths, as the product has them.</summary>
internal static class RestPaths
{
    /// <summary>The name of the service instance in paths.</summary>
    public const string ServiceSid = "ChatServiceSid";

    /// <summary>The name of what a path ends with.</summary>
    public const string Sid = "Sid";

    /// <summary>What every path of an operation begins with.</summary>
    public const string Root = "/v1";

    /// <summary>All service instances.</summary>
    public const string Services = Root + "/Services";

    /// <summary>One.</summary>
    public const string Service = Services + "/{" + ServiceSid + "}";

    /// <summary>A service instance in a path.</summary>
    public static readonly RestParameter InService =
        RestParameter.Path(ServiceSid, "The SID of the service instance: IS and 32 hexadecimal digits.");
}
