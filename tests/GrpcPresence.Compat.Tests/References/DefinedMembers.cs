using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace GrpcPresence.Compat.Tests.References;

/// <summary>What an assembly offers to others.</summary>
internal static class DefinedMembers
{
    /// <summary>Every public type, with each member that other assemblies can use or override.</summary>
    public static IReadOnlyCollection<string> Of(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var reader = file.GetMetadataReader();
        return [.. reader.TypeDefinitions.Where(type => IsVisible(reader, type)).SelectMany(type => Describe(reader, type))];
    }

    private static IEnumerable<string> Describe(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        var name = SignatureNames.NameOf(reader, handle);
        var methods = type.GetMethods().Select(reader.GetMethodDefinition)
            .Where(method => IsVisible(method.Attributes))
            .Select(method => SignatureNames.Method(
                reader.GetString(method.Name),
                method.DecodeSignature(SignatureNames.Instance, genericContext: null)));
        var fields = type.GetFields().Select(reader.GetFieldDefinition)
            .Where(field => IsVisible((MethodAttributes)field.Attributes))
            .Select(field => SignatureNames.Field(
                reader.GetString(field.Name),
                field.DecodeSignature(SignatureNames.Instance, genericContext: null)));
        return methods.Concat(fields).Select(member => $"{name} :: {member}").Prepend(name);
    }

    private static bool IsVisible(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        return (type.Attributes & TypeAttributes.VisibilityMask) switch
        {
            TypeAttributes.Public => true,
            TypeAttributes.NestedPublic or TypeAttributes.NestedFamily or TypeAttributes.NestedFamORAssem =>
                IsVisible(reader, type.GetDeclaringType()),
            _ => false,
        };
    }

    // Fields have the same values for their access as methods.
    private static bool IsVisible(MethodAttributes attributes) => (attributes & MethodAttributes.MemberAccessMask)
        is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem;
}
