using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Makes one request of a webhook and says what was answered. Safe from any thread.</summary>
internal sealed class WebhookClient(HttpMessageHandler handler, ServerSettings settings, TimeProvider time) : IDisposable
{
    /// <summary>The header by which a receiver can tell a repetition: the same for all tries of an event, whose reasons may have become more.</summary>
    public const string IdempotencyHeader = "I-Twilio-Idempotency-Token";

    /// <summary>The time that a request may take in all, from the resolution of the name to the headers of the answer: what the product gives.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    private const string UserAgent = "GrpcPresence";
    private const int TokenBytes = 16;

    private readonly HttpClient _http = new(handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan }; // its own would not follow the clock that is passed in

    /// <summary>The status that was answered; null when there was no answer in time, or no connection, or the target is not allowed.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<HttpStatusCode?> SendAsync(
        string url, WebhookMethod method, IReadOnlyList<KeyValuePair<string, string>> form, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TimeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var request = NewRequest(url, method, form);
        try
        {
            // Nothing is read of the body: no receiver can make this server hold it.
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return response.StatusCode;
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or SocketException)
        {
            return null; // a peer that is gone as soon as the connection is made is told of by the socket, not by the handler
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

    /// <summary>The URL with its host as the receiver is sent it, for it verifies the signature of that.</summary>
    private static Uri TargetOf(string url)
    {
        var target = new Uri(url);
        return target.HostNameType == UriHostNameType.Dns && target.IdnHost != target.Host ? new UriBuilder(target) { Host = target.IdnHost }.Uri : target;
    }

    private static string WithQuery(string url, IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var query = string.Join('&', form.Select(parameter => $"{Uri.EscapeDataString(parameter.Key)}={Uri.EscapeDataString(parameter.Value)}"));
        return $"{url}{(url.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{query}";
    }

    /// <summary>
    /// Of everything but the reasons, which a repetition may name more of. Service instance, user, revision and event alone would not do: after a backup was
    /// restored, revisions come again with other changes.
    /// </summary>
    private static string IdempotencyToken(IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var same = string.Join('\0', form.Where(parameter => parameter.Key != WebhookForm.UpdateReasons).Select(parameter => $"{parameter.Key}\0{parameter.Value}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(same)).AsSpan(0, TokenBytes));
    }
}
