using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Grpc.Net.Client;
using GrpcPresence.Testing;
using Twilio.Clients;
using Twilio.Http;

namespace GrpcPresence.Twilio.Tests.Fixture;

/// <summary>Runs the server program as a process, as a user starts it: with a new database, and free loopback ports.</summary>
/// <param name="settings">The environment variables with its settings.</param>
public abstract partial class PresenceServer(params (string Name, string Value)[] settings) : IAsyncLifetime
{
    /// <summary>The account and the token that the server accepts, if it requires credentials.</summary>
    public const string AccountSid = "AC00000000000000000000000000000001";

    /// <inheritdoc cref="AccountSid"/>
    public const string AuthToken = "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly TemporaryDirectory _directory = new();
    private readonly Process _process = new();
    private readonly StringBuilder _output = new(); // protected by a lock on itself
    private readonly List<Uri> _addresses = []; // protected by a lock on _output
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The client for the library's calls.</summary>
    public ITwilioRestClient Client { get; private set; } = null!;

    /// <summary>The channel for features that only gRPC has: heartbeats and push bindings.</summary>
    public GrpcChannel Grpc { get; private set; } = null!;

    /// <summary>The address of REST.</summary>
    public Uri Rest => _addresses[1];

    /// <summary>Creates a client with these credentials.</summary>
    public ITwilioRestClient ClientOf(string accountSid, string authToken, DelegatingHandler? handler = null) => new TwilioRestClient(
        accountSid, authToken, httpClient: new SystemNetHttpClient(new System.Net.Http.HttpClient(handler ?? new LocalServer(Rest))));

    /// <summary>Starts the program and waits until it has printed its addresses: gRPC first, then REST.</summary>
    public async ValueTask InitializeAsync()
    {
        _process.StartInfo = new ProcessStartInfo(
            "dotnet", [BuildMetadata.ServerProgram, "--port", "0", "--rest-port", "0", "--database", _directory.File("presence.db")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in settings)
            _process.StartInfo.Environment[name] = value;
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) => _listening.TrySetException(new InvalidOperationException("The server ended."));
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        try
        {
            await _listening.Task.WaitAsync(Patience);
        }
        catch (Exception failure) when (failure is TimeoutException or InvalidOperationException)
        {
            _process.Kill(); // xUnit does not dispose a fixture that fails to start
            lock (_output)
                throw new InvalidOperationException($"The server did not print two addresses. Its output:\n{_output}", failure);
        }
        Client = ClientOf(AccountSid, AuthToken);
        Grpc = GrpcChannel.ForAddress(_addresses[0]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Grpc?.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Dispose();
    }

    private void Take(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
            if (line is null || _addresses.Count == 2 || Loopback().Match(line) is not { Success: true } address)
                return;
            var uri = new Uri(address.Value);
            if (!_addresses.Contains(uri))
                _addresses.Add(uri);
            if (_addresses.Count == 2)
                _listening.TrySetResult();
        }
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:[0-9]+")]
    private static partial Regex Loopback();
}
