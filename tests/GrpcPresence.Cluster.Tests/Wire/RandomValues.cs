using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Cluster.Tests.Wire;

/// <summary>How large the random values are.</summary>
public enum ValueSize
{
    /// <summary>Zero, false, null and empty, as far as the types allow it.</summary>
    Empty,

    /// <summary>Anything.</summary>
    Random,

    /// <summary>The greatest numbers, the longest texts, and full lists.</summary>
    Maximal,
}

/// <summary>
/// Makes a value of any type of Core's messages by its constructor and its properties, so that a property that is added later is covered
/// without a change of the tests.
/// </summary>
internal sealed class RandomValues(int seed, ValueSize size)
{
    private static readonly Assembly Core = typeof(NodeMessage).Assembly;
    private static readonly NullabilityInfoContext Nullability = new();

    private readonly Random _random = new(seed);

    /// <summary>Returns the types that a value of the type can have.</summary>
    public static IReadOnlyList<Type> ConcreteTypes(Type type) =>
        [.. Core.GetTypes().Where(each => each.IsAssignableTo(type) && !each.IsAbstract).OrderBy(each => each.FullName)];

    /// <summary>Returns a value.</summary>
    public object? Create(Type type, bool isNullable = false)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return IsAbsent() ? null : Create(underlying);
        if (isNullable && IsAbsent())
            return null;
        if (type == typeof(bool))
            return size == ValueSize.Maximal || (size == ValueSize.Random && _random.Next(2) == 1);
        if (type == typeof(int))
            return (int)Number(int.MinValue, int.MaxValue);
        if (type == typeof(long))
            return Number(long.MinValue, long.MaxValue);
        if (type == typeof(UInt128))
            return new UInt128((ulong)Number(long.MinValue, long.MaxValue), (ulong)Number(long.MinValue, long.MaxValue));
        if (type == typeof(string))
            return Text(256);
        if (type == typeof(Guid))
            return new Guid((int)Number(int.MinValue, int.MaxValue), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        if (type == typeof(TimeSpan))
            return TimeSpan.FromTicks(Number(long.MinValue, long.MaxValue));
        if (type == typeof(DateTimeOffset))
            return new DateTimeOffset(Number(0, DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero);
        if (type == typeof(ReadOnlyMemory<byte>))
            return new ReadOnlyMemory<byte>([.. Enumerable.Range(0, Count(100_000)).Select(each => (byte)each)]);
        if (type == typeof(Shard))
            return new Shard((int)Number(0, Shard.Count - 1));
        if (type == typeof(Identity))
            return size == ValueSize.Empty ? default : Identity.FromTrusted(Text(256) is { Length: > 0 } text ? text : "x");
        if (type == typeof(SessionId))
            return size == ValueSize.Empty ? default : SessionId.FromTrusted(new string('s', 1 + Count(63)));
        if (type == typeof(RoleSid))
            return size == ValueSize.Empty ? default : Parse("RL" + new string('a', 32));
        if (type == typeof(UserState))
            return CreateState();
        if (type.IsEnum)
            return CreateEnum(type);
        if (type.IsGenericType)
            return CreateCollection(type);
        if (type.IsAbstract)
        {
            var types = ConcreteTypes(type);
            return Create(types[_random.Next(types.Count)]);
        }
        return CreateRecord(type);
    }

    private object CreateRecord(Type type)
    {
        var constructor = type.GetConstructors(BindingFlags.Public | BindingFlags.Instance)
            .Where(each => each.GetParameters() is not [var only] || only.ParameterType != type)
            .MaxBy(each => each.GetParameters().Length);
        var parameters = constructor?.GetParameters() ?? [];
        var value = constructor is null
            ? Activator.CreateInstance(type)!
            : constructor.Invoke([.. parameters.Select(each => Create(each.ParameterType, IsNullable(Nullability.Create(each))))]);
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.SetMethod is not null && !parameters.Any(each => each.Name == property.Name))
                property.SetValue(value, Create(property.PropertyType, IsNullable(Nullability.Create(property))));
        }
        return value;
    }

    private UserState CreateState()
    {
        // The row has the SID and the identity of the state.
        var sid = (UserSid)Create(typeof(UserSid))!;
        var identity = (Identity)Create(typeof(Identity))!;
        var record = (UserRecord?)Create(typeof(UserRecord), isNullable: true);
        return UserState.FromParts(
            (ServiceSid)Create(typeof(ServiceSid))!,
            sid,
            identity,
            record is null ? null : record with { Sid = sid, Identity = identity },
            (long)Create(typeof(long))!,
            (bool?)Create(typeof(bool?)),
            (bool?)Create(typeof(bool?)),
            (DateTimeOffset?)Create(typeof(DateTimeOffset?)));
    }

    private object CreateEnum(Type type)
    {
        var values = Enum.GetValues(type);
        return size switch
        {
            ValueSize.Empty => values.GetValue(0)!,
            ValueSize.Maximal => values.GetValue(values.Length - 1)!,
            _ => values.GetValue(_random.Next(values.Length))!,
        };
    }

    private object CreateCollection(Type type)
    {
        var definition = type.GetGenericTypeDefinition();
        var items = type.GetGenericArguments();
        if (definition == typeof(IReadOnlyDictionary<,>))
            return Enumerable.Range(0, Count(20)).ToDictionary(each => $"{each}{Text(20)}", _ => Text(200));
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(items[0]))!;
        for (var count = Count(items[0] == typeof(LinkItem) ? 200 : 20); count > 0; count--)
            list.Add(Create(items[0]));
        if (definition == typeof(IReadOnlyList<>))
            return list;
        var factory = definition == typeof(ImmutableArray<>) ? typeof(ImmutableArray)
            : definition == typeof(ImmutableHashSet<>) ? typeof(ImmutableHashSet)
            : throw new NotSupportedException($"{type}");
        return factory.GetMethods()
            .Single(each => each.Name == "CreateRange" && each.GetParameters() is [var only]
                && only.ParameterType.GetGenericTypeDefinition() == typeof(IEnumerable<>))
            .MakeGenericMethod(items)
            .Invoke(null, [list])!;
    }

    private bool IsAbsent() => size == ValueSize.Empty || (size == ValueSize.Random && _random.Next(3) == 0);

    private int Count(int most) => size switch
    {
        ValueSize.Empty => 0,
        ValueSize.Maximal => most,
        _ => _random.Next(6),
    };

    private long Number(long least, long most) => size switch
    {
        ValueSize.Empty => Math.Max(least, 0),
        ValueSize.Maximal => most,
        _ when _random.Next(4) == 0 => _random.Next(2) == 0 ? least : most,
        _ when _random.Next(2) == 0 => Math.Min(_random.Next(100), most),
        _ => most == long.MaxValue ? _random.NextInt64(least, most) : _random.NextInt64(least, most + 1),
    };

    private string Text(int most)
    {
        string[] parts = ["a", "Ä", "𝄞", " ", "\"", "-1"];
        return size == ValueSize.Maximal
            ? string.Concat(Enumerable.Repeat("𝄞", most))
            : string.Concat(Enumerable.Range(0, Count(most)).Select(_ => parts[_random.Next(parts.Length)]));
    }

    private static bool IsNullable(NullabilityInfo info) =>
        info.ReadState == NullabilityState.Nullable || info.WriteState == NullabilityState.Nullable;

    private static RoleSid Parse(string text) => RoleSid.TryParse(text, out var role) ? role : throw new FormatException(text);
}
