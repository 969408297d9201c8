using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Counts the bytes of incomplete messages and forms, for each caller and for each service instance that is the scope of callers. There is
/// no total: a caller that sends half a message does not make those of others fail. Safe from any thread.
/// </summary>
internal sealed class IncompleteMessages
{
    private readonly Lock _gate = new(); // guards everything below
    private readonly Dictionary<CallerId, long> _callers = [];
    private readonly Dictionary<ServiceSid, long> _tenants = [];

    /// <summary>Adds bytes, unless a sum would exceed its maximum.</summary>
    public bool TryAdd(Caller caller, long bytes)
    {
        if (bytes == 0)
            return true;
        var max = caller.Kind == CallerKind.EndUser ? Limits.IncompleteBytesOfEndUser : Limits.IncompleteBytes;
        lock (_gate)
        {
            var ofCaller = _callers.GetValueOrDefault(caller.Id) + bytes;
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
            Set(caller, _callers[caller.Id] - bytes, caller.Scope is { } scope ? _tenants[scope] - bytes : 0);
    }

    private void Set(Caller caller, long ofCaller, long ofTenant)
    {
        if (ofCaller > 0)
            _callers[caller.Id] = ofCaller;
        else
            _callers.Remove(caller.Id);
        if (caller.Scope is not { } scope)
            return;
        if (ofTenant > 0)
            _tenants[scope] = ofTenant;
        else
            _tenants.Remove(scope);
    }
}
