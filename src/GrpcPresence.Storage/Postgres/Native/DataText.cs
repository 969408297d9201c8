using System.Globalization;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>Identities of data as <c>data_identity()</c> gives them: the server and the database, an at sign, and the timeline.</summary>
internal static class DataText
{
    /// <summary>Returns the form of the schema.</summary>
    public static string Of(DataIdentity data) => string.Create(CultureInfo.InvariantCulture, $"{data.Server}@{data.Timeline}");

    /// <summary>Returns the identity of the form of the schema.</summary>
    public static DataIdentity Read(string text)
    {
        var at = text.LastIndexOf('@');
        return new DataIdentity(text[..at], long.Parse(text.AsSpan(at + 1), CultureInfo.InvariantCulture));
    }
}
