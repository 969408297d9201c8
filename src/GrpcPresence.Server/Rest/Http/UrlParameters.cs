using System.Text;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Errors;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>The parameters of a query or a form (URL standard, section 5.1), in any case of their names.</summary>
internal sealed class UrlParameters
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.OrdinalIgnoreCase);

    private UrlParameters()
    {
    }

    /// <summary>No parameters.</summary>
    public static UrlParameters None { get; } = new();

    /// <summary>Reads the query of the request.</summary>
    /// <exception cref="RestException">A parameter is not UTF-8, or there are too many of them.</exception>
    public static UrlParameters OfQuery(HttpRequest request) =>
        request.QueryString is { HasValue: true, Value: var query }
        ? Parse(
            Encoding.UTF8.GetBytes(query[1..]),
            Limits.QueryValues,
            max => RestException.QueryInvalid($"It has more than {max} values."))
        : None;

    /// <summary>Reads a form.</summary>
    /// <exception cref="RestException">A parameter is not UTF-8, or there are too many of them.</exception>
    public static UrlParameters OfForm(ReadOnlySpan<byte> form) => Parse(
        form, Limits.FormValues, max => RestException.FormInvalid($"It has more than {max} values."));

    /// <summary>Returns all values of the parameter, or null when it is missing.</summary>
    public IReadOnlyList<string>? Find(string name) => _values.GetValueOrDefault(name);

    private static UrlParameters Parse(ReadOnlySpan<byte> text, int maxCount, Func<int, RestException> tooMany)
    {
        // Count first, so that too many values do not become objects.
        if (CountParts(text) > maxCount)
            throw tooMany(maxCount);
        var parameters = new UrlParameters();
        foreach (var range in text.Split((byte)'&'))
        {
            var part = text[range];
            if (part.IsEmpty)
                continue;
            var equals = part.IndexOf((byte)'=');
            var name = EncodedText.DecodePart(equals < 0 ? part : part[..equals]);
            if (!parameters._values.TryGetValue(name, out var values))
                parameters._values[name] = values = [];
            values.Add(equals < 0 ? "" : EncodedText.DecodePart(part[(equals + 1)..]));
        }
        return parameters;
    }

    private static int CountParts(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var range in text.Split((byte)'&'))
            count += text[range].IsEmpty ? 0 : 1;
        return count;
    }
}
