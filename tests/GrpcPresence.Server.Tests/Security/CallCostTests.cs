using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Tests what a call of each method charges to the quotas. The table repeats the expectations on purpose. A method without a row in the
/// table fails.
/// </summary>
public sealed class CallCostTests
{
    private static readonly Dictionary<string, CallCost> Costs = new()
    {
        ["presence.v1.ConfigurationService.CreateServiceInstance"] = CallCost.Write,
        ["presence.v1.ConfigurationService.GetServiceInstance"] = CallCost.Read,
        ["presence.v1.ConfigurationService.UpdateServiceInstance"] = CallCost.Write,
        ["presence.v1.ConfigurationService.ListServiceInstances"] = CallCost.Read,
        ["presence.v1.ConfigurationService.DeleteServiceInstance"] = CallCost.Write,
        ["presence.v1.ConfigurationService.GetConfiguration"] = CallCost.Read,
        ["presence.v1.ConfigurationService.UpdateConfiguration"] = CallCost.Write,
        ["presence.v1.ConfigurationService.GetWebhookConfiguration"] = CallCost.Read,
        ["presence.v1.ConfigurationService.UpdateWebhookConfiguration"] = CallCost.Write,
        ["presence.v1.ConfigurationService.GetWebhookSigningSecrets"] = CallCost.Write, // it may create the file of the secret
        ["presence.v1.ConfigurationService.RotateWebhookSigningSecret"] = CallCost.Write,
        ["presence.v1.ConfigurationService.GetNotificationConfiguration"] = CallCost.Read,
        ["presence.v1.ConfigurationService.UpdateNotificationConfiguration"] = CallCost.Write,
        ["presence.v1.ApiKeyService.CreateApiKey"] = CallCost.Write,
        ["presence.v1.ApiKeyService.ListApiKeys"] = CallCost.Read,
        ["presence.v1.ApiKeyService.RotateApiKey"] = CallCost.Write,
        ["presence.v1.ApiKeyService.RevokeApiKey"] = CallCost.Write,
        ["presence.v1.UserService.CreateUser"] = CallCost.Write,
        ["presence.v1.UserService.GetUser"] = CallCost.Read,
        ["presence.v1.UserService.BatchGetUsers"] = CallCost.Read,
        ["presence.v1.UserService.ListUsers"] = CallCost.Read,
        ["presence.v1.UserService.UpdateUser"] = CallCost.Write,
        ["presence.v1.UserService.DeleteUser"] = CallCost.Write,
        ["presence.v1.UserService.Heartbeat"] = CallCost.Heartbeat,
        ["presence.v1.UserService.EndSession"] = CallCost.Heartbeat,
        ["presence.v1.UserService.ListSessions"] = CallCost.Read,
        ["presence.v1.UserService.SetPushBinding"] = CallCost.Write,
        ["presence.v1.UserService.GetPushBinding"] = CallCost.Read,
        ["presence.v1.UserService.DeletePushBinding"] = CallCost.Write,
        ["presence.v1.UserService.ListPushBindings"] = CallCost.Read,

        // Streams charge for their opening, their heartbeats and their reads themselves.
        ["presence.v1.UserService.StreamHeartbeats"] = CallCost.Free,
        ["presence.v1.UserService.WatchUsers"] = CallCost.Free,
    };

    public static TheoryData<string> Methods => AuthorizationTests.Methods;

    [Theory]
    [MemberData(nameof(Methods))]
    public void Quotas_A_call_charges_what_is_written(string method)
    {
        Assert.True(Costs.TryGetValue(method, out var cost), $"The table of costs has no row for {method}.");
        var end = method.LastIndexOf('.');

        Assert.Equal(cost, AuthorizationTable.Find($"/{method[..end]}/{method[(end + 1)..]}")!.Cost);
    }
}
