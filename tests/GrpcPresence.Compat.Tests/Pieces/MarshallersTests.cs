using System.Buffers;
using System.Text;
using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class MarshallersTests
{
    [Fact]
    public void The_string_marshaller_is_UTF_8()
    {
        var bytes = Marshallers.StringMarshaller.Serializer("größer");

        Assert.Equal("größer"u8.ToArray(), bytes);
        Assert.Equal("größer", Marshallers.StringMarshaller.Deserializer(bytes));
    }

    [Fact]
    public void Functions_over_arrays_work_over_contexts()
    {
        var marshaller = Marshallers.Create(Encoding.UTF8.GetBytes, Encoding.UTF8.GetString);
        var context = new RecordingContext();

        marshaller.ContextualSerializer("text", context);

        Assert.Equal("text"u8.ToArray(), context.Payload);
        Assert.Equal("text", marshaller.ContextualDeserializer(new ArrayContext("text"u8.ToArray())));
    }

    [Fact]
    public void Functions_over_contexts_that_write_to_a_buffer_work_over_arrays()
    {
        var marshaller = Marshallers.Create<string>(
            (value, context) =>
            {
                var bytes = Encoding.UTF8.GetBytes(value);
                context.SetPayloadLength(bytes.Length);
                context.GetBufferWriter().Write(bytes.AsSpan(0, 1));
                context.GetBufferWriter().Write(bytes.AsSpan(1));
                context.Complete();
            },
            context => Encoding.UTF8.GetString(context.PayloadAsReadOnlySequence()));

        Assert.Equal("text"u8.ToArray(), marshaller.Serializer("text"));
        Assert.Equal("text", marshaller.Deserializer("text"u8.ToArray()));
    }

    [Fact]
    public void Functions_over_contexts_that_give_an_array_work_over_arrays()
    {
        var marshaller = Marshallers.Create<byte[]>(
            (value, context) => context.Complete(value),
            context => context.PayloadLength == 0 ? [] : context.PayloadAsNewBuffer());

        Assert.Equal([1, 2], marshaller.Serializer([1, 2]));
        Assert.Equal([1, 2], marshaller.Deserializer([1, 2]));
        Assert.Empty(marshaller.Deserializer([]));
    }

    [Fact]
    public void A_message_without_bytes_can_be_completed_without_taking_the_writer() =>
        Assert.Empty(Marshallers.Create<string>((_, context) => context.Complete(), _ => "").Serializer(""));

    [Fact]
    public void A_serializer_completes_its_message_once()
    {
        var never = Marshallers.Create<string>((_, _) => { }, _ => "");
        var twice = Marshallers.Create<string>(
            (_, context) =>
            {
                context.Complete([]);
                context.Complete();
            },
            _ => "");

        Assert.Throws<InvalidOperationException>(() => never.Serializer(""));
        Assert.Throws<InvalidOperationException>(() => twice.Serializer(""));
    }

    [Fact]
    public void A_deserializer_takes_its_message_once()
    {
        var marshaller = Marshallers.Create<byte[]>(
            (_, _) => { },
            context => [.. context.PayloadAsNewBuffer(), .. context.PayloadAsNewBuffer()]);

        Assert.Throws<InvalidOperationException>(() => marshaller.Deserializer([1]));
    }

    [Fact]
    public void What_a_serialization_context_does_not_offer_says_so()
    {
        var context = new BareContext();

        Assert.Throws<NotImplementedException>(context.Complete);
        Assert.Throws<NotImplementedException>(() => context.Complete([]));
        Assert.Throws<NotImplementedException>(context.GetBufferWriter);
        Assert.Throws<NotImplementedException>(() => context.SetPayloadLength(1));
    }

    [Fact]
    public void A_method_knows_its_path()
    {
        var method = new Method<string, string>(
            MethodType.Unary, "package.Service", "Name", Marshallers.StringMarshaller, Marshallers.StringMarshaller);

        Assert.Equal("/package.Service/Name", method.FullName);
    }

    private sealed class BareContext : SerializationContext;

    private sealed class RecordingContext : SerializationContext
    {
        public byte[] Payload { get; private set; } = [];

        public override void Complete(byte[] payload) => Payload = payload;
    }

    private sealed class ArrayContext(byte[] payload) : DeserializationContext
    {
        public override int PayloadLength => payload.Length;

        public override byte[] PayloadAsNewBuffer() => payload;
    }
}
