using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>
/// Tests what the server counts and discards before and while it decodes a request: of each bound method, in each message.
/// </summary>
public sealed class MessageShapeTests : IAsyncLifetime
{
    // The numbers of fields that no message has.
    private const int Unknown = 1000;

    // An exception with its details allocates 20 to 50 KiB; the objects of 1 MiB of empty fields allocate 20 MB.
    private const long MostAllocated = 256 * 1024;

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public void Bounded_Unknown_fields_are_discarded_on_every_method_and_in_every_nested_message()
    {
        foreach (var method in BoundMethod.AllOf(_server))
        {
            var sent = Filled(method.Request, withUnknown: true);

            var decoded = method.Decode(sent).ToByteArray();

            var known = method.Request.Parser.ParseFrom(Filled(method.Request, withUnknown: false)).ToByteArray();
            Assert.True(decoded.AsSpan().SequenceEqual(known), $"{method.Path} keeps unknown fields.");
        }
    }

    [Fact]
    public void Bounded_A_message_of_empty_unknown_fields_becomes_no_objects_on_any_method()
    {
        var groups = Repeat(new WireWriter().Tag(Unknown, WireWriter.StartGroup).Tag(Unknown, WireWriter.EndGroup).ToArray());
        var texts = Repeat(new WireWriter().Field(Unknown, []).ToArray());
        var numbers = Repeat(new WireWriter().Field(Unknown, 1).ToArray());
        var nested = new WireWriter().Nested(Unknown, Limits.ReceivedMessageBytes / 4).ToArray();
        foreach (var method in BoundMethod.AllOf(_server))
        {
            foreach (var message in new[] { groups, texts, numbers, nested })
            {
                var (error, allocated) = Reject(method, message);

                Assert.True(error.Code is StatusCode.ResourceExhausted or StatusCode.Internal, $"{method.Path} answers {error.Code}.");
                Assert.InRange(allocated, 0, MostAllocated);
            }
        }
    }

    [Fact]
    public void Bounded_Unknown_fields_inside_entries_are_counted()
    {
        var entry = new WireWriter().Field(1, Repeat(new WireWriter().Field(Unknown, []).ToArray())).ToArray();
        var beats = new WireWriter().Field(2, entry).ToArray();

        var (error, allocated) = Reject(StreamHeartbeats(), beats);

        Assert.Equal(StatusCode.ResourceExhausted, error.Code);
        Assert.InRange(allocated, 0, MostAllocated);
    }

    [Fact]
    public void Bounded_The_entries_of_every_repeated_field_are_counted_before_they_become_objects()
    {
        var counted = 0;
        foreach (var method in BoundMethod.AllOf(_server))
        {
            foreach (var path in RepeatedPaths(method.Request))
            {
                var max = RepeatedLimits.Of(path[^1]);
                var name = string.Join('.', path.Select(field => field.Name));
                foreach (var write in new Func<FieldDescriptor[], int, byte[]>[] { Whole, InParts, Packed })
                {
                    var (error, allocated) = Reject(method, write(path, max + 1));

                    Assert.Equal((StatusCode.InvalidArgument, "FIELD_TOO_LONG"), (error.Code, error.Reason));
                    Assert.Equal([name], error.Fields);
                    Assert.InRange(allocated, 0, MostAllocated);
                    method.Decode(write(path, max));
                }
                counted++;
            }
        }
        Assert.True(counted >= 9, $"Only {counted} repeated fields were found.");
    }

    [Fact]
    public void Bounded_A_message_of_524000_empty_beats_becomes_no_objects()
    {
        var beats = new WireWriter().Field(2, Repeat([0x0a, 0x00])).ToArray();

        var (error, allocated) = Reject(StreamHeartbeats(), beats);

        Assert.Equal((StatusCode.InvalidArgument, "FIELD_TOO_LONG"), (error.Code, error.Reason));
        Assert.Equal(["beats.beats"], error.Fields);
        Assert.InRange(allocated, 0, MostAllocated);
    }

    [Fact]
    public void Bounded_A_field_that_is_set_again_and_again_is_counted()
    {
        var starts = Repeat(new WireWriter().Field(1, []).ToArray());

        var (error, allocated) = Reject(StreamHeartbeats(), starts);

        Assert.Equal(StatusCode.ResourceExhausted, error.Code);
        Assert.InRange(allocated, 0, MostAllocated);
    }

