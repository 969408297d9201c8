namespace GrpcPresence.Server.Rest.Api;

/// <summary>A page of service instances.</summary>
/// <param name="Services">The entries.</param>
/// <param name="Meta">Where the page stands.</param>
internal sealed record ServicePage(IReadOnlyList<ServiceResource> Services, PageMeta Meta);
