namespace GrpcPresence.Server.Hosting;

/// <summary>What somebody who starts the server by hand can do next.</summary>
internal static class Welcome
{
    private const string ServiceSid = "IS00000000000000000000000000000001";

    /// <summary>Three commands to paste, one a line: make a service instance and switch reachability on, watch it, beat.</summary>
    public static IReadOnlyList<string> Commands(string address) =>
    [
        string.Join(
            " ; ",
            Call(address, "ConfigurationService/CreateServiceInstance", $$"""{"serviceSid":"{{ServiceSid}}","friendlyName":"Try it"}"""),
            Call(
                address,
                "ConfigurationService/UpdateConfiguration",
                $$"""{"configuration":{"serviceSid":"{{ServiceSid}}","reachabilityEnabled":true},"updateMask":"reachabilityEnabled"}""")),
        Call(address, "UserService/WatchUsers", $$"""{"serviceSid":"{{ServiceSid}}"}"""),
        Call(address, "UserService/Heartbeat", $$"""{"serviceSid":"{{ServiceSid}}","userKey":"alice","sessionId":"phone-1"}"""),
    ];

    private static string Call(string address, string method, string message) =>
        $"buf curl --protocol grpc --http2-prior-knowledge {address}/presence.v1.{method} -d '{message}'";
}
