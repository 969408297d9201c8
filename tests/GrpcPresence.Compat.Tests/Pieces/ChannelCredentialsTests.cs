using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class ChannelCredentialsTests
{
    private static readonly CallCredentials Calls = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);

    private readonly RecordingConfigurator _configurator = new();

    [Fact]
    public void Insecure_credentials_say_so()
    {
        ChannelCredentials.Insecure.InternalPopulateConfiguration(_configurator, "state");

        Assert.Equal(("insecure", "state"), (_configurator.Said, _configurator.State));
    }

    [Fact]
    public void Ssl_credentials_say_what_they_are_made_of()
    {
        var pair = new KeyCertificatePair("chain", "key");
        VerifyPeerCallback callback = _ => true;

        new SslCredentials("roots", pair, callback).InternalPopulateConfiguration(_configurator, "state");

        Assert.Equal(("ssl roots chain key True", "state"), (_configurator.Said, _configurator.State));
    }

    [Fact]
    public void Secure_credentials_leave_everything_to_the_channel()
    {
        ChannelCredentials.SecureSsl.InternalPopulateConfiguration(_configurator, "state");

        Assert.Equal("ssl    False", _configurator.Said);
    }

    [Fact]
    public void A_composition_says_both_its_parts()
    {
        ChannelCredentials.Create(ChannelCredentials.SecureSsl, Calls).InternalPopulateConfiguration(_configurator, "state");

        Assert.Equal("composite True True", _configurator.Said);
    }

    [Fact]
    public void Insecure_credentials_cannot_be_composed() =>
        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(ChannelCredentials.Insecure, Calls));

    [Fact]
    public void A_composition_cannot_be_composed_again()
    {
        var composition = ChannelCredentials.Create(ChannelCredentials.SecureSsl, Calls);

        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(composition, Calls));
    }

    [Fact]
    public void Call_credentials_are_composed_of_two_or_more() =>
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(Calls));

    private sealed class RecordingConfigurator : ChannelCredentialsConfiguratorBase
    {
        public string Said { get; private set; } = "";

        public object? State { get; private set; }

        public override void SetInsecureCredentials(object? state) => Say(state, "insecure");

        public override void SetSslCredentials(
            object? state,
            string? rootCertificates,
            KeyCertificatePair? keyCertificatePair,
            VerifyPeerCallback? verifyPeerCallback)
            => Say(
                state,
                $"ssl {rootCertificates} {keyCertificatePair?.CertificateChain} {keyCertificatePair?.PrivateKey} "
                    + $"{verifyPeerCallback is not null}");

        public override void SetCompositeCredentials(
            object? state,
            ChannelCredentials channelCredentials,
            CallCredentials callCredentials)
            => Say(state, $"composite {channelCredentials == ChannelCredentials.SecureSsl} {callCredentials == Calls}");

        private void Say(object? state, string what) => (State, Said) = (state, what);
    }
}
