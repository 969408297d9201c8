using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Errors;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// A pool of reading connections. The driver's own pool would forget the prepared statements and settings after each use, which costs more
/// than a typical read. Safe from any thread.
/// </summary>
/// <param name="connections">Opens the connections.</param>
/// <param name="timeline">The timeline of the store.</param>
internal sealed class ReaderPool(ConnectionFactory connections, Guid timeline) : IDisposable
{
    /// <summary>
    /// The maximum number of idle connections. Reads are short and do not wait, so more than a few concurrent reads are a burst.
    /// </summary>
    private const int KeptReaders = 16;

    private readonly Lock _gate = new(); // guards the fields; no connection is opened, used or closed under it
    private readonly Stack<Reader> _idle = new();
    private bool _isDisposed;

    /// <summary>Runs a read in its own transaction.</summary>
    /// <exception cref="StorageException">The store cannot be read now.</exception>
    public TResult Read<TResult>(Func<Reader, TResult> read)
    {
        Reader? reader = null;
        var isSound = false;
        try
        {
            reader = Rent();
            reader.Begin();
            try
            {
                return read(reader);
            }
            finally
            {
                reader.End();
                isSound = true;
            }
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            throw SqliteFaults.Translate(exception);
        }
        finally
        {
            if (reader is not null)
                Return(reader, isSound);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Reader[] idle;
        lock (_gate)
        {
            _isDisposed = true;
            idle = [.. _idle];
            _idle.Clear();
        }
        foreach (var reader in idle)
            reader.Dispose();
    }

    private Reader Rent()
    {
        lock (_gate)
        {
            if (_isDisposed)
                throw new StorageException("The store is closed.");
            if (_idle.TryPop(out var idle))
                return idle;
        }
        return new Reader(connections.OpenReader(), timeline);
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "Kept, or disposed of.")]
    private void Return(Reader reader, bool isSound)
    {
        lock (_gate)
        {
            if (isSound && !_isDisposed && _idle.Count < KeptReaders)
            {
                _idle.Push(reader);
                return;
            }
        }
        reader.Dispose();
    }
}
