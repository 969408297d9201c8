using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class ServerServiceDefinitionTests
{
    [Fact]
    public void A_binder_receives_the_methods_in_the_order_in_which_they_were_added()
    {
        var binder = new UnaryBinder();
        var definition = ServerServiceDefinition.CreateBuilder()
            .AddMethod(MethodNamed("B"), (request, _) => Task.FromResult(request))
            .AddMethod(MethodNamed("A"), (request, _) => Task.FromResult(request))
            .Build();

        definition.BindService(binder);

        Assert.Equal(["B", "A"], binder.Names);
    }

    [Fact]
    public void A_method_can_be_added_once()
    {
        var builder = ServerServiceDefinition.CreateBuilder().AddMethod(MethodNamed("A"), (request, _) => Task.FromResult(request));

        Assert.Throws<ArgumentException>(() => builder.AddMethod(MethodNamed("A"), (request, _) => Task.FromResult(request)));
    }

    [Fact]
    public void A_definition_does_not_grow_with_its_builder()
    {
        var binder = new UnaryBinder();
        var builder = ServerServiceDefinition.CreateBuilder();
        var definition = builder.Build();

        builder.AddMethod(MethodNamed("A"), (request, _) => Task.FromResult(request));
        definition.BindService(binder);

        Assert.Empty(binder.Names);
    }

    [Fact]
    public void A_kind_of_method_that_a_binder_does_not_know_is_refused()
    {
        var definition = ServerServiceDefinition.CreateBuilder()
            .AddMethod(MethodNamed("A"), (string _, IServerStreamWriter<string> _, ServerCallContext _) => Task.CompletedTask)
            .Build();

        Assert.Throws<NotImplementedException>(() => definition.BindService(new UnaryBinder()));
    }

    private static Method<string, string> MethodNamed(string name) =>
        new(MethodType.Unary, "package.Service", name, Marshallers.StringMarshaller, Marshallers.StringMarshaller);

    private sealed class UnaryBinder : ServiceBinderBase
    {
        public List<string> Names { get; } = [];

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method,
            UnaryServerMethod<TRequest, TResponse>? handler) => Names.Add(method.Name);
    }
}
