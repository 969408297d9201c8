using Twilio.Exceptions;

namespace GrpcPresence.Twilio.Tests.Fixture;

/// <summary>Reads the exception that the library throws for an error response.</summary>
internal static class Rejection
{
    /// <summary>Runs a call that must fail. Returns the code of Twilio Conversations and the HTTP status.</summary>
    public static async Task<(int Code, int Status)> Of<T>(Task<T> call)
    {
        var exception = await Assert.ThrowsAsync<ApiException>(() => call);
        return (exception.Code, exception.Status);
    }
}
