using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>How every read runs: in one round trip, on a connection of the pool.</summary>
public partial class PostgresPresenceStore
{
    private const string FindService = $"SELECT {Columns.OfService} FROM services AS s WHERE s.sid = $1 AND NOT s.is_deleted";

    // Rows that are joined by a key stand in a LATERAL subquery with a limit. The planner then uses both parts of the key. Otherwise it
    // would compare all users of the service instance with each key, while a table is small or has no statistics.

    /// <summary>The key of the service instance whose SID is the first parameter.</summary>
    private const string ServiceId = "(SELECT id FROM services WHERE sid = $1 AND NOT is_deleted)";

    private readonly ReadBreaker _readBreaker = new();

    /// <summary>Reads one moment.</summary>
    /// <param name="prepare">
    /// Adds the statements, and returns what makes the result after they have run. Called once for each attempt.
    /// </param>
    /// <param name="cancellationToken">
    /// Cancels the read until it has a connection. After that the read ends by itself, because it is bounded. A statement that is given up
    /// would cost its connection while the server goes on with it.
    /// </param>
    private protected async ValueTask<TResult> ReadAsync<TResult>(
        Func<Snapshot, Func<TResult>> prepare, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var isTrial = _readBreaker.Begin();
        var reading = TryReadAsync(prepare, cancellationToken);
        try
        {
            var result = await reading
                .WaitAsync(PostgresConnections.AnswerLimit, _options.Time, CancellationToken.None).ConfigureAwait(false);
            _readBreaker.End(isTrial, fault: null);
            return result;
        }
        catch (Exception exception)
        {
            if (_readBreaker.End(isTrial, exception))
                _connections.ReplaceReaders();
            _ = reading.ContinueWith(
                static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            if (PostgresFaults.IsStorageFault(exception))
                throw PostgresFaults.Translate(exception);
            throw;
        }
    }

    /// <summary>
    /// Reads, and repeats that once if the session of the connection has ended before it answered: the pool does not notice that the server
    /// has ended the sessions of idle connections.
    /// </summary>
    private async Task<TResult> TryReadAsync<TResult>(Func<Snapshot, Func<TResult>> prepare, CancellationToken cancellationToken)
    {
        for (var isRepeated = false; ; isRepeated = true)
        {
            await using var connection = await _connections.OpenReaderAsync(cancellationToken).ConfigureAwait(false);
            await using var snapshot = new Snapshot(connection);
            try
            {
                var complete = prepare(snapshot);
                await snapshot.RunAsync().ConfigureAwait(false);
                return complete();
            }
            catch (Exception exception) when (!isRepeated && !snapshot.IsAnswered && PostgresFaults.IsEndOfSession(exception))
            {
                // The driver has dropped all idle connections with this one, so the next one is new.
            }
        }
    }

    /// <summary>Reads one moment of a service instance, which must exist.</summary>
    private ValueTask<TResult> ReadAsync<TResult>(
        ServiceSid service, Func<Snapshot, ServiceFound, Func<TResult>> prepare, CancellationToken cancellationToken) =>
        ReadAsync<TResult>(
            snapshot =>
            {
                var found = new ServiceFound(service);
                snapshot.Add(FindService, row => found.Record = Columns.ReadService(row)).With(SidGuid.Of(service.Value));
                var complete = prepare(snapshot, found);
                return () =>
                {
                    _ = found.Required;
                    return complete();
                };
            },
            cancellationToken);

    /// <summary>The service instance of a read, known after its first statement.</summary>
    private sealed class ServiceFound(ServiceSid sid)
    {
        public ServiceRecord? Record { get; set; }

        public ServiceRecord Required => Record ?? throw PresenceErrors.ServiceInstanceNotFound(sid);
    }
}
