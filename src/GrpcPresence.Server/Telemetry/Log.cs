namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// All log events of the server. Lifecycle events use Information, events of single calls use Debug, and identities never appear.
/// </summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Listening on {Address}; {Access}")]
    public static partial void Listening(ILogger logger, string address, string access);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Store opened: {Path}, SQLite {Version}")]
    public static partial void StoreOpened(ILogger logger, string path, string version);

    [LoggerMessage(EventId = 9, Level = LogLevel.Information, Message = "Store created: {Path} is a new database, SQLite {Version}")]
    public static partial void StoreCreated(ILogger logger, string path, string version);

    [LoggerMessage(EventId = 60, Level = LogLevel.Information, Message = "Store opened: {Target}, PostgreSQL {Version}")]
    public static partial void PostgresOpened(ILogger logger, Settings.PostgresConnection target, Version version);

    [LoggerMessage(
        EventId = 63, Level = LogLevel.Information, Message = "Store created: the tables in {Target} are new, PostgreSQL {Version}")]
    public static partial void PostgresCreated(ILogger logger, Settings.PostgresConnection target, Version version);

    [LoggerMessage(
        EventId = 64,
        Level = LogLevel.Warning,
        Message = "The clock of the PostgreSQL server is {Difference} ahead of this machine's. Synchronize both: access tokens and the "
            + "times of users depend on this machine's clock")]
    public static partial void ClocksDiffer(ILogger logger, TimeSpan difference);

    [LoggerMessage(
        EventId = 65,
        Level = LogLevel.Warning,
        Message = "Other roles may create functions or triggers in {Target}, and so run code with the rights of this server's role: "
            + "{Roles}. Revoke CREATE on the schema and on the database, and TRIGGER on the tables, and make this server's role the owner")]
    public static partial void OpenToOtherRoles(ILogger logger, Settings.PostgresConnection target, string roles);

    [LoggerMessage(
        EventId = 61, Level = LogLevel.Warning, Message = "PostgreSQL at {Target} is away; waiting until it can be used: {Reason}")]
    public static partial void StoreAwayAtStart(ILogger logger, string target, string reason);

    [LoggerMessage(EventId = 62, Level = LogLevel.Error, Message = "{Reason} Stopping the server")]
    public static partial void Fenced(ILogger logger, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Stopping: draining streams and flushing queued writes")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "Stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "Exporting metrics and traces to {Endpoint}")]
    public static partial void TelemetryExported(ILogger logger, string endpoint);

    [LoggerMessage(
        EventId = 6, Level = LogLevel.Information, Message = "Recovered {Users} users, online at the last stop, within {Duration}")]
    public static partial void Recovered(ILogger logger, long users, TimeSpan duration);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "Demo started: {Users} users in service instance {ServiceSid}")]
    public static partial void DemoStarted(ILogger logger, string serviceSid, int users);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "Demo stopped after an error")]
    public static partial void DemoEnded(ILogger logger, Exception reason);

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "Store unavailable; keeping transitions in memory")]
    public static partial void StorageFailing(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information, Message = "Store available again; writing the transitions kept in memory")]
    public static partial void StorageRecovered(ILogger logger);

    [LoggerMessage(EventId = 12, Level = LogLevel.Error, Message = "Unexpected error: changes were not written or not published")]
    public static partial void ChangeFaulted(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 13, Level = LogLevel.Critical, Message = "Writer failed; stopping the server")]
    public static partial void WriterFaulted(ILogger logger, Exception exception);

    [LoggerMessage(
        EventId = 14,
        Level = LogLevel.Warning,
        Message = "AUTHENTICATION IS OFF: {Address} accepts every caller without credentials, because AllowAnonymous is set")]
    public static partial void AnonymousAllowed(ILogger logger, Settings.ListenAddress address);

    [LoggerMessage(
        EventId = 15,
        Level = LogLevel.Warning,
        Message = "{Keys} API keys do not match {SecretFile}; their access tokens are rejected. Rotate them or restore the file")]
    public static partial void SecretsMissing(ILogger logger, int keys, string secretFile);

    [LoggerMessage(
        EventId = 16,
        Level = LogLevel.Information,
        Message = "Admin socket off: not configured, or its path is too long. While this server runs, manage API keys through its API")]
    public static partial void NoAdminSocket(ILogger logger);

    [LoggerMessage(
        EventId = 17,
        Level = LogLevel.Warning,
        Message = "AuthToken contains other characters than letters and digits; some client libraries refuse to send it")]
    public static partial void AuthTokenNotAlphanumeric(ILogger logger);

    [LoggerMessage(
        EventId = 18,
        Level = LogLevel.Warning,
        Message = "Other users of this machine can open or replace {Files}. Let the server's user own the files, with mode 0600, in a "
            + "directory that only this user can write")]
    public static partial void FilesShared(ILogger logger, string files);

    [LoggerMessage(
        EventId = 19,
        Level = LogLevel.Error,
        Message = "{Cause} Until it can be used, API keys cannot be created, and webhooks are not sent")]
    public static partial void SecretFileFailed(ILogger logger, string cause);

    [LoggerMessage(
        EventId = 24,
        Level = LogLevel.Warning,
        Message = "Authentication failed from {Peer}: {Reason} (credentials: {Kind}). Failures since the previous entry: {Count}")]
    public static partial void AuthenticationFailed(ILogger logger, string kind, string peer, string reason, long count);

    [LoggerMessage(EventId = 20, Level = LogLevel.Error, Message = "{Method} failed, correlation id {CorrelationId}")]
    public static partial void CallFaulted(ILogger logger, Exception exception, string method, string correlationId);

    [LoggerMessage(EventId = 40, Level = LogLevel.Information, Message = "{Act} by {Caller}: {Subject} {Detail}")]
    public static partial void Audited(ILogger logger, string act, string caller, object subject, string detail);

    [LoggerMessage(
        EventId = 41,
        Level = LogLevel.Information,
        Message = "{Count} more of {Act} by {Caller} in the last minute; the last: {Subject} {Detail}")]
    public static partial void AuditedLast(ILogger logger, long count, string act, string caller, object subject, string detail);

    [LoggerMessage(
        EventId = 42,
        Level = LogLevel.Information,
        Message = "{Count} more acts by {Callers} other callers on {Subject} in the last minute: {Detail}")]
    public static partial void AuditedOthers(ILogger logger, long count, string callers, object subject, string detail);

    [LoggerMessage(EventId = 21, Level = LogLevel.Debug, Message = "Reset {Method}, which was still running {Grace} after the stop began")]
    public static partial void StreamReset(ILogger logger, string method, TimeSpan grace);

    [LoggerMessage(
        EventId = 22,
        Level = LogLevel.Information,
        Message = "Reset {Streams} streams that were still running {Grace} after the stop began")]
    public static partial void StreamsReset(ILogger logger, long streams, TimeSpan grace);

    [LoggerMessage(
        EventId = 23,
        Level = LogLevel.Warning,
        Message = "Closed {Connections} connections whose clients flooded them with resets or with frames that serve no request. "
            + "Further ones are not logged for a minute")]
    public static partial void ConnectionsFlooded(ILogger logger, long connections);

    [LoggerMessage(
        EventId = 26,
        Level = LogLevel.Warning,
        Message = "Kestrel {Version} is not known. If it still has the fault dotnet/aspnetcore#53736, it may lose responses larger than "
            + "the HTTP/2 window of a client")]
    public static partial void UnknownKestrel(ILogger logger, Version? version);

    [LoggerMessage(
        EventId = 25,
        Level = LogLevel.Warning,
        Message = "At most {Connections} connections, and not the {MaxConnections} of the settings: the process may open {Files} files. "
            + "Raise the limit (ulimit -n, LimitNOFILE) to accept more")]
    public static partial void ConnectionsLimited(ILogger logger, int connections, int maxConnections, int files);

    [LoggerMessage(
        EventId = 30,
        Level = LogLevel.Information,
        Message = "Using TLS certificate {Thumbprint}, valid until {NotAfter:u}, and {Authorities} client certificate authorities")]
    public static partial void TlsInForce(ILogger logger, string thumbprint, DateTimeOffset notAfter, int authorities);

    [LoggerMessage(
        EventId = 31, Level = LogLevel.Warning, Message = "TLS certificate {Thumbprint} expires soon, at {NotAfter:u}; renew it")]
    public static partial void TlsEndsSoon(ILogger logger, string thumbprint, DateTimeOffset notAfter);

    [LoggerMessage(
        EventId = 32, Level = LogLevel.Warning, Message = "TLS certificate {Thumbprint} expired at {NotAfter:u}; clients will reject it")]
    public static partial void TlsEnded(ILogger logger, string thumbprint, DateTimeOffset notAfter);

    [LoggerMessage(
        EventId = 33, Level = LogLevel.Error, Message = "TLS files changed but are invalid; keeping the previous ones: {Reason}")]
    public static partial void TlsFilesInvalid(ILogger logger, string reason);

    [LoggerMessage(EventId = 34, Level = LogLevel.Debug, Message = "Client certificate rejected: {Reason}")]
    public static partial void ClientCertificateRejected(ILogger logger, string reason);

    [LoggerMessage(
        EventId = 50,
        Level = LogLevel.Warning,
        Message = "Webhooks of service instance {ServiceSid} dropped for user {UserSid}: they kept failing while others were delivered")]
    public static partial void WebhookGivenUp(ILogger logger, object serviceSid, object userSid);

    [LoggerMessage(
        EventId = 51,
        Level = LogLevel.Warning,
        Message = "Webhook of service instance {ServiceSid} rejected by {Url} with HTTP status {Status}; the event is not sent again. "
            + "Further rejections by this URL are not logged for a minute")]
    public static partial void WebhookRejected(ILogger logger, object serviceSid, string url, int status);

    [LoggerMessage(
        EventId = 52,
        Level = LogLevel.Warning,
        Message = "Webhook of service instance {ServiceSid} did not decide about an edit: {Reason}. The edit {Outcome}. Further edits with "
            + "this reason are not logged for a minute")]
    public static partial void WebhookUndecided(ILogger logger, object serviceSid, string reason, string outcome);
}
