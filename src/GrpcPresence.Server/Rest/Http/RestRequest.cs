using System.Globalization;
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
/// One REST request: reads the parameters that its operation declares, gathers what is wrong with them, and calls methods. Parameters that
/// nobody declared
/// are not looked at, as the product does not.
/// </summary>
internal sealed class RestRequest(
    HttpContext http, Caller caller, RestOperation operation, IFormCollection form, LocalMethods methods, string accountSid)
{
    private readonly RequestReader _problems = new();

    /// <summary>The request.</summary>
    public HttpContext Http => http;

    /// <summary>Who makes it; what the caller may is for the methods to say.</summary>
    public Caller Caller => caller;

    /// <summary>The operation.</summary>
    public RestOperation Operation => operation;

    /// <summary>What the resources call the account.</summary>
    public string AccountSid => accountSid;

    /// <summary>A part of the path, decoded.</summary>
    public string Path(string name)
    {
        _ = operation[name, RestParameterLocation.Path];
        return RawPath.Find(http, name);
    }

    /// <summary>A text of the form; null when it is not there.</summary>
    public string? Text(string name)
    {
        _ = operation[name, RestParameterLocation.Form];
        return form.TryGetValue(name, out var values) ? values[^1] : null;
    }

    /// <summary>A text of the form that must be there.</summary>
    public string RequiredText(string name) => Text(name) ?? Refuse(name, ErrorReason.FieldRequired, "must be set", "");

    /// <summary>A flag of the form; null when it is not there.</summary>
    public bool? Flag(string name)
    {
        if (Text(name) is not { } text)
            return null;
        return bool.TryParse(text, out var flag) ? flag : Refuse(name, ErrorReason.FieldInvalid, "must be true or false", false);
    }

    /// <summary>The texts of a repeated name of the form; null when it is not there.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        _ = operation[name, RestParameterLocation.Form];
        return form.TryGetValue(name, out var values) ? [.. values.OfType<string>()] : null;
    }

    /// <summary>A text of the query; empty when it is not there.</summary>
    public string Query(string name)
    {
        _ = operation[name, RestParameterLocation.Query];
        return http.Request.Query[name] is [.., { } text] ? text : "";
    }

    /// <summary>The texts of a repeated name of the query.</summary>
    public IReadOnlyList<string> Queries(string name)
    {
        _ = operation[name, RestParameterLocation.Query];
        return [.. http.Request.Query[name].OfType<string>()];
    }

    /// <summary>A whole number of the query, for a page.</summary>
    public int PageNumber(string name, int least, int unset)
    {
        if (Query(name) is not { Length: > 0 } text)
            return unset;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : Refuse(name, ErrorReason.PageTokenInvalid, $"must be a whole number of at least {least}", unset);
    }

    /// <summary>A word of the query that stands for a value; the empty word where it is not there.</summary>
    public T Word<T>(string name, IReadOnlyDictionary<string, T> words)
    {
        if (words.TryGetValue(Query(name), out var value))
            return value;
        return Refuse(name, ErrorReason.FieldInvalid, $"must be one of {string.Join(", ", words.Keys.Where(word => word.Length > 0))}",
            words[""]);
    }

    /// <summary>A header of the request; empty when it is not there.</summary>
    public string Header(string name)
    {
        _ = operation[name, RestParameterLocation.Header];
        return http.Request.Headers[name].ToString();
    }

    /// <summary>A header of the request that says yes.</summary>
    public bool Asks(string name) => bool.TryParse(Header(name), out var flag) && flag;

    /// <summary>The absolute URL of a path, as the caller reaches this server.</summary>
    public string UrlOf(string path) => $"{http.Request.Scheme}://{http.Request.Host}{path}";

    /// <summary>The absolute URL of a service instance, or of what is below it.</summary>
    public string UrlOfService(string sid, string below = "") => UrlOf($"{RestPaths.Services}/{sid}{below}");

    /// <summary>Notes what is wrong with a parameter.</summary>
    public T Refuse<T>(string name, ErrorReason reason, string description, T unset)
    {
        _problems.Add(name, reason, description);
        return unset;
    }

    /// <summary>
    /// Calls the method whose request this is. Where a parameter could not be read, <paramref name="validate"/> says what else is wrong
    /// with the request, and
    /// all of it is refused together.
    /// </summary>
    /// <exception cref="PresenceException">What the method refuses, or the parameters.</exception>
    public Task<TResponse> CallAsync<TRequest, TResponse>(TRequest request, Action<TRequest>? validate = null)
        where TRequest : class
        where TResponse : class
    {
        ThrowIfInvalid(validate is null ? null : () => validate(request));
        return methods.CallAsync<TRequest, TResponse>(request, http);
    }

    /// <summary>Opens a watch; returns when it ends without an error.</summary>
    /// <exception cref="PresenceException">What the method refuses, or the parameters.</exception>
    public Task WatchAsync(V1.WatchUsersRequest request, IServerStreamWriter<WatchFrame> output)
    {
        ThrowIfInvalid(() => request.ToWatch());
        return methods.StreamAsync(request, output, http);
    }

    /// <summary>Refuses the parameters if one could not be read.</summary>
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
