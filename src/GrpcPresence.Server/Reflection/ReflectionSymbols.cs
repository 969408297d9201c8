using Google.Protobuf.Reflection;
using Grpc.Reflection;

namespace GrpcPresence.Server.Reflection;

/// <summary>
/// The symbols that server reflection finds. <see cref="SymbolRegistry"/> of Grpc.Reflection knows files, messages, enums, services and
/// methods. This type adds the kinds that it leaves out: fields, oneofs and enum values. Immutable.
/// </summary>
internal sealed class ReflectionSymbols
{
    private readonly Dictionary<string, string> _fileNames = [];
    private readonly HashSet<string> _messageTypes = [];

    /// <summary>Indexes the files and everything that they import.</summary>
    public ReflectionSymbols(IReadOnlyCollection<FileDescriptor> files)
    {
        Registry = SymbolRegistry.FromFiles(files);
        var pending = new Stack<FileDescriptor>(files);
        var indexed = new HashSet<string>();
        while (pending.TryPop(out var file))
        {
            if (!indexed.Add(file.Name))
                continue;
            foreach (var import in file.Dependencies)
                pending.Push(import);
            foreach (var type in file.EnumTypes)
                AddValues(type);
            foreach (var message in file.MessageTypes)
                AddMembers(message);
        }
    }

    /// <summary>The symbols that the library finds by itself.</summary>
    public SymbolRegistry Registry { get; }

    /// <summary>Returns the name of the file that declares a field, a oneof or an enum value; null for every other symbol.</summary>
    /// <param name="symbol">A fully qualified name, without a leading dot.</param>
    public string? FindFileOfMember(string symbol) => _fileNames.GetValueOrDefault(symbol);

    /// <summary>Whether the fully qualified name is that of a message type.</summary>
    public bool IsMessageType(string name) => _messageTypes.Contains(name);

    private void AddMembers(MessageDescriptor message)
    {
        _messageTypes.Add(message.FullName);
        foreach (var field in message.Fields.InDeclarationOrder())
            _fileNames[field.FullName] = message.File.Name;
        foreach (var oneof in message.Oneofs)
            _fileNames[oneof.FullName] = message.File.Name;
        foreach (var type in message.EnumTypes)
            AddValues(type);
        foreach (var nested in message.NestedTypes)
            AddMembers(nested);
    }

    // Enum values belong to the scope that contains their enum (protobuf language guide, "Enum Value Options"), as in C++. The descriptor's
    // own FullName puts them below the enum, where clients do not look.
    private void AddValues(EnumDescriptor type)
    {
        var scope = type.FullName[..^type.Name.Length];
        foreach (var value in type.Values)
            _fileNames[scope + value.Name] = type.File.Name;
    }
}
