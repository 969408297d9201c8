namespace GrpcPresence.Server.Errors;

/// <summary>What REST tells of a failure.</summary>
/// <param name="Status">The status of HTTP.</param>
/// <param name="Code">The product's code. Where the product has none of its own, it is 20000 and the status, as it is with most of its codes.</param>
internal readonly record struct RestError(int Status, int Code);
