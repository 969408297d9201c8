namespace GrpcPresence.Server.Rest.Api;

/// <summary>A page of service instances.</summary>
/// <param name="Services">The entries.</param>
/// <param name="Meta">The position of the page in the list.</param>
internal sealed record ServicePage(IReadOnlyList<ServiceResource> Services, PageMeta Meta);
