using System.Text.RegularExpressions;
using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Reads the promises in the comments of <c>error_reason.proto</c>.</summary>
internal static partial class DocumentedReasons
{
    /// <summary>The status of each reason, by its name in <c>google.rpc.ErrorInfo</c>.</summary>
    public static IReadOnlyDictionary<string, StatusCode> Statuses { get; } = Read();

    private static Dictionary<string, StatusCode> Read()
    {
        using var stream = typeof(DocumentedReasons).Assembly.GetManifestResourceStream("error_reason.proto")!;
        using var reader = new StreamReader(stream);
        return DocumentedReason().Matches(reader.ReadToEnd()).ToDictionary(
            match => match.Groups["name"].Value,
            match => Enum.Parse<StatusCode>(match.Groups["status"].Value.Replace("_", "", StringComparison.Ordinal), ignoreCase: true));
    }

    // The first comment line of a reason begins with its status.
    [GeneratedRegex(@"^  // (?<status>[A-Z_]+)\. [^\n]*\n(  // [^\n]*\n)*  ERROR_REASON_(?<name>\w+) = ", RegexOptions.Multiline)]
    private static partial Regex DocumentedReason();
}
