using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Settings.Attributes;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Cli;

/// <summary>
/// The commands that manage API keys: clients of <c>ApiKeyService</c> over the admin socket. They call the server that runs on the
/// database. If no server is running, they start one that only they can reach and that stops with the command.
/// </summary>
internal sealed class KeysCommand(SettingOptions options, Action<IServiceCollection> addDomain, TextWriter output, TextWriter error)
{
    private static readonly IReadOnlyCollection<Setting> Shown =
    [
        SettingsCatalog.Get(nameof(ServerSettings.Database)),
        SettingsCatalog.Get(nameof(ServerSettings.Postgres)),
        SettingsCatalog.Get(nameof(ServerSettings.SecretFile)),
        SettingsCatalog.Get(nameof(ServerSettings.AdminSocket)),
    ];

    // The service checks the maximum overlap.
    private static readonly DurationSettingAttribute OverlapForm = new("", "00:00:00", "30.00:00:00");

    private static readonly Dictionary<string, ApiKeyRole> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["admin"] = ApiKeyRole.Admin,
        ["service"] = ApiKeyRole.Service,
        ["read"] = ApiKeyRole.Read,
    };

    /// <summary>Creates <c>keys</c> and its subcommands.</summary>
    /// <remarks>
    /// <c>create</c> and <c>rotate</c> write only the secret, as SID:secret, to <paramref name="output"/>, so that a script can read it.
    /// Remarks go to <paramref name="error"/>.
    /// </remarks>
    public static Command Create(SettingOptions options, Action<IServiceCollection> addDomain, TextWriter output, TextWriter error)
    {
        var commands = new KeysCommand(options, addDomain, output, error);
        var keys = new Command("keys", "Creates, lists, rotates and revokes API keys, whether or not a server is running.");
        options.AddTo(keys, Shown);
        keys.Add(commands.CreateCreate());
        keys.Add(commands.CreateList());
        keys.Add(commands.CreateRotate());
        keys.Add(commands.CreateRevoke());
        return keys;
    }

    private static Option<string> NewOption(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder, DefaultValueFactory = _ => "" };

    private static Argument<string> NewKeyArgument() => new("SID") { Description = "The SID of the API key, SK…", HelpName = "SID" };

    private Command CreateCreate()
    {
        var role = new Option<ApiKeyRole>("--role")
        {
            Description = "The role, which decides what the key may do.",
            HelpName = string.Join('|', Roles.Keys),
            Required = true,
            CustomParser = result =>
            {
                if (Roles.TryGetValue(result.Tokens[0].Value, out var value))
                    return value;
                result.AddError($"--role \"{result.Tokens[0].Value}\" is invalid. It must be one of: {string.Join(", ", Roles.Keys)}.");
                return default;
            },
        };
        // The library would suggest the names of the enum, which the parser does not accept.
        role.CompletionSources.Clear();
        role.CompletionSources.Add([.. Roles.Keys]);
        var scope = NewOption("--service-sid", "IS…", "Limits the key to this service instance. Default: the whole deployment.");
        var name = NewOption("--name", "TEXT", "A display name.");
        var certificate = NewOption(
            "--certificate-name", "URI|DNS", "A SPIFFE ID or DNS name. A client certificate with this name authenticates as this key.");
        var command = new Command("create", "Creates an API key and prints SID:secret, once.") { role, scope, name, certificate };
        command.SetAction((result, _) => RunAsync(result, mayCreateDatabase: true, async keys =>
        {
            var created = await keys.CreateApiKeyAsync(new CreateApiKeyRequest
            {
                Role = result.GetRequiredValue(role),
                ServiceSid = result.GetValue(scope),
                FriendlyName = result.GetValue(name),
                CertificateName = result.GetValue(certificate),
            });
            await WriteSecretAsync(created.ApiKey, created.Secret);
        }));
        return command;
    }

    private Command CreateList()
    {
        var scope = NewOption("--service-sid", "IS…", "Lists only the keys of this service instance. Without it, all keys.");
        const string Description = "Lists API keys as tab-separated lines: SID, role, scope, state, certificate name, display name.";
        var command = new Command("list", Description) { scope };
        command.SetAction((result, _) => RunAsync(result, mayCreateDatabase: false, keys => ListAsync(keys, result.GetValue(scope)!)));
        return command;
    }

    private Command CreateRotate()
    {
        var key = NewKeyArgument();
        var overlap = new Option<TimeSpan>("--overlap")
        {
            Description = "How long the old secret remains valid after the rotation. Default: 00:00:00",
            HelpName = OverlapForm.Placeholder,
            CustomParser = result =>
            {
                if (OverlapForm.TryRead(result.Tokens[0].Value, out var duration))
                    return (TimeSpan)duration!;
                result.AddError($"--overlap \"{result.Tokens[0].Value}\" is invalid. It must be {OverlapForm.Form}.");
                return default;
            },
        };
        var command = new Command("rotate", "Replaces the secret of an API key and prints SID:secret, once.") { key, overlap };
        command.SetAction((result, _) => RunAsync(result, mayCreateDatabase: false, async keys =>
        {
            var request = new RotateApiKeyRequest { ApiKeySid = result.GetValue(key), Overlap = result.GetValue(overlap).ToDuration() };
            var rotated = await keys.RotateApiKeyAsync(request);
            await WriteSecretAsync(rotated.ApiKey, rotated.Secret);
        }));
        return command;
    }

    private Command CreateRevoke()
    {
        var key = NewKeyArgument();
        var command = new Command("revoke", "Revokes an API key. The server ends its calls and streams within a second.") { key };
        command.SetAction((result, _) => RunAsync(result, mayCreateDatabase: false, async keys =>
        {
            var revoked = await keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = result.GetValue(key) });
            await output.WriteLineAsync($"Revoked {revoked.ApiKey.Sid}.");
        }));
        return command;
    }

    /// <summary>
    /// Calls the running server, or starts one for this call only. Only the first key may create a database: a wrong path or working
    /// directory would otherwise look like a deployment without keys.
    /// </summary>
    /// <exception cref="SettingsException">A setting is invalid, or the server rejects the call.</exception>
    /// <exception cref="DatabaseRejectedException">No server listens on the admin socket, and the database cannot be opened.</exception>
    private async Task RunAsync(ParseResult result, bool mayCreateDatabase, Func<ApiKeyService.ApiKeyServiceClient, Task> callAsync)
    {
        var settings = SettingsReader.Read(SettingsSources.Load(options.Read(result)));
        try
        {
            if (settings.AdminSocket is { } socket && await AdminSocketChannel.IsServedAsync(socket, CancellationToken.None))
                await CallAsync(socket);
            else if (!mayCreateDatabase && !await ExistsAsync())
                throw Missing(settings);
            else
                await CallOfflineAsync();
        }
        catch (RpcException exception)
        {
            var detail = exception.Status.Detail;
            throw new SettingsException(detail.Length > 0 ? detail : $"The server rejected the call with status {exception.StatusCode}.");
        }
        catch (System.Net.Sockets.SocketException exception)
        {
            throw new SettingsException(
                $"The admin socket {settings.AdminSocket} cannot be opened. Run the command as the server's user: {exception.Message}");
        }

        Task<bool> ExistsAsync() =>
            settings.Postgres is { } postgres ? HasTablesAsync(postgres) : Task.FromResult(File.Exists(settings.Database));

        async Task CallOfflineAsync()
        {
            var isNew = !await ExistsAsync();
            await OfflineServer.RunAsync(settings, addDomain, CallAsync);
            if (isNew)
                await error.WriteLineAsync(Created(settings));
        }

        async Task CallAsync(string path)
        {
            using var channel = AdminSocketChannel.Open(path);
            await callAsync(new ApiKeyService.ApiKeyServiceClient(channel));
        }
    }

    // In a method of its own, because it loads the library of PostgreSQL.
    private static Task<bool> HasTablesAsync(PostgresConnection postgres) => PostgresPresenceStore.ExistsAsync(
        new PostgresStoreOptions { ConnectionString = postgres.ConnectionString }, CancellationToken.None);

    private static DatabaseRejectedException Missing(ServerSettings settings) => settings.Postgres is { } postgres
        ? new(
            DatabaseRejection.Missing,
            $"{postgres}",
            $"The PostgreSQL database {postgres} has no tables of a server, so there are no API keys. "
                + "Correct the connection string, or start the server once.")
        : new(
            DatabaseRejection.Missing,
            settings.Database,
            $"The database '{settings.Database}' does not exist, so there are no API keys. "
                + "Specify --database, or run the command in the server's working directory.");

    private static string Created(ServerSettings settings) => settings.Postgres is { } postgres
        ? $"Created the tables in {postgres}. Start the server with the same {nameof(ServerSettings.Postgres)}."
        : $"Created the database {settings.Database}. Start the server with the same path.";

    private async Task ListAsync(ApiKeyService.ApiKeyServiceClient keys, string serviceSid)
    {
        var request = new ListApiKeysRequest { ServiceSid = serviceSid };
        do
        {
            var page = await keys.ListApiKeysAsync(request);
            foreach (var key in page.ApiKeys)
                await output.WriteLineAsync(Line(key));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
    }

    private async Task WriteSecretAsync(ApiKey key, string secret)
    {
        await output.WriteLineAsync($"{key.Sid}:{secret}");
        await error.WriteLineAsync(
            "Use the SID as the user name and the secret as the password of HTTP Basic. Store the secret now: it is not shown again.");
    }

    private static string Line(ApiKey key)
    {
        var scope = key.ServiceSid.Length > 0 ? key.ServiceSid : "whole deployment";
        var state = key.RevokeTime is { } revoked ? $"revoked {revoked.ToDateTime():yyyy-MM-dd'T'HH:mm:ss'Z'}" : "active";
        var role = key.Role.ToString().ToLowerInvariant();
        // Tenants choose the names.
        return string.Join('\t', key.Sid, role, scope, state, VisibleText.Of(key.CertificateName), VisibleText.Of(key.FriendlyName));
    }
}
