using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>Identifies the list that a page belongs to. A token of another list is rejected.</summary>
/// <param name="Kind">The list.</param>
/// <param name="Service">The service instance; <c>default</c> for the list of service instances.</param>
/// <param name="Filter">The filter as text; empty without a filter.</param>
internal readonly record struct PageList(PageKind Kind, ServiceSid Service = default, string Filter = "");
