namespace GrpcPresence.Server.Cli;

/// <summary>What somebody who starts the server by hand can do next.</summary>
internal static class Welcome
{
    private const string ServiceSid = "IS00000000000000000000000000000001";

    /// <summary>
    /// Three commands to paste, one a line: make a service instance and switch reachability on, watch it, beat. <c>buf curl</c> connects
    /// with the options.
    /// </summary>
    public static IReadOnlyList<string> Commands(string address, string options) =>
    [
        string.Join(
            " ; ",
            Call(options, address, "ConfigurationService/CreateServiceInstance", $$"""{"serviceSid":"{{ServiceSid}}","friendlyName":"Try it"}"""),
            Call(
                options,
                address,
                "ConfigurationService/UpdateConfiguration",
                $$"""{"configuration":{"serviceSid":"{{ServiceSid}}","reachabilityEnabled":true},"updateMask":"reachabilityEnabled"}""")),
        Call(options, address, "UserService/WatchUsers", $$"""{"serviceSid":"{{ServiceSid}}"}"""),
        Call(options, address, "UserService/Heartbeat", $$"""{"serviceSid":"{{ServiceSid}}","userKey":"alice","sessionId":"phone-1"}"""),
    ];

    /// <summary>The seed document's command over REST, for the service instance that the first of <see cref="Commands"/> makes.</summary>
    public static string Curl(string address) =>
        $"curl -X POST {address}/v1/Services/{ServiceSid}/Configuration --data-urlencode ReachabilityEnabled=true -u $TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN";

    private static string Call(string options, string address, string method, string message) =>
        $"buf curl --protocol grpc {options} {address}/presence.v1.{method} -d '{message}'";
}
