using Google.Protobuf;
using Google.Protobuf.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace GrpcPresence.Server.Reflection;

/// <summary>What the server's protos define, by file name and by fully qualified name. Immutable.</summary>
internal sealed class DescriptorIndex
{
    private readonly Dictionary<string, FileDescriptor> _files = [];
    private readonly Dictionary<string, FileDescriptor> _symbols = [];

    /// <summary>Indexes the files of the services and everything that they import.</summary>
    public DescriptorIndex(IReadOnlyList<ServiceDescriptor> services)
    {
        ServiceNames = [.. services.Select(service => service.FullName).Order(StringComparer.Ordinal)];
        foreach (var file in services.SelectMany(service => WithImports(service.File)))
        {
            if (_files.TryAdd(file.Name, file))
                Add(file);
        }
    }

    /// <summary>The full names of the services, in alphabetical order.</summary>
    public IReadOnlyList<string> ServiceNames { get; }

    /// <summary>The file and all that it imports, serialized, the file itself first; null when there is none of this name.</summary>
    public IReadOnlyList<ByteString>? FindFile(string name) => _files.TryGetValue(name, out var file) ? Serialize(file) : null;

    /// <summary>The file that defines the symbol, as <see cref="FindFile"/>.</summary>
    public IReadOnlyList<ByteString>? FindSymbol(string name) => _symbols.TryGetValue(name, out var file) ? Serialize(file) : null;

    private static ByteString[] Serialize(FileDescriptor file) => [.. WithImports(file).Select(each => each.SerializedData)];

    private static List<FileDescriptor> WithImports(FileDescriptor root)
    {
        var found = new List<FileDescriptor> { root };
        for (var i = 0; i < found.Count; i++)
            found.AddRange(found[i].Dependencies.Where(import => !found.Contains(import)).Distinct());
        return found;
    }

    private void Add(FileDescriptor file)
    {
        foreach (var service in file.Services)
        {
            _symbols[service.FullName] = file;
            foreach (var method in service.Methods)
                _symbols[method.FullName] = file;
        }
        foreach (var message in file.MessageTypes)
            Add(message);
        foreach (var type in file.EnumTypes)
            _symbols[type.FullName] = file;
    }

    private void Add(MessageDescriptor message)
    {
        _symbols[message.FullName] = message.File;
        foreach (var field in message.Fields.InDeclarationOrder())
            _symbols[field.FullName] = message.File;
        foreach (var nested in message.NestedTypes)
            Add(nested);
        foreach (var type in message.EnumTypes)
            _symbols[type.FullName] = message.File;
    }
}
