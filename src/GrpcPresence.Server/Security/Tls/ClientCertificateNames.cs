using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// Identifies a client by its certificate: the URIs (such as <c>spiffe://example.org/gateway</c>) and the DNS names among the subject
/// alternative names of RFC 5280, section 4.2.1.6. The common name is not used.
/// </summary>
internal static class ClientCertificateNames
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private static readonly Asn1Tag DnsName = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag Uri = new(TagClass.ContextSpecific, 6);

    /// <summary>
    /// The names of the client at the other end, as its certificate spells them; empty when it presented no certificate. A presented
    /// certificate has already been validated.
    /// </summary>
    public static IReadOnlyList<string> Of(HttpContext context) => context.Features.Get<NamesFeature>()?.Names ?? [];

    /// <summary>
    /// Returns the names in a certificate, in their order. If the names do not follow the standard, it returns none, because a part of them
    /// would be a guess.
    /// </summary>
    public static IReadOnlyList<string> In(X509Certificate2 certificate)
    {
        var extensions = certificate.Extensions.Where(extension => extension.Oid?.Value == SubjectAlternativeName).ToArray();
        if (extensions.Length != 1)
            return [];
        try
        {
            return Read(extensions[0].RawData);
        }
        catch (AsnContentException)
        {
            return [];
        }
    }

    /// <summary>Stores the names in the features of the connection, which all its requests share.</summary>
    public static void Remember(IFeatureCollection connection, X509Certificate2 certificate) =>
        connection.Set(new NamesFeature(In(certificate)));

    private static List<string> Read(byte[] extension)
    {
        var names = new List<string>();
        var whole = new AsnReader(extension, AsnEncodingRules.DER);
        var generalNames = whole.ReadSequence();
        whole.ThrowIfNotEmpty();
        while (generalNames.HasData)
        {
            var tag = generalNames.PeekTag();
            if (tag.HasSameClassAndValue(Uri))
                names.Add(ReadName(generalNames, Uri));
            else if (tag.HasSameClassAndValue(DnsName))
                names.Add(ReadName(generalNames, DnsName));
            else
                generalNames.ReadEncodedValue();
        }
        return names;
    }

    // A URI always contains a colon and a DNS name never does, so that one kind of name cannot pass for the other.
    private static string ReadName(AsnReader generalNames, Asn1Tag kind)
    {
        var name = generalNames.ReadCharacterString(UniversalTagNumber.IA5String, kind);
        if (name.Length == 0
            || name.Any(character => character is <= ' ' or > '~')
            || name.Contains(':', StringComparison.Ordinal) != (kind == Uri))
        {
            throw new AsnContentException();
        }
        return name;
    }

    private sealed record NamesFeature(IReadOnlyList<string> Names);
}
