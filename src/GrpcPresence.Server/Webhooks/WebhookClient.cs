using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Sends one webhook request and returns the response status. Safe from any thread.</summary>
internal sealed class WebhookClient(HttpMessageHandler handler, ServerSettings settings, TimeProvider time) : IDisposable
{
    /// <summary>
    /// The header by which an endpoint recognizes a repeated event. All attempts have the same value, although a later one may name more
    /// reasons.
    /// </summary>
    public const string IdempotencyHeader = "I-Twilio-Idempotency-Token";

    /// <summary>The time limit of a request, from name resolution to response headers. Twilio Conversations uses the same limit.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    private const string UserAgent = "GrpcPresence";
    private const int TokenBytes = 16;

    // Without a timeout, because HttpClient's own does not use the injected clock.
    private readonly HttpClient _http = new(handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>
    /// Returns the response status. Returns null without a response in time, without a connection, or when the policy rejects the target.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<HttpStatusCode?> SendAsync(
        string url, WebhookMethod method, IReadOnlyList<KeyValuePair<string, string>> form, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TimeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var request = NewRequest(url, method, form);
        try
        {
            // The body is not read, so that no endpoint can make this server hold a large one.
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return response.StatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException)
        {
            return null; // when the peer resets a new connection, the socket's exception may reach this code unwrapped
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private HttpRequestMessage NewRequest(string url, WebhookMethod method, IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var isGet = method == WebhookMethod.Get;
        var target = TargetOf(isGet ? WithQuery(url, form) : url);
        var request = new HttpRequestMessage(isGet ? HttpMethod.Get : HttpMethod.Post, target);
        if (!isGet)
            request.Content = new FormUrlEncodedContent(form);
        request.Headers.UserAgent.ParseAdd(UserAgent);
        request.Headers.Add(IdempotencyHeader, IdempotencyToken(form));
        if (settings.AuthToken is { } authToken)
            request.Headers.Add(WebhookSignature.Header, WebhookSignature.Of(authToken, target.AbsoluteUri, isGet ? [] : form));
        return request;
    }

    /// <summary>
    /// Returns the URL with the host as the request sends it (punycode), because the endpoint verifies the signature over that URL.
    /// </summary>
    private static Uri TargetOf(string url)
    {
        var target = new Uri(url);
        return target.HostNameType == UriHostNameType.Dns && target.IdnHost != target.Host
            ? new UriBuilder(target) { Host = target.IdnHost }.Uri
            : target;
    }

    private static string WithQuery(string url, IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var parameters = form.Select(parameter => $"{Uri.EscapeDataString(parameter.Key)}={Uri.EscapeDataString(parameter.Value)}");
        var query = string.Join('&', parameters);
        return $"{url}{(url.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{query}";
    }

    /// <summary>
    /// Returns a hash of all parameters except the reasons, because a repeated event may name more reasons. Service instance, user,
    /// revision and event type do not suffice: after a backup is restored, the same revisions come again with other changes.
    /// </summary>
    private static string IdempotencyToken(IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var hashed = form.Where(parameter => parameter.Key != WebhookForm.UpdateReasons);
        var text = string.Join('\0', hashed.Select(parameter => $"{parameter.Key}\0{parameter.Value}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, TokenBytes));
    }
}
