using System.Security.Cryptography.X509Certificates;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Tests.Tls;

/// <summary>Tests the errors for invalid TLS files.</summary>
public sealed class TlsCredentialsTests : IDisposable
{
    private const string Certificate = "Presence:TlsCertificate";
    private const string Key = "Presence:TlsKey";
    private const string Authorities = "Presence:ClientCertificateAuthorities";

    private readonly TestAuthority _root = TestAuthority.NewRoot();
    private readonly TlsFolder _folder = new();
    private readonly X509Certificate2 _leaf;

    public TlsCredentialsTests()
    {
        _leaf = _root.IssueServer();
        _folder.Write(_leaf, _root.Certificate);
        _folder.WriteAuthorities(_root.Certificate);
    }

    [Fact]
    public void Files_that_fit_are_loaded()
    {
        var credentials = Load();

        Assert.Equal(_leaf.RawData, credentials.Leaf.RawData);
        Assert.True(credentials.Leaf.HasPrivateKey);
        Assert.Equal(_root.Certificate.RawData, Assert.Single(credentials.Authorities).RawData);
    }

    [Fact]
    public void One_file_may_hold_both_the_certificate_and_its_key()
    {
        File.AppendAllText(_folder.Certificate, File.ReadAllText(_folder.Key));
        File.Copy(_folder.Certificate, _folder.Key, overwrite: true);

        Assert.True(Load().Leaf.HasPrivateKey);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        AssertRejected(Certificate, folder => File.Delete(folder.Certificate));
        AssertRejected(Key, folder => File.Delete(folder.Key));
        AssertRejected(Authorities, folder => File.Delete(folder.Authorities));
    }

    [Fact]
    public void A_file_that_is_a_folder_is_named() =>
        AssertRejected(Key, folder =>
        {
            File.Delete(folder.Key);
            Directory.CreateDirectory(folder.Key);
        });

    [Fact]
    public void A_file_without_a_certificate_is_named()
    {
        AssertRejected(Certificate, folder => File.Copy(folder.Key, folder.Certificate, overwrite: true));
        AssertRejected(Authorities, folder => File.WriteAllText(folder.Authorities, ""));
    }

    [Fact]
    public void A_certificate_that_is_cut_off_is_not_passed_over()
    {
        AssertRejected(Certificate, folder => TlsFolder.CutOff(folder.Certificate));
        AssertRejected(Authorities, folder =>
        {
            folder.WriteAuthorities(_root.Certificate, _root.Certificate);
            TlsFolder.CutOff(folder.Authorities);
        });
    }

    [Fact]
    public void A_certificate_that_is_PEM_of_nonsense_is_named() => AssertRejected(
        Certificate, folder => File.WriteAllText(folder.Certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));

    [Fact]
    public void A_key_that_does_not_fit_is_named() => AssertRejected(Key, folder => folder.WriteKey(_root.Certificate));

    [Fact]
    public void A_key_that_is_encrypted_is_named() => AssertRejected(Key, folder => folder.EncryptKey(_leaf));

    [Fact]
    public void A_file_without_a_key_is_named() =>
        AssertRejected(Key, folder => File.Copy(folder.Certificate, folder.Key, overwrite: true));

    [Fact]
    public void Authorities_without_a_root_are_named()
    {
        using var intermediate = _root.NewIntermediate("Intermediate");
        AssertRejected(Authorities, folder => folder.WriteAuthorities(intermediate.Certificate));
    }

    [Fact]
    public void No_key_is_shown_with_what_the_files_hold() =>
        Assert.DoesNotContain("PRIVATE", TlsText.Read(_folder.Settings).ToString(), StringComparison.Ordinal);

    public void Dispose()
    {
        _root.Dispose();
        _folder.Dispose();
        _leaf.Dispose();
    }

    private TlsCredentials Load()
    {
        var settings = _folder.SettingsWith(ClientCertificates.Required);
        return TlsCredentials.Load(TlsText.Read(settings), settings);
    }

    // The files are valid again afterwards.
    private void AssertRejected(string setting, Action<TlsFolder> spoil)
    {
        spoil(_folder);
        var exception = Assert.Throws<SettingsException>(Load);
        Assert.StartsWith(setting, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
        if (!Directory.Exists(_folder.Key))
            _folder.Write(_leaf, _root.Certificate);
        _folder.WriteAuthorities(_root.Certificate);
    }
}
