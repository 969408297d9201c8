using Twilio.Exceptions;

namespace GrpcPresence.Twilio.Tests.Fixture;

/// <summary>What the library throws where the server refuses.</summary>
internal static class Refusal
{
    /// <summary>Runs a call that must be refused. Returns the code of the product and the HTTP status.</summary>
    public static async Task<(int Code, int Status)> Of<T>(Task<T> call)
    {
        var refusal = await Assert.ThrowsAsync<ApiException>(() => call);
        return (refusal.Code, refusal.Status);
    }
}
