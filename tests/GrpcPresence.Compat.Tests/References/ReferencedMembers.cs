using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace GrpcPresence.Compat.Tests.References;

/// <summary>What a compiled library needs from the stand-ins.</summary>
internal static class ReferencedMembers
{
    /// <summary>Every type and member that the library references in one of the assemblies.</summary>
    public static IReadOnlyCollection<string> Of(string library, IReadOnlyCollection<string> assemblies)
    {
        using var file = new PEReader(File.OpenRead(library));
        var reader = file.GetMetadataReader();
        var types = reader.TypeReferences
            .Where(type => assemblies.Contains(AssemblyOf(reader, type)))
            .Select(type => SignatureNames.NameOf(reader, type))
            .ToHashSet();
        var members = reader.MemberReferences
            .Select(reader.GetMemberReference)
            .Select(member => (Type: DeclaringType(reader, member.Parent), Member: member))
            .Where(reference => types.Contains(reference.Type))
            .Select(reference => $"{reference.Type} :: {Describe(reader, reference.Member)}");
        return [.. types, .. members.Distinct()];
    }

    private static string Describe(MetadataReader reader, MemberReference member)
    {
        var name = reader.GetString(member.Name);
        return member.GetKind() == MemberReferenceKind.Method
            ? SignatureNames.Method(name, member.DecodeMethodSignature(SignatureNames.Instance, genericContext: null))
            : SignatureNames.Field(name, member.DecodeFieldSignature(SignatureNames.Instance, genericContext: null));
    }

    /// <summary>The type without its arguments, for a member of a generic type is referenced through an instantiation.</summary>
    private static string DeclaringType(MetadataReader reader, EntityHandle parent) => parent.Kind switch
    {
        HandleKind.TypeReference => SignatureNames.NameOf(reader, (TypeReferenceHandle)parent),
        HandleKind.TypeSpecification => WithoutArguments(
            reader.GetTypeSpecification((TypeSpecificationHandle)parent).DecodeSignature(SignatureNames.Instance, genericContext: null)),
        _ => "",
    };

    private static string WithoutArguments(string type) => type.Split('<')[0].Replace("value ", "", StringComparison.Ordinal);

    private static string AssemblyOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => AssemblyOf(reader, (TypeReferenceHandle)scope),
            HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name),
            _ => "",
        };
    }
}
