namespace Grpc.Core;

/// <summary>
/// What a served call gives to the calls that are made on its behalf. It comes from
/// <see cref="ServerCallContext.CreatePropagationToken"/>, where the server supports it.
/// </summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}
