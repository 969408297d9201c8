namespace Grpc.Core;

/// <summary>Adds the headers that authenticate a call. It may wait, for instance for a token; the call fails when it fails.</summary>
/// <param name="context">The call.</param>
/// <param name="metadata">The headers to add to.</param>
public delegate Task AsyncAuthInterceptor(AuthInterceptorContext context, Metadata metadata);