    [Fact]
    public void Damaged_bytes_are_rejected_exactly_when_the_library_rejects_them()
    {
        var random = new Random(1);
        var methods = BoundMethod.AllOf(_server);
        for (var i = 0; i < 20_000; i++)
        {
            var method = methods[random.Next(methods.Count)];
            var message = ByteDamage.Do(Filled(method.Request, withUnknown: true), random);
            var isValid = Decoding.TryDecodeRequest(method.Request, message, out _, out _);

            var error = Record.Exception(() => method.Decode(message));

            if (error is RpcException { StatusCode: StatusCode.ResourceExhausted })
                continue; // some of the zeros that it contains are fields
            Assert.True(isValid == error is null, $"case {i}: {method.Path} answers {error?.Message} to {Convert.ToHexString(message)}.");
        }
    }

    private BoundMethod StreamHeartbeats() =>
        BoundMethod.AllOf(_server).Single(method => method.Path == "/presence.v1.UserService/StreamHeartbeats");

    private static (CallError Error, long Allocated) Reject(BoundMethod method, byte[] message)
    {
        Record.Exception(() => method.Decode(message)); // what the first exception of a kind loads is not counted
        var before = GC.GetAllocatedBytesForCurrentThread();
        var exception = Record.Exception(() => method.Decode(message));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return (CallError.From(Assert.IsType<RpcException>(exception)), allocated);
    }

    /// <summary>Returns a message with every field, and in it every message, once.</summary>
    private static byte[] Filled(MessageDescriptor type, bool withUnknown)
    {
        var writer = new WireWriter();
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            if (withUnknown)
                WriteUnknown(writer);
            if (field.FieldType == FieldType.Message)
                writer.Field(field.FieldNumber, Filled(field.MessageType, withUnknown));
            else if (field.FieldType is FieldType.String or FieldType.Bytes)
                writer.Field(field.FieldNumber, "x"u8);
            else
                writer.Field(field.FieldNumber, 1);
        }
        if (withUnknown)
            WriteUnknown(writer);
        return writer.ToArray();
    }

    private static void WriteUnknown(WireWriter writer) => writer
        .Field(Unknown, 7)
        .Field(Unknown + 1, "unknown"u8)
        .Tag(Unknown + 2, WireWriter.Fixed64).Raw(new byte[8])
        .Tag(Unknown + 3, WireWriter.StartGroup).Field(1, "unknown"u8).Tag(Unknown + 3, WireWriter.EndGroup);

    private static byte[] Repeat(byte[] field) => Repeat(field, Limits.ReceivedMessageBytes / field.Length);

    private static byte[] Repeat(byte[] field, int count) => [.. Enumerable.Repeat(field, count).SelectMany(bytes => bytes)];

    private static IEnumerable<FieldDescriptor[]> RepeatedPaths(MessageDescriptor type)
    {
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            if (field.IsRepeated)
                yield return [field];
            if (field.FieldType == FieldType.Message)
            {
                foreach (var path in RepeatedPaths(field.MessageType))
                    yield return [field, .. path];
            }
        }
    }

    private static byte[] Whole(FieldDescriptor[] path, int entries) => Within(path, Repeat(Entry(path[^1]), entries));

    // Each entry is in a message of its own. The library merges them.
    private static byte[] InParts(FieldDescriptor[] path, int entries) =>
        Repeat(Within(path, Entry(path[^1])), entries);

    private static byte[] Packed(FieldDescriptor[] path, int entries) => path[^1].FieldType == FieldType.Enum
        ? Within(path, new WireWriter().Field(path[^1].FieldNumber, Enumerable.Repeat((byte)1, entries).ToArray()).ToArray())
        : Whole(path, entries);

    private static byte[] Entry(FieldDescriptor field) => field.FieldType == FieldType.Enum
        ? new WireWriter().Field(field.FieldNumber, 1).ToArray()
        : new WireWriter().Field(field.FieldNumber, []).ToArray();

    private static byte[] Within(FieldDescriptor[] path, byte[] entries) =>
        path[..^1].Reverse().Aggregate(entries, (inner, field) => new WireWriter().Field(field.FieldNumber, inner).ToArray());
}
