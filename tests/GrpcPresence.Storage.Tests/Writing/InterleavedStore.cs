using System.Reflection;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Writing;

/// <summary>
/// Calls a store, and lets another writer work before the next commit: after the writer of this store has read and decided.
/// </summary>
public class InterleavedStore : DispatchProxy
{
    private IPresenceStore _store = null!;
    private Action? _beforeCommit;

    /// <summary>Returns a store over another one.</summary>
    public static IPresenceStore Over(IPresenceStore store)
    {
        var proxy = Create<IPresenceStore, InterleavedStore>();
        ((InterleavedStore)(object)proxy)._store = store;
        return proxy;
    }

    /// <summary>Makes the next commit call this first. Null if no commit is to.</summary>
    public static void BeforeNextCommit(IPresenceStore store, Action? act) => ((InterleavedStore)(object)store)._beforeCommit = act;

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IPresenceStore.CommitAsync))
        {
            var act = _beforeCommit;
            _beforeCommit = null;
            act?.Invoke();
        }
        return targetMethod.Invoke(_store, BindingFlags.DoNotWrapExceptions, null, args, null);
    }
}
