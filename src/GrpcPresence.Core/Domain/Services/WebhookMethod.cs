namespace GrpcPresence.Core.Domain.Services;

/// <summary>The HTTP method of a webhook; the numbers of <c>presence.v1.WebhookMethod</c>.</summary>
public enum WebhookMethod
{
    /// <summary>The parameters are the form of a POST.</summary>
    Post = 1,

    /// <summary>The parameters are the query of a GET.</summary>
    Get = 2,
}
