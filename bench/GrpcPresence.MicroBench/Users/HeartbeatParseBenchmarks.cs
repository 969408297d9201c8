using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.MicroBench.Fixture;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.MicroBench.Users;

/// <summary>Parses the texts of a heartbeat into values of the domain.</summary>
public class HeartbeatParseBenchmarks
{
    private readonly string _service = new ServiceSid(UInt128.MaxValue / 3).ToString();
    private readonly string _identity = Sample.Identity(1).ToString();
    private readonly string _user = new UserSid(UInt128.MaxValue / 5).ToString();
    private readonly string _session = Sample.Session(1).ToString();

    /// <summary>The service instance.</summary>
    [Benchmark]
    public ServiceSid Service() => ServiceSid.TryParse(_service, out var sid) ? sid : default;

    /// <summary>A user named by identity.</summary>
    [Benchmark]
    public UserKey UserByIdentity() => UserKey.TryParse(_identity, out var key) ? key : default;

    /// <summary>A user named by SID.</summary>
    [Benchmark]
    public UserKey UserBySid() => UserKey.TryParse(_user, out var key) ? key : default;

    /// <summary>The session.</summary>
    [Benchmark]
    public SessionId Session() => SessionId.TryParse(_session, out var id) ? id : default;

    /// <summary>All three as a heartbeat reads them, with the reader that collects violations.</summary>
    [Benchmark]
    public SessionId WholeRequest()
    {
        var reader = new RequestReader();
        reader.Service(_service);
        reader.User(_identity);
        var session = reader.Session(_session);
        reader.ThrowIfInvalid();
        return session;
    }
}
