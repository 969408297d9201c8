using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Server.Rest.Errors;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>Copies a form into a message. The parameters are fields of the message, whose descriptor says what they hold.</summary>
internal static class FormFields
{
    /// <summary>Sets the fields whose parameters the form contains, and returns their paths.</summary>
    /// <param name="call">The request.</param>
    /// <param name="message">The message to fill.</param>
    /// <param name="paths">The fields: texts, repeated texts and flags of the message or of a nested message. Empty values of a repeated
    /// text are skipped.</param>
    public static FieldMask Take(RestRequest call, IMessage message, IEnumerable<string> paths)
    {
        var mask = new FieldMask();
        foreach (var path in paths)
        {
            var (owner, field) = Find(message, path);
            var name = ParameterNames.Of(path);
            object? value = field.IsRepeated ? call.Texts(name) : field.FieldType == FieldType.Bool ? call.Flag(name) : call.Text(name);
            if (value is null)
                continue;
            Set(owner, field, value);
            mask.Paths.Add(path);
        }
        return mask;
    }

    private static void Set(IMessage owner, FieldDescriptor field, object value)
    {
        if (value is not IReadOnlyList<string> texts)
        {
            field.Accessor.SetValue(owner, value);
            return;
        }
        var list = (IList)field.Accessor.GetValue(owner);
        foreach (var text in texts.Where(text => text.Length > 0))
            list.Add(text);
    }

    /// <summary>Returns the field and the message that contains it. Creates missing nested messages.</summary>
    private static (IMessage Owner, FieldDescriptor Field) Find(IMessage message, string path)
    {
        var names = path.Split('.');
        foreach (var name in names[..^1])
        {
            var field = message.Descriptor.FindFieldByName(name);
            if (field.Accessor.GetValue(message) is not IMessage inner)
                field.Accessor.SetValue(message, inner = field.MessageType.Parser.ParseFrom([]));
            message = inner;
        }
        return (message, message.Descriptor.FindFieldByName(names[^1]));
    }
}
