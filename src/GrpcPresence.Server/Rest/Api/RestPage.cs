using System.Globalization;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;
using Microsoft.AspNetCore.Http.Extensions;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The page that a request asks for.</summary>
/// <param name="Number">The number of the page, from 0. The token determines where the page begins.</param>
/// <param name="Size">The maximum number of entries.</param>
/// <param name="Token">The page token of gRPC; empty for the first page.</param>
internal readonly record struct RestPage(int Number, int Size, string Token)
{
    private const string SizeName = "PageSize";
    private const string NumberName = "Page";
    private const string TokenName = "PageToken";

    /// <summary>Returns the query parameters of every list.</summary>
    public static RestParameter[] Parameters(int max) =>
    [
        RestParameter.Query(
            SizeName,
            RestParameterType.Number,
            $"The maximum number of entries per page, at least 1. Values above {max} are lowered to {max}. Default: 50."),
        RestParameter.Query(
            NumberName,
            RestParameterType.Number,
            $"The number of the page, from 0. Every page after the first also requires its {TokenName}."),
        RestParameter.Query(
            TokenName, RestParameterType.Text, "The token of the page, from the next_page_url or previous_page_url of another page."),
    ];

    /// <summary>Reads the page. Client libraries ask for up to 1000 entries and accept fewer.</summary>
    public static RestPage Read(RestRequest call, int most)
    {
        const int Unset = Core.Domain.Limits.DefaultPageSize;
        var size = Math.Min(call.Number(SizeName, min: 1, Unset), most);
        var number = call.Number(NumberName, min: 0, defaultValue: 0);
        var token = call.Query(TokenName);
        if (number > 0 && token.Length == 0)
            throw RestException.PageTokenRequired();
        return new RestPage(number, size, token);
    }

    /// <summary>Returns the metadata of the page for the body.</summary>
    /// <param name="call">The request, whose filters are kept in the URLs of all pages.</param>
    /// <param name="key">The name of the entries.</param>
    /// <param name="nextToken">The token of the next page; empty after the last page.</param>
    /// <param name="previousToken">The token of the previous page; empty before the first page.</param>
    public PageMeta Meta(RestRequest call, string key, string nextToken, string previousToken) => new()
    {
        Page = Number,
        PageSize = Size,
        FirstPageUrl = UrlOf(call, 0, ""),
        // Entries may have been added in front since. The token counts, and the number stays at 0.
        PreviousPageUrl = previousToken.Length == 0 ? null : UrlOf(call, Math.Max(Number - 1, 0), previousToken),
        Url = UrlOf(call, Number, Token),
        NextPageUrl = nextToken.Length == 0 ? null : UrlOf(call, Number == int.MaxValue ? Number : Number + 1, nextToken),
        Key = key,
    };

    private string UrlOf(RestRequest call, int number, string token)
    {
        var query = new QueryBuilder
        {
            { SizeName, Size.ToString(CultureInfo.InvariantCulture) },
            { NumberName, number.ToString(CultureInfo.InvariantCulture) },
        };
        if (token.Length > 0)
            query.Add(TokenName, token);
        foreach (var filter in call.Operation.Parameters.Where(IsFilter))
            query.Add(filter.Name, call.Queries(filter.Name));
        return call.UrlOf(call.Http.Request.Path.ToUriComponent()) + query;
    }

    private static bool IsFilter(RestParameter parameter) =>
        parameter.Place == RestParameterLocation.Query && parameter.Name is not (SizeName or NumberName or TokenName);
}
