using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class ServerCallContextTests
{
    private readonly FakeServerCallContext _context = new();

    [Fact]
    public async Task Each_member_is_the_implementations()
    {
        _context.Status = new Status(StatusCode.Aborted, "");
        _context.WriteOptions = WriteOptions.Default;
        await _context.WriteResponseHeadersAsync(Metadata.Empty);

        Assert.Equal("/package.Service/Name", _context.Method);
        Assert.Equal("host", _context.Host);
        Assert.Equal("peer", _context.Peer);
        Assert.Equal(FakeServerCallContext.SomeDeadline, _context.Deadline);
        Assert.Equal(TestRun.Token, _context.CancellationToken);
        Assert.Equal(StatusCode.Aborted, _context.Status.StatusCode);
        Assert.Same(WriteOptions.Default, _context.WriteOptions);
        Assert.Same(Metadata.Empty, _context.WrittenHeaders);
        Assert.NotSame(_context.RequestHeaders, _context.ResponseTrailers);
        Assert.False(_context.AuthContext.IsPeerAuthenticated);
    }

    [Fact]
    public void User_state_lasts_as_long_as_the_call()
    {
        _context.UserState["key"] = "value";

        Assert.Equal("value", _context.UserState["key"]);
    }

    [Fact]
    public void What_is_to_be_propagated_reaches_the_implementation()
    {
        var options = new ContextPropagationOptions(propagateDeadline: false);

        Assert.Throws<NotSupportedException>(() => _context.CreatePropagationToken(options));

        Assert.Same(options, _context.AskedPropagation);
        Assert.False(options.IsPropagateDeadline);
        Assert.True(options.IsPropagateCancellation);
        Assert.True(ContextPropagationOptions.Default.IsPropagateDeadline);
    }
}
