using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>Collects what the commands of a batch need to read. Used only by the writer's thread.</summary>
/// <param name="keys">Receives the keys.</param>
/// <param name="publishers">Say which service instances need whole users.</param>
internal sealed class KeyCollector(BatchKeys keys, IReadOnlyList<ICommitPublisher> publishers)
{
    private ServiceSid? _lastService;
    private bool _lastNeedsUsers;

    /// <summary>Forgets which service instances need whole users, because a watch may have opened since.</summary>
    public void Begin() => _lastService = null;

    /// <summary>Adds a service instance, and returns what to read of it.</summary>
    public ServiceKeys Service(ServiceSid sid) => keys.Service(sid);

    /// <summary>Adds a user to read whole.</summary>
    public void User(ServiceSid service, UserKey key) => keys.Service(service).AddUser(new UserLookup(key));

    /// <summary>
    /// Adds a user for a transition. Reads the whole user only if a publisher needs it: the presence is a third of the columns, and none of
    /// the texts.
    /// </summary>
    public void Transition(ServiceSid service, Identity identity, long userId)
    {
        var user = new UserLookup(new UserKey(identity), userId);
        if (service != _lastService)
            (_lastService, _lastNeedsUsers) = (service, publishers.Any(publisher => publisher.NeedsUsers(service)));
        if (_lastNeedsUsers)
            keys.Service(service).AddUser(user);
        else
            keys.Service(service).AddPresence(user);
    }

    /// <summary>Adds a service instance that a command creates or deletes.</summary>
    public void Directory(ServiceSid service)
    {
        keys.Service(service);
        keys.NeedsDirectory = true;
    }

    /// <summary>Adds an API key.</summary>
    public void ApiKey(ApiKeySid sid) => keys.AddApiKey(sid);

    /// <summary>Adds the API key in force that has the certificate name, which must not be empty.</summary>
    public void CertificateName(string name) => keys.AddCertificateName(name);

    /// <summary>Adds all API keys of exactly this scope; null is the whole deployment.</summary>
    public void ApiKeyScope(ServiceSid? scope) => keys.AddApiKeyScope(scope);
}
