using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class RpcExceptionTests
{
    private static readonly Status NotFound = new(StatusCode.NotFound, "no such thing");

    [Fact]
    public void It_has_its_status_and_no_trailers_unless_given()
    {
        var exception = new RpcException(NotFound);

        Assert.Equal(NotFound, exception.Status);
        Assert.Equal(StatusCode.NotFound, exception.StatusCode);
        Assert.Empty(exception.Trailers);
        Assert.Equal(NotFound.ToString(), exception.Message);
    }

    [Fact]
    public void It_has_the_trailers_and_the_message_it_is_given()
    {
        var trailers = new Metadata { { "key", "value" } };

        Assert.Same(trailers, new RpcException(NotFound, trailers).Trailers);
        Assert.Equal("message", new RpcException(NotFound, "message").Message);
        Assert.Equal("message", new RpcException(NotFound, trailers, "message").Message);
    }

    [Fact]
    public void The_local_cause_of_the_status_is_the_inner_exception()
    {
        var cause = new InvalidOperationException("cause");

        var exception = new RpcException(new Status(StatusCode.Internal, "", cause));

        Assert.Same(cause, exception.InnerException);
    }

    [Fact]
    public void The_default_statuses_have_no_text_and_no_cause()
    {
        Assert.Equal(StatusCode.OK, Status.DefaultSuccess.StatusCode);
        Assert.Equal(StatusCode.Cancelled, Status.DefaultCancelled.StatusCode);
        Assert.Equal("", Status.DefaultSuccess.Detail);
        Assert.Null(Status.DefaultSuccess.DebugException);
    }

    [Fact]
    public void The_codes_have_the_numbers_of_the_protocol() => Assert.Equal(
        [
            "OK", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
            "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
            "Unauthenticated",
        ],
        Enumerable.Range(0, 17).Select(number => ((StatusCode)number).ToString()));
}
