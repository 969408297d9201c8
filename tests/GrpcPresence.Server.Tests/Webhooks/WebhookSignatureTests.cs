using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>
/// Compares signatures with values from another program: <c>openssl dgst -sha1 -hmac KEY -binary | base64</c>, run on the signed text.
/// </summary>
public sealed class WebhookSignatureTests
{
    [Fact]
    public void A_form_is_signed_with_its_parameters_sorted_by_name()
    {
        // This example comes from the product's own documentation.
        KeyValuePair<string, string>[] form =
        [
            new("To", "+18005551212"), new("From", "+14158675310"), new("Digits", "1234"), new("Caller", "+14158675310"),
            new("CallSid", "CA1234567890ABCDE"),
        ];

        Assert.Equal("GvWf1cFY/Q7PnoempGyD5oXAezc=", WebhookSignature.Of("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form));
    }

    [Fact]
    public void Names_are_sorted_by_code_point_so_that_capitals_come_first()
    {
        KeyValuePair<string, string>[] form =
            [new("isOnline", "true"), new("UpdateReasons", "friendlyName"), new("Identity", "ada"), new("EventType", "onUserUpdated")];

        Assert.Equal("kJ/zmd3FZgPjqdmH4fwYtdLk5FY=", WebhookSignature.Of("12345", "https://example.com/hook?a=1", form));
    }

    [Fact]
    public void A_request_without_a_form_is_signed_by_its_URL_alone() =>
        Assert.Equal(
            "TsImwoWoT7pkHml0EKkIbAopj3M=",
            WebhookSignature.Of("tökén", "https://example.com/hook?EventType=onUserUpdated&Identity=z%C3%BCrich", []));

    [Fact]
    public void Values_are_signed_as_UTF_8_and_not_as_they_are_escaped() =>
        Assert.Equal("m44BNV9PfLgcSGIAZf0c/6i+Qf0=",
            WebhookSignature.Of("tökén", "https://example.com/hook", [new("Identity", "zürich ☃")]));
}
