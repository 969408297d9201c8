namespace GrpcPresence.Server.Rest.Api;

/// <summary>A page of users.</summary>
/// <param name="Users">The entries.</param>
/// <param name="Meta">Where the page stands.</param>
internal sealed record UserPage(IReadOnlyList<UserResource> Users, PageMeta Meta);
