using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Sends one webhook request and returns the response status. Safe from any thread.</summary>
internal sealed class WebhookClient(HttpMessageHandler handler, TimeProvider time) : IDisposable
{
    /// <summary>
    /// The header by which an endpoint recognizes a repeated event. All attempts have the same value, although a later one may name more
    /// reasons.
    /// </summary>
    public const string IdempotencyHeader = "I-Twilio-Idempotency-Token";

    /// <summary>
    /// The time limit of a request, from name resolution to response headers, with all attempts. Twilio Conversations uses the same limit.
    /// </summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    private const string UserAgent = "GrpcPresence";
    private const int TokenBytes = 16;

    // The first retry follows at once, because an endpoint may have closed an idle connection. An endpoint that restarts needs longer.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private static readonly MediaTypeWithQualityHeaderValue AnyType = new("*/*");

    // Without a timeout, because HttpClient's own does not use the injected clock.
    private readonly HttpClient _http = new(handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Returns the status of the response, or why no response came.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="PresenceException">
    /// QuotaExceeded, WebhookCapacityExceeded: the request was not sent, because too many lookups, connections or files are in use.
    /// </exception>
    public async Task<WebhookAnswer> SendAsync(WebhookRequest request, CancellationToken cancellationToken)
    {
        if (!WebhookUrl.TryParse(request.Url, out var url, out _))
            return new WebhookAnswer(Status: null, WebhookFailure.UrlRejected);
        var retries = url.Overrides.Retries ?? (request.RetriesConnection ? int.MaxValue : 0);
        using var limit = new CancellationTokenSource(TimeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var failure = WebhookFailure.NoAnswer;
        try
        {
            for (var pause = TimeSpan.Zero; ; pause = pause == TimeSpan.Zero ? FirstPause : TimeSpan.FromTicks(
                Math.Min(2 * pause.Ticks, LongestPause.Ticks)))
            {
                try
                {
                    return new WebhookAnswer(await TryAsync(request, url, either.Token), Failure: null);
                }
                catch (Exception exception) when (IsFailedConnection(exception))
                {
                    if (exception.InnerException is PresenceException refusal)
                        ExceptionDispatchInfo.Throw(refusal);
                    failure = FailureOf(exception);
                    if (retries-- == 0 || !MayRecover(exception))
                        return new WebhookAnswer(Status: null, failure);
                }
                if (pause > TimeSpan.Zero)
                    await Task.Delay(pause, time, either.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new WebhookAnswer(Status: null, failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<HttpStatusCode> TryAsync(WebhookRequest webhook, WebhookUrl url, CancellationToken cancellationToken)
    {
        using var attempt = new AttemptTimeout(url.Overrides, time, cancellationToken);
        using var request = NewRequest(webhook, url);
        request.Options.Set(AttemptTimeout.Key, attempt);
        request.Options.Set(WebhookConnectionPools.Use, webhook.Use);
        // The body is not read, so that no endpoint can make this server hold a large one.
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, attempt.Token);
        return response.StatusCode;
    }

    // When the peer resets a new connection, the socket's exception may reach this code unwrapped.
    private static bool IsFailedConnection(Exception exception) => exception is HttpRequestException or IOException or SocketException;

    /// <summary>
    /// Whether another attempt may succeed: not after an address that the policy rejects, an invalid certificate or an invalid response.
    /// </summary>
    private static bool MayRecover(Exception exception) =>
        exception is not HttpRequestException http
        || (http.InnerException is not PrivateAddressException
            && http.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                or HttpRequestError.ResponseEnded or HttpRequestError.Unknown);

    private static WebhookFailure FailureOf(Exception exception) => exception switch
    {
        HttpRequestException { InnerException: PrivateAddressException } => WebhookFailure.AddressRejected,
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => WebhookFailure.NameNotResolved,
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => WebhookFailure.TlsFailed,
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded } =>
            WebhookFailure.InvalidResponse,
        _ => WebhookFailure.NoConnection,
    };

    private static HttpRequestMessage NewRequest(WebhookRequest webhook, WebhookUrl url)
    {
        var isGet = webhook.Method == WebhookMethod.Get;
        var target = isGet ? WithQuery(url, webhook.Form) : url.Text;
        var request = new HttpRequestMessage(isGet ? HttpMethod.Get : HttpMethod.Post, WebhookUrl.ToUri(target));
        if (!isGet)
            request.Content = new FormUrlEncodedContent(webhook.Form);
        request.Headers.UserAgent.ParseAdd(UserAgent);
        request.Headers.Accept.Add(AnyType);
        request.Headers.Add(IdempotencyHeader, IdempotencyToken(webhook.Form));
        if (url.Credentials is { } credentials)
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(credentials));
        if (webhook.Secret is { } secret)
            request.Headers.Add(WebhookSignature.Header, WebhookSignature.Of(secret, target, isGet ? [] : webhook.Form));
        return request;
    }

    private static string WithQuery(WebhookUrl url, IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var parameters = form.Select(parameter => $"{Uri.EscapeDataString(parameter.Key)}={Uri.EscapeDataString(parameter.Value)}");
        return $"{url.Text}{(url.Query.Length > 0 ? '&' : '?')}{string.Join('&', parameters)}";
    }

    /// <summary>
    /// Returns a hash of all parameters except the reasons, because a repeated event may name more reasons. Service instance, user,
    /// revision and event type do not suffice: after a backup is restored, the same revisions come again with other changes.
    /// </summary>
    private static string IdempotencyToken(IReadOnlyList<KeyValuePair<string, string>> form)
    {
        var hashed = form.Where(parameter => parameter.Key != WebhookParameters.UpdateReasons);
        var text = string.Join('\0', hashed.Select(parameter => $"{parameter.Key}\0{parameter.Value}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, TokenBytes));
    }
}
