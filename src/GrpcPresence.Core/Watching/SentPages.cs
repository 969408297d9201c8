using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The pages of users that a watch was sent in the order of their keys: those of a snapshot, or the last page of a watch of some users. A
/// catch-up that follows names only what changed since the page of a user. A page takes 32 bytes, a million users take 2,000 pages.
/// </summary>
internal sealed class SentPages
{
    private readonly List<Page> _pages = [];

    /// <summary>The revision of the last page.</summary>
    public long Revision => _pages[^1].Revision;

    /// <summary>Adds the page that follows the last one.</summary>
    /// <param name="lastId">The key up to which the page has all users.</param>
    /// <param name="service">The service instance as the page was read.</param>
    public void Add(long lastId, ServiceRecord service)
    {
        var page = new Page(lastId, service.Revision, service.Configuration.OnPeriod);
        // Between two changes, pages are alike.
        if (_pages.Count > 0 && _pages[^1] with { LastId = lastId } == page)
            _pages[^1] = page;
        else
            _pages.Add(page);
    }

    /// <summary>Forgets the pages.</summary>
    public void Clear() => _pages.Clear();

    /// <summary>Returns what the page of the user says; null if no page has the user.</summary>
    public SentUser? Find(UserRecord user)
    {
        var (low, high) = (0, _pages.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_pages[middle].LastId < user.Id)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == _pages.Count)
            return null;
        var page = _pages[low];
        return new SentUser(page.Revision, page.OnPeriod <= user.KnownRevision && user.KnownRevision <= page.Revision);
    }

    private readonly record struct Page(long LastId, long Revision, long? OnPeriod);
}
