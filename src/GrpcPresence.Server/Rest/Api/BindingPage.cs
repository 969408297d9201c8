namespace GrpcPresence.Server.Rest.Api;

/// <summary>A page of push bindings.</summary>
/// <param name="Bindings">The entries.</param>
/// <param name="Meta">The position of the page in the list.</param>
internal sealed record BindingPage(IReadOnlyList<BindingResource> Bindings, PageMeta Meta);
