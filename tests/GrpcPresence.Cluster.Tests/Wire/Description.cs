using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Cluster.Tests.Wire;

/// <summary>Writes a value with all that it contains, so that two values can be compared: records compare lists by reference.</summary>
internal static class Description
{
    public static string Of(object? value)
    {
        var text = new StringBuilder();
        Write(value, text);
        return text.ToString();
    }

    private static void Write(object? value, StringBuilder text)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case string it:
                text.Append('"').Append(it).Append('"');
                break;
            case ReadOnlyMemory<byte> it:
                text.Append(Convert.ToHexString(it.Span));
                break;
            case IFormattable it:
                text.Append(it.ToString(null, CultureInfo.InvariantCulture));
                break;
            case bool or Identity or SessionId:
                text.Append(value);
                break;
            case IEnumerable it:
                var items = it.Cast<object?>().Select(Of);
                // A set has no order.
                var isSet = value.GetType().Name.Contains("HashSet", StringComparison.Ordinal);
                text.Append('[').AppendJoin(", ", isSet ? items.Order(StringComparer.Ordinal) : items).Append(']');
                break;
            default:
                text.Append(value.GetType().Name).Append('(');
                foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
                {
                    if (property.GetIndexParameters().Length == 0)
                    {
                        text.Append(property.Name).Append('=');
                        Write(property.GetValue(value), text);
                        text.Append(", ");
                    }
                }
                text.Append(')');
                break;
        }
    }
}
