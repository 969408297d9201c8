using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Counts the bytes of incomplete messages and forms, for each caller and for each service instance that is the scope of callers. There is
/// no total: a caller that sends half a message does not make those of others fail. Safe from any thread.
/// </summary>
internal sealed class IncompleteMessages
{
    private readonly Lock _gate = new(); // guards everything below
    private readonly Dictionary<(string Name, Identity? User, ServiceSid? Scope), long> _callers = [];
    private readonly Dictionary<ServiceSid, long> _tenants = [];

    /// <summary>Adds bytes, unless a sum would exceed its maximum.</summary>
    public bool TryAdd(Caller caller, long bytes)
    {
        if (bytes == 0)
            return true;
        var max = caller.Kind == CallerKind.EndUser ? Limits.IncompleteBytesOfEndUser : Limits.IncompleteBytes;
        lock (_gate)
        {
            var ofCaller = _callers.GetValueOrDefault(KeyOf(caller)) + bytes;
            var ofTenant = caller.Scope is { } scope ? _tenants.GetValueOrDefault(scope) + bytes : 0;
            if (ofCaller > max || ofTenant > Limits.IncompleteBytes)
                return false;
            Set(caller, ofCaller, ofTenant);
            return true;
        }
    }

    /// <summary>Removes bytes that were added.</summary>
    public void Remove(Caller caller, long bytes)
    {
        if (bytes == 0)
            return;
        lock (_gate)
            Set(caller, _callers[KeyOf(caller)] - bytes, caller.Scope is { } scope ? _tenants[scope] - bytes : 0);
    }

    private static (string Name, Identity? User, ServiceSid? Scope) KeyOf(Caller caller) => (caller.Name, caller.Identity, caller.Scope);

    private void Set(Caller caller, long ofCaller, long ofTenant)
    {
        if (ofCaller > 0)
            _callers[KeyOf(caller)] = ofCaller;
        else
            _callers.Remove(KeyOf(caller));
        if (caller.Scope is not { } scope)
            return;
        if (ofTenant > 0)
            _tenants[scope] = ofTenant;
        else
            _tenants.Remove(scope);
    }
}
