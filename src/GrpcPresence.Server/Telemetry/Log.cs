namespace GrpcPresence.Server.Telemetry;

/// <summary>Everything that the server logs. Lifecycle is Information; what happens for each call is Debug at the most; identities never appear.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Listening on {Address}; {Access}")]
    public static partial void Listening(ILogger logger, string address, string access);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Store opened: {Path}, SQLite {Version}")]
    public static partial void StoreOpened(ILogger logger, string path, string version);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Stopping: draining streams and flushing queued writes")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "Stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "Metrics and traces go to {Endpoint}")]
    public static partial void TelemetryExported(ILogger logger, string endpoint);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "{Users} users were online at the last stop; recovered in {Duration}")]
    public static partial void Recovered(ILogger logger, long users, TimeSpan duration);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "Demo: {Users} users come and go in service instance {ServiceSid}")]
    public static partial void DemoStarted(ILogger logger, string serviceSid, int users);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "The demo ended")]
    public static partial void DemoEnded(ILogger logger, Exception reason);

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "The store fails; transitions are kept in memory until it works again")]
    public static partial void StorageFailing(ILogger logger, Exception fault);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information, Message = "The store works again")]
    public static partial void StorageRecovered(ILogger logger);

    [LoggerMessage(EventId = 12, Level = LogLevel.Error, Message = "A fault of this program kept changes from being written or published")]
    public static partial void ChangeFaulted(ILogger logger, Exception fault);

    [LoggerMessage(EventId = 13, Level = LogLevel.Critical, Message = "The writer ended; the server stops")]
    public static partial void WriterFaulted(ILogger logger, Exception fault);

    [LoggerMessage(EventId = 14, Level = LogLevel.Warning, Message = "ANYBODY who reaches {Address} is let in without credentials, because AllowAnonymous is set")]
    public static partial void AnonymousAllowed(ILogger logger, System.Net.IPAddress address);

    [LoggerMessage(EventId = 15, Level = LogLevel.Warning, Message = "{Keys} API keys were not made with {SecretFile}: their access tokens cannot be verified until they are rotated or the file is put back")]
    public static partial void SecretsMissing(ILogger logger, int keys, string secretFile);

    [LoggerMessage(EventId = 16, Level = LogLevel.Information, Message = "There is no admin socket, by the settings or because its path would be too long: while this server runs, API keys are administered by its API alone")]
    public static partial void NoAdminSocket(ILogger logger);

    [LoggerMessage(EventId = 20, Level = LogLevel.Error, Message = "{Method} failed, correlation id {CorrelationId}")]
    public static partial void CallFaulted(ILogger logger, Exception fault, string method, string correlationId);

    [LoggerMessage(EventId = 40, Level = LogLevel.Information, Message = "{Act} by {Caller}: {Subject} {Detail}")]
    public static partial void Audited(ILogger logger, string act, string caller, object subject, string detail);

    [LoggerMessage(EventId = 21, Level = LogLevel.Debug, Message = "{Method} still ran {Grace} after stopping began and was reset")]
    public static partial void StreamReset(ILogger logger, string method, TimeSpan grace);

    [LoggerMessage(EventId = 22, Level = LogLevel.Information, Message = "{Streams} streams still ran {Grace} after stopping began and were reset")]
    public static partial void StreamsReset(ILogger logger, long streams, TimeSpan grace);

    [LoggerMessage(
        EventId = 30,
        Level = LogLevel.Information,
        Message = "TLS certificate {Thumbprint} is in force, valid until {NotAfter:u}, with {Authorities} authorities of client certificates")]
    public static partial void TlsInForce(ILogger logger, string thumbprint, DateTimeOffset notAfter, int authorities);

    [LoggerMessage(EventId = 31, Level = LogLevel.Warning, Message = "TLS certificate {Thumbprint} ends soon, at {NotAfter:u}")]
    public static partial void TlsEndsSoon(ILogger logger, string thumbprint, DateTimeOffset notAfter);

    [LoggerMessage(EventId = 32, Level = LogLevel.Warning, Message = "TLS certificate {Thumbprint} ended at {NotAfter:u}; clients will refuse it")]
    public static partial void TlsEnded(ILogger logger, string thumbprint, DateTimeOffset notAfter);

    [LoggerMessage(EventId = 33, Level = LogLevel.Error, Message = "The TLS files changed and cannot be used; what they held before stays in force: {Reason}")]
    public static partial void TlsFilesRefused(ILogger logger, string reason);

    [LoggerMessage(EventId = 34, Level = LogLevel.Debug, Message = "A client certificate was refused: {Reason}")]
    public static partial void ClientCertificateRefused(ILogger logger, string reason);

    [LoggerMessage(EventId = 50, Level = LogLevel.Warning, Message = "Webhooks of service instance {ServiceSid} kept failing for user {UserSid} while others were taken; they are given up")]
    public static partial void WebhookGivenUp(ILogger logger, object serviceSid, object userSid);
}
