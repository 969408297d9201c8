using System.Net;

namespace GrpcPresence.Server.Cli;

/// <summary>The commands that an operator can try after starting the server by hand.</summary>
internal static class Welcome
{
    private const string ServiceSid = "IS00000000000000000000000000000001";

    /// <summary>
    /// Returns three commands to paste, one per line: create a service instance and enable reachability, watch it, send a heartbeat.
    /// <paramref name="options"/> lets <c>buf curl</c> connect.
    /// </summary>
    public static IReadOnlyList<string> Commands(string address, string options) =>
    [
        string.Join(
            " ; ",
            Call(
                options,
                address,
                "ConfigurationService/CreateServiceInstance",
                $$"""{"serviceSid":"{{ServiceSid}}","friendlyName":"Try it"}"""),
            Call(
                options,
                address,
                "ConfigurationService/UpdateConfiguration",
                $$"""{"configuration":{"serviceSid":"{{ServiceSid}}","reachabilityEnabled":true},"updateMask":"reachabilityEnabled"}""")),
        Call(options, address, "UserService/WatchUsers", $$"""{"serviceSid":"{{ServiceSid}}"}"""),
        Call(options, address, "UserService/Heartbeat", $$"""{"serviceSid":"{{ServiceSid}}","userKey":"alice","sessionId":"phone-1"}"""),
    ];

    /// <summary>
    /// Returns the Twilio Conversations command that enables reachability over REST, for the service instance of <see cref="Commands"/>.
    /// </summary>
    public static string Curl(string address) =>
        $"curl -X POST {address}/v1/Services/{ServiceSid}/Configuration --data-urlencode ReachabilityEnabled=true"
        + " -u $TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN";

    /// <summary>
    /// Returns an address that this machine can call. A server that listens on all addresses reports 0.0.0.0 or [::], which are not valid
    /// in a URL.
    /// </summary>
    public static string Reachable(string address)
    {
        var url = new UriBuilder(address);
        if (IPAddress.TryParse(url.Host, out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
            url.Host = $"{(ip.Equals(IPAddress.Any) ? IPAddress.Loopback : IPAddress.IPv6Loopback)}";
        return url.Uri.GetLeftPart(UriPartial.Authority);
    }

    private static string Call(string options, string address, string method, string message) =>
        $"buf curl --protocol grpc {options} {address}/presence.v1.{method} -d '{message}'";
}
