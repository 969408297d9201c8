using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>The server's reply to a REST request.</summary>
internal sealed record RestReply(HttpStatusCode Status, JsonElement Body, HttpResponseHeaders Headers)
{
    /// <summary>Returns a text of the body, or null, by a path of names.</summary>
    public string? Text(params string[] path) => At(path).GetString();

    /// <summary>Returns a flag of the body, or null.</summary>
    public bool? Flag(params string[] path) => At(path) is { ValueKind: not JsonValueKind.Null } value ? value.GetBoolean() : null;

    public JsonElement At(params string[] path)
    {
        var element = Body;
        foreach (var name in path)
            Assert.True(element.TryGetProperty(name, out element), $"{name} is missing in {Body}.");
        return element;
    }

    /// <summary>The names of the body's fields, in order.</summary>
    public IEnumerable<string> Names => Body.EnumerateObject().Select(property => property.Name);

    /// <summary>Asserts that the reply is an error with the code of Twilio Conversations.</summary>
    public RestReply Fails(HttpStatusCode status, int code)
    {
        Assert.Equal((status, code), (Status, At("code").GetInt32()));
        Assert.Equal((int)status, At("status").GetInt32());
        Assert.Equal($"https://www.twilio.com/docs/errors/{code}", Text("more_info"));
        Assert.NotEmpty(Text("message")!);
        return this;
    }

    /// <summary>The parameters of all violations, each with its reason.</summary>
    public IEnumerable<(string Parameter, string Reason)> Violations =>
        At("details", "violations").EnumerateArray().Select(violation =>
            (violation.GetProperty("parameter").GetString()!, violation.GetProperty("reason").GetString()!));
}
