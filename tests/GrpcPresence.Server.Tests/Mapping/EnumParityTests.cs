using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Server.Tests.Mapping;

/// <summary>The server converts these enums by their numbers, so the domain and the contract must have the same values.</summary>
public sealed class EnumParityTests
{
    [Fact]
    public void The_roles_of_API_keys_are_those_of_the_contract() => AssertSame<ApiKeyRole, V1.ApiKeyRole>();

    [Fact]
    public void The_types_of_push_bindings_are_those_of_the_contract() => AssertSame<BindingType, V1.BindingType>();

    [Fact]
    public void The_reasons_of_resets_are_those_of_the_contract() => AssertSame<ResetReason, V1.ResetReason>();

    [Fact]
    public void The_views_of_users_are_those_of_the_contract() => AssertSame<UserView, V1.UserView>();

    [Fact]
    public void The_methods_of_webhooks_are_those_of_the_contract() => AssertSame<WebhookMethod, V1.WebhookMethod>();

    [Fact]
    public void The_bits_of_update_reasons_are_the_numbers_of_the_contract()
    {
        var bits = Enum.GetValues<UpdateReasons>().Where(reason => int.IsPow2((int)reason)).ToList();

        Assert.Equal(ValuesOf<V1.UpdateReason>(), bits.ToDictionary(NameOf, reason => int.Log2((int)reason)));
        Assert.Equal(UpdateReasons.All, bits.Aggregate(UpdateReasons.None, (all, reason) => all | reason));
    }

    private static void AssertSame<TDomain, TContract>()
        where TDomain : struct, Enum
        where TContract : struct, Enum =>
        Assert.Equal(ValuesOf<TContract>(), ValuesOf<TDomain>());

    /// <summary>The numbers by name, without 0: in the contract it is unspecified, and in the domain it is none.</summary>
    private static Dictionary<string, int> ValuesOf<T>()
        where T : struct, Enum =>
        Enum.GetValues<T>().Where(value => (int)(object)value != 0).ToDictionary(NameOf, value => (int)(object)value);

    /// <summary>The name of a value without its case: the generated code has Webpush.</summary>
    private static string NameOf<T>(T value)
        where T : struct, Enum => value.ToString().ToUpperInvariant();
}
