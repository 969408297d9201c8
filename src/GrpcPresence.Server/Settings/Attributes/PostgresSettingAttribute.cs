namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>
/// The connection string of a PostgreSQL database. It may contain a password, so messages do not include it, and the command line accepts
/// it only without one.
/// </summary>
internal sealed class PostgresSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <inheritdoc/>
    public override bool IsSecret => true;

    /// <inheritdoc/>
    public override string Form =>
        "a connection string of Npgsql with a host, such as Host=db.example;Database=presence;Username=presence;SSL Mode=VerifyFull";

    /// <inheritdoc/>
    public override string Placeholder => "CONNECTION";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value) => (value = PostgresConnection.Read(text)) is not null;

    /// <inheritdoc/>
    public override bool HasSecret(string text) => PostgresConnection.HasPassword(text);
}
