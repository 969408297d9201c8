using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Access;
using GrpcPresence.Server.Settings;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Hosting;

/// <summary>
/// The subcommands on API keys: a client of <c>ApiKeyService</c> over the operator's socket. Of the server that runs on the database, or, where none does,
/// of one that listens to nobody else and ends with the command.
/// </summary>
internal static class KeysCommand
{
    private const string Name = "keys";
    private const string Usage =
        "keys create --role admin|service|read [--service-sid IS…] [--name TEXT] [--certificate-name URI|DNS], keys list, " +
        "keys rotate SK… [--overlap DURATION], keys revoke SK…; each also takes the options of the server";

    /// <summary>Whether the arguments are those of the subcommands.</summary>
    public static bool IsNamed(IReadOnlyList<string> arguments) => arguments is [Name, ..];

    /// <summary>
    /// Carries the subcommand out. A secret is written alone to <paramref name="output"/>, as SID:secret, so that a script can take it; what is said about
    /// it goes to <paramref name="error"/>.
    /// </summary>
    /// <exception cref="SettingsException">The subcommand or an option cannot be understood, or the server refuses it.</exception>
    /// <exception cref="Storage.Sqlite.DatabaseRefusedException">No server runs that has a socket, and the database cannot be opened.</exception>
    public static async Task RunAsync(
        IReadOnlyList<string> arguments, Action<IServiceCollection> addDomain, TextWriter output, TextWriter error)
    {
        var options = KeysOptions.Read([.. arguments.Skip(1)]) ?? throw new SettingsException($"There are: {Usage}.");
        var configuration = SettingsSources.Load(options.ServerArguments);
        var settings = SettingsReader.Read(configuration);
        try
        {
            if (settings.OperatorSocket is { } socket && await OperatorChannel.IsServedAsync(socket, CancellationToken.None))
                await CallAsync(socket, options, output, error);
            else
                await OfflineServer.RunAsync(settings, addDomain, path => CallAsync(path, options, output, error));
        }
        catch (RpcException refusal)
        {
            throw new SettingsException(refusal.Status.Detail.Length > 0 ? refusal.Status.Detail : $"The server answers {refusal.StatusCode}.");
        }
        catch (System.Net.Sockets.SocketException fault)
        {
            throw new SettingsException($"The operator's socket cannot be opened: {fault.Message}");
        }
    }

    private static async Task CallAsync(string socket, KeysOptions options, TextWriter output, TextWriter error)
    {
        using var channel = OperatorChannel.Open(socket);
        var keys = new ApiKeyService.ApiKeyServiceClient(channel);
        await (options.Verb switch
        {
            KeysVerb.Create => CreateAsync(keys, options, output, error),
            KeysVerb.List => ListAsync(keys, options, output),
            KeysVerb.Rotate => RotateAsync(keys, options, output, error),
            _ => RevokeAsync(keys, options, output),
        });
    }

    private static async Task CreateAsync(ApiKeyService.ApiKeyServiceClient keys, KeysOptions options, TextWriter output, TextWriter error)
    {
        var made = await keys.CreateApiKeyAsync(new CreateApiKeyRequest
        {
            FriendlyName = options.FriendlyName,
            Role = options.Role,
            ServiceSid = options.ServiceSid,
            CertificateName = options.CertificateName,
        });
        await TellAsync(made.ApiKey, made.Secret, output, error);
    }

    private static async Task RotateAsync(ApiKeyService.ApiKeyServiceClient keys, KeysOptions options, TextWriter output, TextWriter error)
    {
        var rotated = await keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = options.KeySid, Overlap = options.Overlap.ToDuration() });
        await TellAsync(rotated.ApiKey, rotated.Secret, output, error);
    }

    private static async Task RevokeAsync(ApiKeyService.ApiKeyServiceClient keys, KeysOptions options, TextWriter output)
    {
        var revoked = await keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = options.KeySid });
        await output.WriteLineAsync($"Revoked {revoked.ApiKey.Sid}.");
    }

    private static async Task ListAsync(ApiKeyService.ApiKeyServiceClient keys, KeysOptions options, TextWriter output)
    {
        var request = new ListApiKeysRequest { ServiceSid = options.ServiceSid };
        do
        {
            var page = await keys.ListApiKeysAsync(request);
            foreach (var key in page.ApiKeys)
                await output.WriteLineAsync(Line(key));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
    }

    private static async Task TellAsync(ApiKey key, string secret, TextWriter output, TextWriter error)
    {
        await output.WriteLineAsync($"{key.Sid}:{secret}");
        await error.WriteLineAsync("That is the SID and the secret, which is shown only now: the user name and the password of HTTP Basic.");
    }

    private static string Line(ApiKey key)
    {
        var scope = key.ServiceSid.Length > 0 ? key.ServiceSid : "whole deployment";
        var state = key.RevokeTime is { } revoked ? $"revoked {revoked.ToDateTimeOffset():u}" : "in force";
        return string.Join('\t', key.Sid, key.Role.ToString().ToLowerInvariant(), scope, state, Printable(key.CertificateName), Printable(key.FriendlyName));
    }

    // Names are tenants' texts, and this goes to the operator's terminal.
    private static string Printable(string text) => string.Concat(text.Select(character => char.IsControl(character) ? '?' : character));
}
