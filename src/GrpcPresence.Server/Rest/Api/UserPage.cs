namespace GrpcPresence.Server.Rest.Api;

/// <summary>A page of users.</summary>
/// <param name="Users">The entries.</param>
/// <param name="Meta">The position of the page in the list.</param>
internal sealed record UserPage(IReadOnlyList<UserResource> Users, PageMeta Meta);
