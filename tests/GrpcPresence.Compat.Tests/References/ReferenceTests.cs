using System.Reflection;

namespace GrpcPresence.Compat.Tests.References;

public sealed class ReferenceTests
{
    private static readonly string[] StandIns = ["Grpc.Core.Api", "Grpc.Net.Common"];

    private const BindingFlags DeclaredMembers =
        BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    public static TheoryData<string> Libraries => ["Grpc.AspNetCore.Server", "Grpc.Net.Client"];

    public static TheoryData<string> StandInNames => [.. StandIns];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Every_member_that_a_library_references_exists(string library)
    {
        var defined = StandIns.SelectMany(assembly => DefinedMembers.Of(FileOf(assembly))).ToHashSet();

        var referenced = ReferencedMembers.Of(FileOf(library), StandIns);
        var missing = referenced.Where(member => !defined.Contains(member)).Order(StringComparer.Ordinal).ToList();

        // Fewer would mean that the references were not read.
        Assert.InRange(referenced.Count, 80, int.MaxValue);
        Assert.True(missing.Count == 0, $"{library} needs what the stand-ins lack:\n{string.Join('\n', missing)}");
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Every_type_of_a_library_loads(string library)
    {
        // Loading a type checks what references do not show: abstract members without an override, constraints and sealed bases.
        var types = Assembly.Load(library).GetTypes();

        Assert.NotEmpty(types);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Every_override_of_a_library_overrides_something(string library)
    {
        // An override that finds no virtual member of its shape loads all the same, as a new member that nobody calls.
        var overrides = Assembly.Load(library).GetTypes()
            .Where(type => type.BaseType is not null && StandIns.Contains(type.BaseType.Assembly.GetName().Name))
            .SelectMany(type => type.GetMethods(DeclaredMembers))
            .Where(method => method.IsVirtual && !method.Attributes.HasFlag(MethodAttributes.NewSlot))
            .ToList();
        var orphans = overrides.Where(method => method.GetBaseDefinition() == method).ToList();

        Assert.NotEmpty(overrides);
        Assert.True(orphans.Count == 0, $"{library} overrides what the stand-ins lack:\n{string.Join('\n', orphans.Select(Describe))}");
    }

    [Theory]
    [MemberData(nameof(StandInNames))]
    public void A_stand_in_has_the_identity_that_the_libraries_ask_for(string standIn)
    {
        var asked = Assembly.Load("Grpc.Net.Client").GetReferencedAssemblies().Single(reference => reference.Name == standIn);

        var found = Assembly.Load(standIn).GetName();

        Assert.Equal(asked.FullName, found.FullName);
    }

    private static string Describe(MethodInfo method) => $"{method.DeclaringType} : {method.DeclaringType?.BaseType} :: {method}";

    private static string FileOf(string assembly) => Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll");
}
