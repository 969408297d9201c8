using System.Text;
using Google.Protobuf.Reflection;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>
/// Builds the bytes of a request field by field from the descriptor of its type: most fields with accepted values, some unset, some
/// hostile. Sometimes it then damages the bytes.
/// </summary>
/// <param name="known">The values that the server accepts.</param>
/// <param name="method">The method that the request is for.</param>
/// <param name="random">The source of all decisions.</param>
internal sealed class RequestForge(KnownValues known, MethodDescriptor method, Random random)
{
    private const int OneInManyKeys = 60;
    private const int MaxDepth = 4;

    private static readonly double[] Hostilities = [0, 0.1, 0.3, 1];

    private readonly double _hostility = Hostilities[random.Next(Hostilities.Length)];

    /// <summary>Returns the bytes of a request.</summary>
    public byte[] Request()
    {
        var message = Message(method.InputType, depth: 0);
        return random.Next(3) == 0 ? ByteDamage.Do(message, random) : message;
    }

    private byte[] Message(MessageDescriptor type, int depth)
    {
        var writer = new WireWriter();
        var ofOneof = type.Oneofs.ToDictionary(oneof => oneof, oneof => oneof.Fields[random.Next(oneof.Fields.Count)]);
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            // Set one field of a oneof, unless the request is hostile: then the last one counts.
            if (field.RealContainingOneof is { } oneof && ofOneof[oneof] != field && !IsHostile())
                continue;
            if (IsHostile() && random.Next(3) == 0)
                continue;
            for (var i = Repetitions(field); i > 0; i--)
                Value(writer, field, depth);
        }
        return writer.ToArray();
    }

    private bool IsHostile() => random.NextDouble() < _hostility;

    private int Repetitions(FieldDescriptor field)
    {
        if (!field.IsRepeated)
            return IsHostile() && random.Next(8) == 0 ? 2 : 1;
        if (IsHostile() && random.Next(OneInManyKeys) == 0)
            return 499 + random.Next(3) + (500 * random.Next(2)); // at the bounds of 500 and 1000
        return field.Name == "reasons" ? random.Next(3) : 1 + random.Next(3);
    }

    private void Value(WireWriter writer, FieldDescriptor field, int depth)
    {
        if (IsHostile() && random.Next(6) == 0)
            WrongType(writer, field);
        else if (field.FieldType is FieldType.Message)
            writer.Field(field.FieldNumber, depth < MaxDepth ? Message(field.MessageType, depth + 1) : []);
        else if (field.FieldType is FieldType.String or FieldType.Bytes)
            writer.Field(field.FieldNumber, Text(field));
        else
            writer.Field(field.FieldNumber, IsHostile() ? HostileValues.Number(random) : Number(field));
    }

    private void WrongType(WireWriter writer, FieldDescriptor field)
    {
        if (random.Next(2) == 0)
            writer.Field(field.FieldNumber, HostileValues.Number(random));
        else
            writer.Field(field.FieldNumber, HostileValues.Text(random));
    }

    private byte[] Text(FieldDescriptor field)
    {
        if (!IsHostile())
            return Encoding.UTF8.GetBytes(known.Text(field, method, random));
        if (random.Next(3) > 0)
            return HostileValues.Text(random);
        // A valid value with one error: a token with a flipped bit, or the SID of another service instance.
        var almost = Encoding.UTF8.GetBytes(random.Next(4) == 0 ? KnownValues.ForeignService : known.Text(field, method, random));
        if (almost.Length > 0)
            almost[random.Next(almost.Length)] ^= (byte)(1 << random.Next(8));
        return almost;
    }

    private ulong Number(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Enum => (ulong)field.EnumType.Values[random.Next(field.EnumType.Values.Count)].Number,
        FieldType.Bool => (ulong)random.Next(2),
        _ => field.Name switch
        {
            "seconds" => 1UL << random.Next(8),
            "nanos" => 0,
            _ => (ulong)random.Next(8),
        },
    };
}
