namespace GrpcPresence.Server.Rest.Api;

/// <summary>A page of push bindings.</summary>
/// <param name="Bindings">The entries.</param>
/// <param name="Meta">Where the page stands.</param>
internal sealed record BindingPage(IReadOnlyList<BindingResource> Bindings, PageMeta Meta);
