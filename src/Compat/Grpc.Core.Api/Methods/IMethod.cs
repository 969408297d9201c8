namespace Grpc.Core;

/// <summary>A remote method, whatever its message types.</summary>
public interface IMethod
{
    /// <summary>Which sides stream.</summary>
    MethodType Type { get; }

    /// <summary>The full name of the service, with its package.</summary>
    string ServiceName { get; }

    /// <summary>The method's own name.</summary>
    string Name { get; }

    /// <summary>The path of a request for it: <c>/service/method</c>.</summary>
    string FullName { get; }
}
