using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>What a page is a page of; a token of another one is refused.</summary>
/// <param name="Kind">The list.</param>
/// <param name="Service">The service instance; <c>default</c> for the list of service instances.</param>
/// <param name="Filter">The filter as text, empty for none.</param>
internal readonly record struct PageList(PageKind Kind, ServiceSid Service = default, string Filter = "");
