using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Errors;

public sealed class ErrorTableTests
{
    public static TheoryData<ErrorReason> Reasons => [.. Enum.GetValues<ErrorReason>().Where(reason => reason != ErrorReason.Unspecified)];

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_has_the_status_that_its_documentation_names(ErrorReason reason) =>
        Assert.Equal(DocumentedReasons.Statuses[ErrorTable.NameOf(reason)], ErrorTable.StatusOf(reason));

    [Fact]
    public void The_reasons_of_the_domain_are_those_of_the_contract_by_name_and_number()
    {
        var domain = Enum.GetValues<ErrorReason>().ToDictionary(reason => reason.ToString(), reason => (int)reason);
        var contract = Enum.GetValues<V1.ErrorReason>().ToDictionary(reason => reason.ToString(), reason => (int)reason);

        Assert.Equal(contract, domain);
    }
}
