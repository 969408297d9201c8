using System.Globalization;
using System.Numerics;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Represents one REST request. It reads the parameters that its operation declares, collects their violations, and calls methods. It
/// ignores undeclared parameters, as Twilio Conversations does.
/// </summary>
internal sealed class RestRequest(
    HttpContext http,
    Caller caller,
    RestOperation operation,
    UrlParameters query,
    UrlParameters form,
    LocalMethods methods,
    string accountSid)
{
    private readonly RequestReader _problems = new();

    /// <summary>The HTTP request.</summary>
    public HttpContext Http => http;

    /// <summary>The authenticated caller. The called methods authorize it.</summary>
    public Caller Caller => caller;

    /// <summary>The operation that serves the request.</summary>
    public RestOperation Operation => operation;

    /// <summary>The account SID in resources.</summary>
    public string AccountSid => accountSid;

    /// <summary>Returns a parameter of the path, decoded.</summary>
    public string Path(string name)
    {
        _ = operation[name, RestParameterLocation.Path];
        return RawPath.Find(http, name);
    }

    /// <summary>Returns a text of the form, or null when the form does not contain it.</summary>
    public string? Text(string name)
    {
        _ = operation[name, RestParameterLocation.Form];
        return form.Find(name)?[^1];
    }

    /// <summary>Returns a required text of the form.</summary>
    public string RequiredText(string name) => Text(name) ?? Reject(name, ErrorReason.FieldRequired, "must be set", "");

    /// <summary>Returns a flag of the form, or null when the form does not contain it.</summary>
    public bool? Flag(string name)
    {
        if (Text(name) is not { } text)
            return null;
        return bool.TryParse(text, out var flag) ? flag : Reject(name, ErrorReason.FieldInvalid, "must be true or false", false);
    }

    /// <summary>Returns all texts of a repeated parameter of the form, or null when the form does not contain it.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        _ = operation[name, RestParameterLocation.Form];
        return form.Find(name);
    }

    /// <summary>Returns a text of the query, or an empty text when the query does not contain it.</summary>
    public string Query(string name)
    {
        _ = operation[name, RestParameterLocation.Query];
        return query.Find(name)?[^1] ?? "";
    }

    /// <summary>Returns all texts of a repeated parameter of the query.</summary>
    public IReadOnlyList<string> Queries(string name)
    {
        _ = operation[name, RestParameterLocation.Query];
        return query.Find(name) ?? [];
    }

    /// <summary>
    /// Returns a whole number of the query. A number that is too large for the type becomes the largest one: page sizes have a much lower
    /// maximum, and page numbers do not decide what is read.
    /// </summary>
    public int Number(string name, int min, int defaultValue)
    {
        if (Query(name) is not { Length: > 0 } text)
            return defaultValue;
        if (!BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return Reject(name, ErrorReason.FieldInvalid, "must be a whole number", defaultValue);
        return number >= min
            ? (int)BigInteger.Min(number, int.MaxValue)
            : Reject(name, ErrorReason.FieldOutOfRange, $"must be at least {min}", defaultValue);
    }

    /// <summary>Returns the value of a word of the query. The empty word stands for a missing parameter.</summary>
    public T Word<T>(string name, IReadOnlyDictionary<string, T> words)
    {
        if (words.TryGetValue(Query(name), out var value))
            return value;
        return Reject(name, ErrorReason.FieldInvalid, $"must be one of {string.Join(", ", words.Keys.Where(word => word.Length > 0))}",
            words[""]);
    }

    /// <summary>Returns a header of the request, or an empty text when the request does not contain it.</summary>
    public string Header(string name)
    {
        _ = operation[name, RestParameterLocation.Header];
        return http.Request.Headers[name].ToString();
    }

    /// <summary>Whether a header of the request is true.</summary>
    public bool Asks(string name) => bool.TryParse(Header(name), out var flag) && flag;

    /// <summary>Returns the absolute URL of a path, with the scheme, the host and the prefix that the caller used.</summary>
    public string UrlOf(string path) =>
        $"{http.Request.Scheme}://{http.Request.Host.ToUriComponent()}{http.Request.PathBase.ToUriComponent().TrimEnd('/')}{path}";

    /// <summary>Returns the absolute URL of a service instance, or of a resource below it.</summary>
    public string UrlOfService(string sid, string below = "") => UrlOf($"{RestPaths.Services}/{sid}{below}");

    /// <summary>Records a violation of a parameter, and returns <paramref name="defaultValue"/>.</summary>
    public T Reject<T>(string name, ErrorReason reason, string description, T defaultValue)
    {
        _problems.Add(name, reason, description);
        return defaultValue;
    }

    /// <summary>
    /// Calls the method with this request type. When a parameter could not be read, <paramref name="validate"/> adds the other violations
    /// of the request, and one error contains all of them.
    /// </summary>
    /// <exception cref="PresenceException">The method or a parameter rejects the request.</exception>
    public Task<TResponse> CallAsync<TRequest, TResponse>(TRequest request, Action<TRequest>? validate = null)
        where TRequest : class
        where TResponse : class
    {
        ThrowIfInvalid(validate is null ? null : () => validate(request));
        return methods.CallAsync<TRequest, TResponse>(request, http);
    }

    /// <summary>Opens a watch, and returns when it ends without an error.</summary>
    /// <exception cref="PresenceException">The method or a parameter rejects the request.</exception>
    public Task WatchAsync(V1.WatchUsersRequest request, IServerStreamWriter<WatchFrame> output)
    {
        ThrowIfInvalid(() => request.ToWatch());
        return methods.StreamAsync(request, output, http);
    }

    /// <summary>Throws when a parameter could not be read.</summary>
    private void ThrowIfInvalid(Action? validate)
    {
        try
        {
            if (_problems.HasAny)
                validate?.Invoke();
        }
        catch (PresenceException more)
        {
            foreach (var violation in more.Violations)
                _problems.Add(violation.Field, violation.Reason, violation.Description);
        }
        _problems.ThrowIfInvalid();
    }
}
